import { protocols, type PortMapping, type Protocol } from "./Dnat.ts"
import { MAX_TRANSLATED_RANGE, printMapping } from "./ExposeLabel.ts"
import type { ContainerToWrap } from "./ProjectToWrap.ts"
import { canonicalPorts, isLoopback, type PublishedPort } from "./PublishedPort.ts"

/**
 * What a reader of the generated file has to know: `undecided` is left for the operator, a `note` is decided. `ports` are those of the container that
 * are not exposed because of it.
 */
export interface Remark {
  readonly kind: "undecided" | "note"
  readonly container: string | undefined
  readonly ports: ReadonlyArray<PublishedPort>
  readonly why: string
  readonly whatToDo: string
}

export type Reason = Pick<Remark, "kind" | "why" | "whatToDo">

/** What becomes of a container's published ports: each is exposed, or part of one remark. */
export interface SortedPorts {
  readonly container: ContainerToWrap
  readonly exposed: ReadonlyArray<PublishedPort>
  readonly remarks: ReadonlyArray<Remark>
}

const undecided = (why: string, whatToDo: string): Reason => ({ kind: "undecided", why, whatToDo })

const hasProtocol = ({ protocol }: PublishedPort): boolean => protocols.some((known) => known === protocol)

/** Why a port cannot become an entry of `anchord.expose`, whatever the other containers publish. */
const ownReason = (port: PublishedPort): Reason | undefined => {
  if (!hasProtocol(port))
    return undecided(`anchord maps TCP and UDP, not ${port.protocol.toUpperCase()}`, "leave it published on the host")
  if (isLoopback(port))
    return {
      kind: "note",
      why: "published for the host alone",
      whatToDo: "it stays so; to have it on the LAN, add it to anchord.expose"
    }
  if (typeof port.outside === "string") {
    const how = port.outside === "" ? "that is free" : `of ${port.outside} that is free`
    return undecided(`Docker takes any port ${how}`, "choose one, and add it to anchord.expose as tcp|udp/PORT:INSIDE")
  }
  return undefined
}

const keyOf = ({ protocol, outside }: PublishedPort): string => `${protocol}/${outside}`

/** The ports of the host that two containers want, or two ports of one container, on different addresses of the host. */
const contested = (containers: ReadonlyArray<ContainerToWrap>): ReadonlyMap<string, ReadonlySet<string>> => {
  const targets = new Map<string, Set<string>>()
  for (const { name, ports } of containers) {
    for (const port of ports.filter((one) => ownReason(one) === undefined)) {
      const target = `${name} (${port.inside}/${port.protocol})`
      targets.set(keyOf(port), (targets.get(keyOf(port)) ?? new Set()).add(target))
    }
  }
  return new Map([...targets].filter(([, wanted]) => wanted.size > 1))
}

const contestedReason = (port: PublishedPort, targets: ReadonlySet<string>): Reason =>
  undecided(
    `${keyOf(port)} leads to ${[...targets].toSorted().join(" and ")} on different addresses of the host, and the project gets one address`,
    "decide which of them has it, and add it to that one's anchord.expose"
  )

/** One remark for all the ports of a container that have one reason. */
export const remarksOf = (
  container: string,
  reasons: ReadonlyArray<readonly [port: PublishedPort, reason: Reason]>
): ReadonlyArray<Remark> => {
  const grouped = new Map<string, Remark>()
  for (const [port, { kind, why, whatToDo }] of reasons) {
    const ports = grouped.get(why)?.ports ?? []
    grouped.set(why, { kind, container, ports: [...ports, port], why, whatToDo })
  }
  return [...grouped.values()]
}

/** What keeps a whole container from being wrapped. */
const wholeReason = ({ namespace, exposed, ports }: ContainerToWrap): Reason | undefined => {
  if (namespace === "host")
    return undecided(
      "it is in the network namespace of the host, where it has no address of its own",
      "give it a network instead of network_mode: host, and wrap again"
    )
  if (ports.length === 0) return undefined
  if (exposed) return undecided("it carries anchord.expose: a network-anchor serves it already", "leave it to that one")
  if (namespace !== "own") return undecided("it is on no network", "give it one, and wrap again")
  return undefined
}

/** Sorts the published ports of all containers into what can be exposed and what cannot, with the reason (SPEC §13). */
export const sortPorts = (containers: ReadonlyArray<ContainerToWrap>): ReadonlyArray<SortedPorts> => {
  const canonical = containers
    .map((container) => Object.assign({}, container, { ports: canonicalPorts(container.ports) }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const whole = new Map(canonical.map((container) => [container.name, wholeReason(container)]))
  const rivals = contested(canonical.filter(({ name }) => whole.get(name) === undefined))
  return canonical.map((container) => {
    const { name, ports } = container
    const reason = whole.get(name)
    if (reason !== undefined) return { container, exposed: [], remarks: [{ ...reason, container: name, ports }] }
    const reasonFor = (port: PublishedPort): Reason | undefined => {
      const own = ownReason(port)
      if (own !== undefined) return own
      const targets = rivals.get(keyOf(port))
      return targets === undefined ? undefined : contestedReason(port, targets)
    }
    const judged = ports.map((port) => [port, reasonFor(port)] as const)
    return {
      container,
      exposed: judged.filter(([, why]) => why === undefined).map(([port]) => port),
      remarks: remarksOf(
        name,
        judged.flatMap(([port, why]) => (why === undefined ? [] : [[port, why] as const]))
      )
    }
  })
}

const isProtocol = (text: string): text is Protocol => protocols.some((protocol) => protocol === text)

const asMapping = ({ protocol, inside, outside }: PublishedPort): ReadonlyArray<PortMapping> =>
  isProtocol(protocol) && typeof outside === "number"
    ? [{ protocol, from: outside, to: outside, backendFrom: inside }]
    : []

const follows = (last: PortMapping, next: PortMapping): boolean =>
  last.protocol === next.protocol &&
  next.from === last.to + 1 &&
  next.backendFrom - next.from === last.backendFrom - last.from &&
  (last.backendFrom === last.from || next.to - last.from < MAX_TRANSLATED_RANGE)

/** `anchord.expose` for ports that are published: what is in a row becomes a range, and an outside port that is named twice is one. */
export const exposeLabel = (ports: ReadonlyArray<PublishedPort>): string => {
  const merged: Array<PortMapping> = []
  for (const mapping of canonicalPorts(ports).flatMap(asMapping)) {
    const last = merged.at(-1)
    if (last?.protocol === mapping.protocol && last.to === mapping.from) continue
    if (last !== undefined && follows(last, mapping)) merged[merged.length - 1] = { ...last, to: mapping.to }
    else merged.push(mapping)
  }
  return merged.map(printMapping).join(",")
}

/** Published on IPv4 addresses only: then nobody meant it to be reached over IPv6. */
export const isV4Only = (ports: ReadonlyArray<PublishedPort>): boolean =>
  ports.every(({ hostAddress }) => hostAddress.includes("."))
