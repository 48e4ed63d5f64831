import { families, type Family } from "../../src/domain/Address.ts"
import { ORIGINALS_TABLE } from "../../src/domain/Routing.ts"
import type { Lab } from "./lab.ts"
import { eventually } from "./steps.ts"

const flag: Readonly<Record<Family, string>> = { v4: "-4", v6: "-6" }

const inspect = async (lab: Lab, format: string, container: string): Promise<string> =>
  (await lab.docker("inspect", "-f", format, container)).trim()

/** The first process of a container, as the engine numbers it; an error while it does not run. */
export const processOf = async (lab: Lab, container: string): Promise<string> => {
  const pid = await inspect(lab, "{{.State.Pid}}", container)
  if (pid === "0") throw new Error(`${container} does not run`)
  return pid
}

/** The network namespace that a container that runs is really in. */
export const namespaceOf = async (lab: Lab, container: string): Promise<string> =>
  (await lab.engine.inside(["readlink", `/proc/${await processOf(lab, container)}/ns/net`])).trim()

/** An error while one of the containers is not in the namespace of the first. */
export const shareNamespace = async (lab: Lab, owner: string, ...others: ReadonlyArray<string>): Promise<void> => {
  const wanted = await namespaceOf(lab, owner)
  for (const other of others) {
    const found = await namespaceOf(lab, other)
    if (found !== wanted) throw new Error(`${other} is in ${found}, and ${owner} in ${wanted}`)
  }
}

/** The whole routing tables of a container's namespace, as ip(8) tells them. */
export const routesOf = (lab: Lab, container: string): Promise<ReadonlyArray<string>> =>
  Promise.all(families.map((family) => lab.docker("exec", container, "ip", flag[family], "route", "show")))

/** The default routes of a container's namespace, IPv4 and then IPv6, one line each; in the main table, or in the one of originals. */
export const defaultsOf = async (
  lab: Lab,
  container: string,
  table: "main" | "originals" = "main"
): Promise<ReadonlyArray<string>> => {
  const number = table === "main" ? "main" : `${ORIGINALS_TABLE}`
  const shown = families.map((family) =>
    // A table that nobody ever used is an error for ip(8), and no route.
    lab.docker("exec", container, "ip", flag[family], "route", "show", "default", "table", number).catch(() => "")
  )
  return (await Promise.all(shown)).flatMap((text) => text.trim().split("\n")).map((line) => line.trim())
}

/** Identity and start of containers: another text when one of them was made anew or restarted. */
export const incarnationOf = (lab: Lab, container: string): Promise<string> =>
  inspect(lab, "{{.Id}} {{.State.StartedAt}}", container)

/** How long after the start of the owner a service-anchor last set both default routes of its namespace, in milliseconds; waits for that. */
export const routedAfter = (lab: Lab, owner: string, anchor: string): Promise<number> =>
  eventually(`${anchor} has set both default routes`, 60_000, async () => {
    const started = Date.parse(await inspect(lab, "{{.State.StartedAt}}", owner))
    const text = await lab.engine.inside(["sh", "-c", `docker logs ${anchor} 2>&1`])
    const lines = text.split("\n").filter((line) => line.includes('"the default route leads to the network-anchor"'))
    const times = families.map((family) => {
      const line = lines.findLast((one) => one.includes(`"family":"${family}"`)) ?? `{"time":""}`
      return Date.parse(JSON.parse(line).time)
    })
    const after = times.map((time) => time - started)
    if (!after.every((millis) => millis >= 0)) throw new Error(`they were set ${after.join(" and ")} ms after`)
    return Math.max(...after)
  })

export const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
