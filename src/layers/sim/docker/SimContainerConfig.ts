import type { Json } from "../../../domain/Inspection.ts"
import { SimRefusal } from "./SimRefusal.ts"

/** An image as containers are made of it; `config` is what they get unless they say otherwise. */
export interface SimImage {
  readonly id: string
  readonly config: Json
}

const isList = (value: unknown): value is ReadonlyArray<unknown> => Array.isArray(value)
const listOf = (value: unknown): ReadonlyArray<string> => (isList(value) ? value.map(String) : [])
const objectOf = (value: unknown): Json =>
  typeof value === "object" && value !== null && !isList(value) ? { ...value } : {}
const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === "" ||
  value === false ||
  (isList(value) ? value.length === 0 : typeof value === "object" && Object.keys(value).length === 0)

const keyOf = (variable: string): string => variable.split("=")[0] ?? ""

/** What a container that joins another's namespace is refused with, in Docker's words. */
const conflicts: ReadonlyArray<readonly [where: "config" | "host", key: string, message: string]> = [
  ["config", "Hostname", "hostname and the network mode"],
  ["config", "ExposedPorts", "port exposing and the container type network mode"],
  ["host", "PortBindings", "port publishing and the container type network mode"],
  ["host", "PublishAllPorts", "port publishing and the container type network mode"],
  ["host", "Dns", "dns and the network mode"],
  ["host", "ExtraHosts", "custom host-to-IP mapping and the network mode"],
  ["host", "Links", "container type network can't be used with links"]
]

/** Refuses a request whose parts do not go together. */
export const refuseConflicts = (request: Json): void => {
  const { HostConfig, ...config } = request
  const host = objectOf(HostConfig)
  const found = conflicts.find(([where, key]) => !isEmpty((where === "config" ? config : host)[key]))
  if (String(host["NetworkMode"]).startsWith("container:") && found !== undefined) {
    throw new SimRefusal(400, `conflicting options: ${found[2]}`)
  }
  if (host["UTSMode"] === "host" && !isEmpty(config["Hostname"])) {
    throw new SimRefusal(400, "conflicting options: hostname and the UTS mode")
  }
  const policy = objectOf(host["RestartPolicy"])["Name"]
  if (host["AutoRemove"] === true && !["no", "", undefined].includes(policy as string)) {
    throw new SimRefusal(400, "can't create 'AutoRemove' container with restart policy")
  }
}

/** What to run: an entrypoint of the container's own makes its image's command void, and `[""]` means none at all. */
const program = (config: Json, image: Json): Json => {
  const [own, command] = [listOf(config["Entrypoint"]), listOf(config["Cmd"])]
  const Cmd = own.length === 0 && command.length === 0 ? listOf(image["Cmd"]) : command
  const entrypoint = isList(config["Entrypoint"]) ? own : listOf(image["Entrypoint"])
  const Entrypoint = entrypoint.length === 1 && entrypoint[0] === "" ? [] : entrypoint
  if (Entrypoint.length + Cmd.length === 0) throw new SimRefusal(400, "no command specified")
  return { Entrypoint: Entrypoint.length === 0 ? null : Entrypoint, Cmd: Cmd.length === 0 ? null : Cmd }
}

/** `Config` as the engine keeps it: what the container says, and what its image says where it says nothing. */
export const configOf = (id: string, request: Json, { config: image }: SimImage): Json => {
  const { HostConfig: _host, NetworkingConfig: _networks, ...config } = request
  const own = listOf(config["Env"])
  const inherited = listOf(image["Env"]).filter((variable) => !own.some((other) => keyOf(other) === keyOf(variable)))
  const merged = (key: string): Json => {
    const both = { ...objectOf(image[key]), ...objectOf(config[key]) }
    return { [key]: Object.keys(both).length === 0 ? null : both }
  }
  const single = (key: string): Json => ({ [key]: isEmpty(config[key]) ? (image[key] ?? "") : config[key] })
  return {
    Domainname: "",
    ...config,
    ...program(config, image),
    ...single("User"),
    ...single("WorkingDir"),
    Hostname: isEmpty(config["Hostname"]) ? id.slice(0, 12) : config["Hostname"],
    Env: [...own, ...inherited],
    Labels: { ...objectOf(image["Labels"]), ...objectOf(config["Labels"]) },
    ...merged("Volumes"),
    ...merged("ExposedPorts"),
    ...merged("Healthcheck")
  }
}

