import { readdirSync, readFileSync } from "node:fs"
import { basename } from "node:path"
import * as Schema from "effect/Schema"
import { ImageConfig, Inspection } from "../../src/domain/Inspection.ts"

const folder = new URL("inspections/", import.meta.url)
const decode = Schema.decodeUnknownSync(Inspection)

/** What Docker 26.1 (API 1.45) said of variously configured containers, by their names; collected by `e2e/inspections.ts`. */
export const inspections: ReadonlyMap<string, Inspection> = new Map(
  readdirSync(folder).map((file) => [
    basename(file, ".json"),
    decode(JSON.parse(readFileSync(new URL(file, folder), "utf8")))
  ])
)

export const inspectionOf = (name: string): Inspection => {
  const found = inspections.get(name)
  if (found === undefined) throw new Error(`there is no inspection called ${name}`)
  return found
}

/** The file as it is. */
export const rawInspection = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf8"))

type Part = "Config" | "HostConfig" | "State"

/** The same container, but for some of what is said of it. */
export const differing = (
  name: string,
  parts: { readonly [P in Part]?: object } & { readonly [key: string]: unknown }
): Inspection => {
  const found = inspectionOf(name)
  const { Config = {}, HostConfig = {}, State = {}, ...rest } = parts
  return decode({
    ...found,
    ...rest,
    Config: { ...found.Config, ...Config },
    HostConfig: { ...found.HostConfig, ...HostConfig },
    State: { ...found.State, ...State }
  })
}

/** The configuration of the image that `anonymous`, `joined` and `published` are of. */
export const imageWithVolume: ImageConfig = Schema.decodeUnknownSync(ImageConfig)({
  Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "FROM_IMAGE=yes"],
  Entrypoint: ["tini", "--", "anchord"],
  Cmd: null,
  Volumes: { "/data": {} },
  ExposedPorts: { "80/tcp": {}, "81/udp": {} },
  WorkingDir: "/srv",
  Labels: { from: "image" },
  Healthcheck: { Test: ["CMD", "anchord-health"], Interval: 30_000_000_000 }
})
