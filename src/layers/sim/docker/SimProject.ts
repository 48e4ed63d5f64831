import type { AddressPair } from "../../../domain/Address.ts"
import type { CreateRequest } from "../../../domain/CreateRequest.ts"
import type { Json } from "../../../domain/Inspection.ts"
import type { SimNetworkSpec } from "./SimSpec.ts"

/** A service of a compose file. */
export interface SimService {
  readonly image: string
  /** `container_name`; left out, it is made of project, service and number. */
  readonly containerName?: string
  readonly command?: ReadonlyArray<string>
  readonly environment?: ReadonlyArray<string>
  readonly labels?: Readonly<Record<string, string>>
  /** By the file's own name for the network. */
  readonly networks?: Readonly<Record<string, AddressPair & { readonly aliases?: ReadonlyArray<string> }>>
  /** `service:<name>`, `container:<ref>`, `host` or `none`; with it there are no networks. */
  readonly networkMode?: string
  readonly dependsOn?: ReadonlyArray<string>
  readonly restart?: "no" | "on-failure" | "always" | "unless-stopped"
  readonly graceSeconds?: number
  readonly sysctls?: Readonly<Record<string, string>>
}

/** A compose file. */
export interface SimProject {
  readonly name: string
  readonly services: Readonly<Record<string, SimService>>
  /** Of an external network only its name is said. */
  readonly networks: Readonly<Record<string, Omit<SimNetworkSpec, "name"> | { readonly external: string }>>
}

/** The service whose containers' namespace another service's are in. */
export const ownerService = ({ networkMode }: SimService): string | undefined =>
  networkMode?.startsWith("service:") ? networkMode.slice("service:".length) : undefined

/** What a service cannot do without: those that it says, and the one whose namespace it is in. */
export const dependenciesOf = (service: SimService): ReadonlyArray<string> => [
  ...new Set([...(service.dependsOn ?? []), ...(ownerService(service) ?? "").split(",").filter(Boolean)])
]

/** What a network is called in the engine. */
export const networkName = ({ name, networks }: SimProject, key: string): string => {
  const network = networks[key]
  return network !== undefined && "external" in network ? network.external : `${name}_${key}`
}

/** These services and all that they depend on. */
export const withDependencies = (project: SimProject, names: ReadonlyArray<string>): ReadonlySet<string> => {
  const all = new Set(names)
  for (const name of all) for (const other of dependenciesOf(serviceOf(project, name))) all.add(other)
  return all
}

export const serviceOf = ({ services }: SimProject, name: string): SimService => {
  const service = services[name]
  if (service === undefined) throw new Error(`no such service: ${name}`)
  return service
}

/** Services in the order of their dependencies: those of one step do not wait for each other. */
export const steps = (
  names: Iterable<string>,
  dependencies: (name: string) => ReadonlyArray<string>
): ReadonlyArray<ReadonlyArray<string>> => {
  const left = new Set(names)
  const found: Array<ReadonlyArray<string>> = []
  while (left.size > 0) {
    const step = [...left].filter((name) => !dependencies(name).some((other) => left.has(other)))
    if (step.length === 0) throw new Error(`a dependency cycle: ${[...left].join(", ")}`)
    for (const name of step) left.delete(name)
    found.push(step)
  }
  return found
}

export const PROJECT = "com.docker.compose.project"
export const SERVICE = "com.docker.compose.service"
export const ONEOFF = "com.docker.compose.oneoff"
export const HASH = "com.docker.compose.config-hash"
const NUMBER = "com.docker.compose.container-number"
const DEPENDS_ON = "com.docker.compose.depends_on"

const dependsOnText = (service: SimService, dependencies: ReadonlyArray<string>): string => {
  const owner = ownerService(service)
  return dependencies.map((name) => `${name}:service_started:${name === owner}`).join(",")
}

/**
 * The request that creates a service's container; `mode` has the ID of the container whose namespace it joins. A service that is created without
 * its dependencies is another one to Compose: the next `up` replaces it.
 */
export const requestFor = (
  project: SimProject,
  name: string,
  mode: string | undefined,
  { more = {}, noDeps = false }: { readonly more?: Json; readonly noDeps?: boolean } = {}
): CreateRequest["body"] & { readonly Labels: Readonly<Record<string, string>> } => {
  const service = serviceOf(project, name)
  const { image, command = ["run"], environment = [], restart = "no", graceSeconds = 10, sysctls = {} } = service
  const [first = "default"] = Object.keys(service.networks ?? {}).toSorted()
  const NetworkMode = mode ?? networkName(project, first)
  const HostConfig = { NetworkMode, RestartPolicy: { Name: restart }, Sysctls: sysctls }
  const asked = { Image: image, Cmd: command, Env: environment, StopTimeout: graceSeconds, HostConfig, ...more }
  const dependencies = noDeps ? [] : dependenciesOf(service)
  const labels = {
    ...service.labels,
    [PROJECT]: project.name,
    [SERVICE]: name,
    [NUMBER]: "1",
    [ONEOFF]: "False",
    [DEPENDS_ON]: dependsOnText(service, dependencies),
    [HASH]: JSON.stringify([asked, service.labels, service.networks, dependencies])
  }
  return { ...asked, Labels: labels }
}

/** What a service's container asks for on its networks. */
export const endpointsFor = (project: SimProject, name: string, containerName: string) =>
  Object.entries(serviceOf(project, name).networks ?? {}).map(([key, { v4, v6, aliases = [] }]) => ({
    name: networkName(project, key),
    endpoint: {
      Aliases: [containerName, name, ...aliases],
      IPAMConfig: {
        ...(v4 === undefined ? {} : { IPv4Address: v4 }),
        ...(v6 === undefined ? {} : { IPv6Address: v6 })
      }
    }
  }))