/** `HostConfig` as the engine keeps it. */
export const hostConfigOf = (request: Json, NetworkMode: string): Json => {
  const host = objectOf(request["HostConfig"])
  const policy = objectOf(host["RestartPolicy"])
  return {
    AutoRemove: false,
    Binds: null,
    VolumesFrom: null,
    ...host,
    NetworkMode,
    RestartPolicy: { Name: policy["Name"] || "no", MaximumRetryCount: policy["MaximumRetryCount"] ?? 0 }
  }
}

/** One mount as `Mounts` of an inspection tells it. */
export interface SimMount {
  readonly Type: string
  readonly Name?: string
  readonly Source: string
  readonly Destination: string
  readonly Mode: string
  readonly RW: boolean
}

export interface SimVolumes {
  readonly anonymous: () => string
  readonly named: (name: string) => void
  /** The mounts of another container. */
  readonly from: (ref: string) => ReadonlyArray<SimMount>
}

const volume = (Name: string, Destination: string, Mode: string, RW: boolean): SimMount => ({
  Type: "volume",
  Name,
  Source: `/var/lib/docker/volumes/${Name}/_data`,
  Destination,
  Mode,
  RW
})

const bound = (bind: string, volumes: SimVolumes): SimMount => {
  const [source = "", target, mode = ""] = bind.split(":")
  const RW = !mode.split(",").includes("ro")
  if (target === undefined) return volume(volumes.anonymous(), source, "", true)
  if (source.startsWith("/")) return { Type: "bind", Source: source, Destination: target, Mode: mode, RW }
  volumes.named(source)
  return volume(source, target, mode || "z", RW)
}

const typed = (mount: Json, volumes: SimVolumes): SimMount => {
  const [type, source, target] = [String(mount["Type"]), String(mount["Source"] ?? ""), String(mount["Target"])]
  const RW = mount["ReadOnly"] !== true
  if (type !== "volume") return { Type: type, Source: source, Destination: target, Mode: "", RW }
  if (source !== "") volumes.named(source)
  return volume(source === "" ? volumes.anonymous() : source, target, "z", RW)
}

const readOnly = (mount: SimMount): SimMount => ({ ...mount, RW: false })

/** What is mounted where. A volume of the image or the container's configuration comes last, and only where nothing else is. */
export const mountsOf = (config: Json, host: Json, volumes: SimVolumes): ReadonlyArray<SimMount> => {
  const borrowed = listOf(host["VolumesFrom"]).flatMap((entry) => {
    const [ref = "", mode = "rw"] = entry.split(":")
    return volumes.from(ref).map((mount): SimMount => (mode === "ro" ? readOnly(mount) : mount))
  })
  const binds = listOf(host["Binds"]).map((bind) => bound(bind, volumes))
  const mounts = isList(host["Mounts"]) ? host["Mounts"].map((mount) => typed(objectOf(mount), volumes)) : []
  const asked = [...binds, ...mounts]
  const places = [...asked.map(({ Destination }) => Destination), ...Object.keys(objectOf(host["Tmpfs"]))]
  const twice = places.find((place, index) => places.indexOf(place) !== index)
  if (twice !== undefined) throw new SimRefusal(400, `Duplicate mount point: ${twice}`)
  const named = [...borrowed.filter(({ Destination }) => !places.includes(Destination)), ...asked]
  const taken = new Set([...places, ...named.map(({ Destination }) => Destination)])
  const left = Object.keys(objectOf(config["Volumes"])).filter((place) => !taken.has(place))
  return [...named, ...left.map((place) => volume(volumes.anonymous(), place, "", true))]
}
