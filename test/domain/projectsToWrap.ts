import * as Result from "effect/Result"
import type { ConfiguredNetwork, ContainerToWrap, NetworkConfiguration } from "../../src/domain/ProjectToWrap.ts"
import type { PublishedPort } from "../../src/domain/PublishedPort.ts"
import { remarkText } from "../../src/domain/WrapFiles.ts"
import { wrapProject } from "../../src/domain/WrapProject.ts"

/** A port as a compose file has it: `8443:443`, `25`, or `:80` for one that Docker chooses. */
export const port = (text: string, protocol = "tcp", hostAddress = ""): PublishedPort => {
  const [outside = "", inside = outside] = text.split(":")
  return { protocol, hostAddress, inside: Number(inside), outside: /^\d+$/.test(outside) ? Number(outside) : outside }
}

export const on = (...names: ReadonlyArray<string>): ReadonlyArray<ConfiguredNetwork> =>
  names.map((name) => ({ name, pinned: {} }))

/** The first container of a service of the project `cloud`. */
export const container = (
  service: string,
  ports: ReadonlyArray<PublishedPort>,
  more: Partial<ContainerToWrap> = {}
): ContainerToWrap => ({
  name: `cloud-${service}-1`,
  service,
  runs: true,
  namespace: "own",
  networks: on("cloud_default"),
  ports,
  exposed: false,
  ...more
})

export const bridge = (name: string, more: Partial<NetworkConfiguration> = {}): NetworkConfiguration => ({
  name,
  driver: "bridge",
  internal: false,
  subnets: [],
  taken: [],
  ...more
})

const outcome = (containers: ReadonlyArray<ContainerToWrap>, ...networks: ReadonlyArray<NetworkConfiguration>) =>
  wrapProject({ project: "cloud", containers, networks: new Map(networks.map((network) => [network.name, network])) })

/** How the project is wrapped, and why it cannot be. */
export const wrap = (...args: Parameters<typeof outcome>) => Result.getOrThrow(outcome(...args))
export const failure = (...args: Parameters<typeof outcome>) => Result.getOrThrow(Result.flip(outcome(...args)))

/** What is told of it, as the generated file has it. */
export const remarks = (...args: Parameters<typeof outcome>) =>
  wrap(...args).remarks.map((remark) => `${remark.kind}: ${remarkText(remark)}`)
