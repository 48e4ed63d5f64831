import { families, type Family } from "../../src/domain/Address.ts"
import type { DnatEntry } from "../../src/domain/Dnat.ts"
import { nftFamily, parseTable, tableName } from "../../src/domain/NftJson.ts"
import { parseFlows } from "../../src/layers/conntrack/parseFlows.ts"
import type { Project } from "./composeProject.ts"

const text = (entry: DnatEntry): string =>
  entry._tag === "Port"
    ? `${entry.protocol}/${entry.port} -> ${entry.address} ${entry.backendPort}`
    : `${entry.protocol}/${entry.from}-${entry.to} -> ${entry.address}`

/** What a network-anchor's DNAT maps hold in the kernel, sorted, one line for each element. */
export const mapsOf = async (project: Project, anchor = "anchord"): Promise<ReadonlyArray<string>> => {
  const tables = await Promise.all(
    families.map(async (family) => {
      const listed = await project.exec(anchor, "nft", "-j", "list", "table", nftFamily[family], tableName[family])
      return parseTable(JSON.parse(listed), family).entries.map(text)
    })
  )
  return tables.flat().toSorted()
}

/** The flows that a network-anchor's kernel tracks. */
export const flowsOf = async (project: Project, family: Family, anchor = "anchord") =>
  parseFlows(await project.exec(anchor, "conntrack", "-L", "-f", family === "v4" ? "ipv4" : "ipv6"), family)

/** A service's addresses on the project's transit network. */
export const addressesOf = async (project: Project, service: string) => {
  const network = `(index .NetworkSettings.Networks "${project.name}_transit")`
  const [v4 = "", v6 = ""] = (
    await project.inspect(service, `{{${network}.IPAddress}} {{${network}.GlobalIPv6Address}}`)
  ).split(" ")
  return { v4, v6 }
}

/** When Docker started a service's container, in milliseconds of Unix time. */
export const startedAt = async (project: Project, service: string): Promise<number> =>
  Date.parse(await project.inspect(service, "{{.State.StartedAt}}"))
