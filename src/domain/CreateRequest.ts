import { containerMounts } from "./ContainerMounts.ts"
import { containerNetworks, type NetworkToJoin } from "./ContainerNetworks.ts"
import { withoutDefaults } from "./ImageDefaults.ts"
import { shortId, type ImageConfig, type Inspection, type Json, type RunConfig } from "./Inspection.ts"

export type { NetworkToJoin } from "./ContainerNetworks.ts"

/** What is meant to be different in the new container. */
export interface Changes {
  /**
   * `container:<ref>` joins this container's namespace; a PID or IPC namespace that named the same container as before goes with it. Otherwise the
   * network that it is created on; it is on it afterwards only if it was before.
   */
  readonly networkMode?: string
  /** Runs another image; what the container only has from its present image, whose `Config` is `replaced`, is not kept. */
  readonly image?: { readonly name: string; readonly replaced: ImageConfig }
  /** Variables that get another value; all others stay. */
  readonly environment?: Readonly<Record<string, string>>
}

/** What makes a container: `POST /containers/create`, and the networks that it must be on when that is done. */
export interface CreateRequest {
  /** The body, without `NetworkingConfig`. */
  readonly body: Json & { readonly Image: string; readonly Labels?: unknown }
  /** Every network it is on, that of its `NetworkMode` first. */
  readonly networks: ReadonlyArray<NetworkToJoin>
  /** The network that `NetworkMode` would put it on, when it is not to be there: somebody disconnected it. */
  readonly leave?: string
  /** `os/architecture[/variant]`, where the engine keeps images of several. */
  readonly platform?: string
}

const JOINS = "container:"

export const joinsContainer = (mode: string | null | undefined): boolean => mode?.startsWith(JOINS) === true

const without = <A extends Json>(json: A, ...keys: ReadonlyArray<string>): Json =>
  Object.fromEntries(Object.entries(json).filter(([key]) => !keys.includes(key)))

/** What a container that joins another's namespace has from its owner; Docker shows it, and refuses it when it is asked for. */
const ofOwnNamespace = ["Hostname", "Domainname", "ExposedPorts", "MacAddress"]

/** What Docker refuses there as well, unless it is empty. */
const ofOwnNetwork = ["PortBindings", "PublishAllPorts", "Links", "Dns", "ExtraHosts"]

const isEmpty = (value: unknown): boolean => !value || (typeof value === "object" && Object.keys(value).length === 0)

const withoutOwnNetwork = (host: Json): Json =>
  Object.fromEntries(Object.entries(host).filter(([key, value]) => !ofOwnNetwork.includes(key) || isEmpty(value)))

/** An entrypoint that was overridden with nothing shows as none; asked for as none it would become the image's again. */
const ownEntrypoint = (config: RunConfig): Json =>
  (config.Entrypoint ?? []).length === 0 ? { ...config, Entrypoint: [""] } : config

const withEnvironment = (config: Json, environment: Changes["environment"]): Json => {
  if (environment === undefined) return config
  const before = Array.isArray(config["Env"]) ? config["Env"].map(String) : []
  const kept = before.filter((entry) => !((entry.split("=")[0] ?? "") in environment))
  return { ...config, Env: [...kept, ...Object.entries(environment).map(([name, value]) => `${name}=${value}`)] }
}

const configOf = ({ Id, Config }: Inspection, joins: boolean, { image, environment }: Changes): Json => {
  const ofImage = image === undefined ? undefined : withoutDefaults(Config, image.replaced)
  const base = ofImage === undefined ? ownEntrypoint(Config) : { ...ofImage, Image: image?.name }
  const own = withEnvironment(base, environment)
  if (joins) return without(own, ...ofOwnNamespace)
  return Config.Hostname === shortId(Id) ? without(own, "Hostname") : own
}

const hostConfigOf = (inspection: Inspection, mode: string): Json => {
  const { HostConfig } = inspection
  const before = HostConfig.NetworkMode
  const follows = (namespace: "PidMode" | "IpcMode"): Json =>
    joinsContainer(before) && HostConfig[namespace] === before ? { [namespace]: mode } : {}
  const all = {
    ...HostConfig,
    ...containerMounts(inspection),
    ...follows("PidMode"),
    ...follows("IpcMode"),
    NetworkMode: mode
  }
  return joinsContainer(mode) ? withoutOwnNetwork(all) : all
}

const platformOf = ({ ImageManifestDescriptor }: Inspection): { readonly platform?: string } => {
  const platform = ImageManifestDescriptor?.platform
  if (!platform) return {}
  const { os, architecture, variant } = platform
  return { platform: [os, architecture, ...(variant ? [variant] : [])].join("/") }
}

/**
 * The request that makes the same container once more, as it is now, but for the changes (SPEC §11). What the engine chose for the old one
 * (host name by ID, addresses, generated MAC) is left to it again; data stays, because every volume is asked for by name; what this code does
 * not know is passed on.
 */
export const createRequest = (inspection: Inspection, changes: Changes = {}): CreateRequest => {
  const mode = changes.networkMode ?? (inspection.HostConfig.NetworkMode || "bridge")
  const joins = joinsContainer(mode)
  const config = configOf(inspection, joins, changes)
  const Image = changes.image?.name ?? (inspection.Config.Image || inspection.Image)
  return {
    body: { ...config, Image, HostConfig: hostConfigOf(inspection, mode) },
    ...(joins ? { networks: [] } : containerNetworks(inspection, mode)),
    ...(changes.image === undefined ? platformOf(inspection) : {})
  }
}

/** The same, of exactly that image, whatever its name means by now. */
export const ofImage = (request: CreateRequest, imageId: string): CreateRequest => ({
  ...request,
  body: { ...request.body, Image: imageId }
})
