import type { AddressPair, Family } from "../../src/domain/Address.ts"
import type { ContainerSnapshot } from "../../src/domain/DockerState.ts"
import type { SimDocker } from "../../src/layers/sim/docker/SimDocker.ts"
import { isServed, labelOf, managedClaims, NETWORK_ANCHOR, roles, TRANSIT, type Casting, type Claim } from "./cast.ts"

/** A port as clients see it. */
export interface OutsidePort {
  readonly family: Family
  readonly protocol: Claim["protocol"]
  readonly port: number
}

/** A container that asks for a port and could have it: it is there, and can be reached. */
export interface Claimant {
  readonly container: ContainerSnapshot
  /** In whose namespace its ports are: itself, or the one that it has joined. */
  readonly owner: ContainerSnapshot
  readonly backendPort: number
}

const claimsByLabel = new Map(
  [...roles.map(({ claims }) => claims), managedClaims].map((claims) => [labelOf(claims), claims] as const)
)

/** Every port that somebody might ask for, the ends of every range, and some that nobody asks for. */
export const outsidePorts: ReadonlyArray<Omit<OutsidePort, "family">> = [
  ...new Map(
    [
      ...[...claimsByLabel.values()]
        .flat()
        .flatMap(({ protocol, from, to }) =>
          [from, to, Math.floor((from + to) / 2)].map((port) => ({ protocol, port }))
        ),
      { protocol: "tcp" as const, port: 8443 },
      { protocol: "udp" as const, port: 25 },
      { protocol: "udp" as const, port: 4006 }
    ].map((one) => [`${one.protocol}/${one.port}`, one] as const)
  ).values()
]

const claimsOf = ({ labels }: ContainerSnapshot): ReadonlyArray<Claim> =>
  claimsByLabel.get(labels["anchord.expose"] ?? "") ?? []

const isAlive = ({ status }: ContainerSnapshot): boolean =>
  status === "running" || status === "paused" || status === "restarting"

/** The container at the end of a chain of `network_mode: container:`. */
export const namespaceOwner = (docker: SimDocker, container: ContainerSnapshot): ContainerSnapshot | undefined => {
  let current: ContainerSnapshot | undefined = container
  for (let hops = 0; current?.networkMode.startsWith("container:") === true; hops++) {
    if (hops > 10) return undefined
    current = docker.find(current.networkMode.slice("container:".length))
  }
  return current
}

const older = (a: ContainerSnapshot, b: ContainerSnapshot): number =>
  a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1)

const covers = ({ protocol, from, to }: Claim, outside: OutsidePort): boolean =>
  protocol === outside.protocol && from <= outside.port && outside.port <= to

/** Each port of a claim, by protocol and port. */
export const keysOf = ({ protocol, from, to }: Claim): ReadonlyArray<string> =>
  Array.from({ length: to - from + 1 }, (_, at) => `${protocol}/${from + at}`)

const following = (key: string): string => key.replace(/\d+$/, (port) => `${Number(port) + 1}`)

/** A container that asks for ports and could have them. */
export interface Candidate extends Pick<Claimant, "container" | "owner"> {
  readonly claims: ReadonlyArray<Claim>
  /** Where it is reached. */
  readonly addresses: AddressPair
}

/** The port of the container that an outside port means, if it is asked for. */
export const backendPortOf = ({ claims }: Candidate, outside: OutsidePort): number | undefined => {
  const claim = claims.find((one) => covers(one, outside))
  return claim && claim.backendFrom + outside.port - claim.from
}

/** Whether a container does not want ports by IPv6. */
export const isWithoutV6 = ({ container }: Pick<Candidate, "container">): boolean =>
  container.labels["anchord.expose.v6"] === "off"

/**
 * Who may have ports at this moment, by what Docker's own state says and nothing else, the first one first. Written anew for the simulation: what
 * the program decides by is not asked.
 */
export const candidatesOf = (docker: SimDocker, casting: Casting): ReadonlyArray<Candidate> =>
  candidatesAmong(askersOf(docker, casting))

/** Those of them that have not ended in the namespace of another one. */
export const candidatesAmong = (askers: ReadonlyArray<Candidate>): ReadonlyArray<Candidate> =>
  askers.filter(({ container, owner }) => owner === container || (isAlive(container) && isAlive(owner)))

/** The same with those that have ended in the namespace of another one; or of other containers than there are. */
export const askersOf = (
  docker: SimDocker,
  casting: Casting,
  containers: ReadonlyArray<ContainerSnapshot> = docker.containers()
): ReadonlyArray<Candidate> => {
  const members = docker.network(TRANSIT)?.members
  return containers
    .flatMap((container) => {
      const claims = claimsOf(container)
      if (claims.length === 0 || container.name === NETWORK_ANCHOR || !isServed(container.labels, casting)) return []
      const owner = namespaceOwner(docker, container)
      const { v4, v6 } = members?.get(owner?.id ?? "") ?? {}
      if (owner === undefined || (v4 ?? v6) === undefined) return []
      const addresses = { ...(v4 === undefined ? {} : { v4 }), ...(v6 === undefined ? {} : { v6 }) }
      return [{ container, owner, claims, addresses }]
    })
    .toSorted((a, b) => older(a.container, b.container))
}

/** The one of them that a port is to lead to, for both families; none where nobody has it, or its owner does not have it in that family. */
export const ownerAmong = (candidates: ReadonlyArray<Candidate>, outside: OutsidePort): Claimant | undefined => {
  for (const candidate of candidates) {
    const { container, owner } = candidate
    const backendPort = backendPortOf(candidate, outside)
    if (backendPort === undefined) continue
    if (outside.family === "v6" && isWithoutV6(candidate)) return undefined
    if (candidate.addresses[outside.family] === undefined) return undefined
    return { container, owner, backendPort }
  }
  return undefined
}

/** The container that a port is to lead to, if any. */
export const ownerOf = (docker: SimDocker, casting: Casting, outside: OutsidePort): Claimant | undefined =>
  ownerAmong(candidatesOf(docker, casting), outside)

/** Who has each port that anybody asks for, by protocol and port, and how often somebody is on standby: of ports that adjoin each other, once. */
export const holdersAmong = (
  candidates: ReadonlyArray<Candidate>
): { readonly holders: ReadonlyMap<string, Candidate>; readonly conflicts: number } => {
  const holders = new Map<string, Candidate>()
  let conflicts = 0
  for (const candidate of candidates) {
    let before = ""
    for (const key of candidate.claims.flatMap(keysOf)) {
      const holder = holders.get(key) ?? candidate
      holders.set(key, holder)
      const lost = holder === candidate ? "" : `${holder.container.id} ${key}`
      if (lost !== "" && before !== lost) conflicts += 1
      before = lost === "" ? "" : `${holder.container.id} ${following(key)}`
    }
  }
  return { holders, conflicts }
}

/** The ports of {@link outsidePorts} that a container with these labels asks for. */
export const portsOf = (labels: Readonly<Record<string, string>>): ReadonlyArray<Omit<OutsidePort, "family">> => {
  const claims = claimsByLabel.get(labels["anchord.expose"] ?? "") ?? []
  return outsidePorts.filter((outside) => claims.some((claim) => covers(claim, { ...outside, family: "v4" })))
}
