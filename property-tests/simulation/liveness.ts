import * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import { formatUnsafe } from "effect/observability/PrometheusMetrics"
import { families, type Family } from "../../src/domain/Address.ts"
import type { ContainerSnapshot } from "../../src/domain/DockerState.ts"
import { protocols, type DnatEntry } from "../../src/domain/Dnat.ts"
import { nftFamily, parseTable, tableName } from "../../src/domain/NftJson.ts"
import { LAN } from "../../src/layers/sim/SimLan.ts"
import { exchange, type SimPacket } from "../../src/layers/sim/SimWalker.ts"
import {
  ELSEWHERE,
  FOLLOWER,
  isServed,
  MANAGED,
  NETWORK_ANCHOR,
  OUTPOST,
  POLL_SECONDS,
  roleOf,
  TRANSIT,
  WRAPPED
} from "./cast.ts"
import { parseScrape } from "../../test/layers/observability/scrape.ts"
import type { Process } from "./processes.ts"
import { lastingName } from "./Conduct.ts"
import { checkUnchanged } from "./unchanged.ts"
import { checkSafety, isServing } from "./safety.ts"
import type { Simulation } from "./Simulation.ts"
import { Violation } from "./Violation.ts"
import { ownerOf, namespaceOwner, outsidePorts } from "./truth.ts"

/** After the last fault everything has to be right within two polls, and the time that a repair may be put off for. */
export const QUIET_MILLIS = (2 * POLL_SECONDS + 10) * 1_000

const isRunning = ({ status }: ContainerSnapshot): boolean => status === "running"

const isServiceAnchor = (sim: Simulation, { id, name, labels }: ContainerSnapshot): boolean =>
  (isServed(labels, sim.casting) && sim.processes.get(id)?.mode === "service-anchor") ||
  (sim.casting.managed && name === MANAGED)

/** Whether it can be known on which network the backends are: a managed service-anchor waits for that. */
const isSharedSettled = ({ casting, docker }: Simulation): boolean =>
  casting.pinned !== false ||
  docker.containers().some(({ id, labels, name }) => {
    const asks = isServed(labels, casting) && labels["anchord.expose"] !== undefined && name !== MANAGED
    return asks && docker.network(TRANSIT)?.members.has(id) === true
  })

/** The service-anchors that the network-anchor is responsible for. */
const serviceAnchors = (sim: Simulation): ReadonlyArray<ContainerSnapshot> => {
  // A managed one has the gateway that the network-anchor knew when it was made, until that knows another.
  const isKnown = isSharedSettled(sim)
  return sim.docker
    .containers()
    .filter((one) => isRunning(one) && isServiceAnchor(sim, one) && (isKnown || one.name !== MANAGED))
}

const entriesOf = (sim: Simulation, family: Family): ReadonlyArray<DnatEntry> => {
  const answer = sim.namespace(NETWORK_ANCHOR)?.kernel.ruleset.list(nftFamily[family], tableName[family])
  if (answer === undefined) throw new Violation(`there is no table ${tableName[family]}`)
  return parseTable(answer, family).entries
}

/** The elements in the kernel are those that somebody has a right to, and nothing else is there. */
const checkMaps = (sim: Simulation): void => {
  for (const family of families) {
    for (const entry of entriesOf(sim, family)) {
      const [from, to] = entry._tag === "Port" ? [entry.port, entry.port] : [entry.from, entry.to]
      for (let port = from; port <= to; port++) {
        const owner = ownerOf(sim.docker, sim.casting, { family, protocol: entry.protocol, port })
        const address = owner && sim.docker.network(TRANSIT)?.members.get(owner.owner.id)?.[family]
        if (address === entry.address) continue
        throw new Violation(
          `${family} ${entry.protocol}/${port} is mapped to ${entry.address}, and belongs to ${owner?.owner.name ?? "nobody"}`
        )
      }
    }
  }
}

/** No tracked connection goes to an address that its port does not belong to. */
const checkFlows = (sim: Simulation): void => {
  const conntrack = sim.namespace(NETWORK_ANCHOR)?.kernel.conntrack
  const external = sim.external()
  for (const flow of conntrack?.flows() ?? []) {
    const { family, protocol, destination, destinationPort: port, replySource } = flow
    // A TCP connection that was not translated was refused, and is over; one by UDP may go on for ever.
    if (destination !== external[family] || (protocol === "tcp" && replySource === destination)) continue
    const owner = ownerOf(sim.docker, sim.casting, { family, protocol, port })
    const address = owner && sim.docker.network(TRANSIT)?.members.get(owner.owner.id)?.[family]
    const expected = address ?? destination
    if (replySource !== expected) {
      throw new Violation(
        `a flow to ${protocol}/${port} still goes to ${replySource}; the port is ${owner?.owner.name ?? "nobody"}'s`
      )
    }
  }
}

/** Where a namespace's default routes lead, the one that counts first. */
const gatewaysOf = (sim: Simulation, name: string, family: Family): ReadonlyArray<string> =>
  (sim.namespace(name)?.kernel.netns.defaultRoutes(family) ?? []).map(({ gateway }) => gateway ?? "no gateway")

const refuseRoutes = (name: string, family: Family, gateway: string, found: ReadonlyArray<string>): never => {
  const told = found.length === 0 ? "nothing" : found.join(", then to ")
  throw new Violation(`the ${family} default route of ${name} leads to ${told}, and ought to lead to ${gateway}`)
}

/** The network-anchor's only default leads to the LAN's router, and the first of a service-anchor to the network-anchor. */
const checkRoutes = (sim: Simulation): void => {
  const anchorOnTransit = sim.docker.network(TRANSIT)?.members.get(sim.idOf(NETWORK_ANCHOR) ?? "")
  for (const family of families) {
    const found = gatewaysOf(sim, NETWORK_ANCHOR, family)
    const advertised = family === "v6" && sim.casting.addressMode === "slaac-ra-only"
    const router = advertised ? LAN.advertiser : LAN.router[family]
    if (found.length !== 1 || found[0] !== router) refuseRoutes(NETWORK_ANCHOR, family, router, found)
    for (const { name, id } of serviceAnchors(sim)) {
      const gateway = anchorOnTransit?.[family]
      const isThere = [...(sim.host.namespaceOf(id)?.links.values() ?? [])].some((network) => network.name === TRANSIT)
      const [first, ...others] = gatewaysOf(sim, name, family)
      if (gateway === undefined || !isThere || first === gateway) continue
      refuseRoutes(name, family, gateway, first === undefined ? [] : [first, ...others])
    }
  }
}

/** What Compose has left behind of a replacement keeps anchord from touching either container for two minutes. */
const LEFT_BEHIND_SECONDS = 125

const isBeingReplaced = (sim: Simulation, name: string): boolean =>
  sim.docker.containers().some((other) => {
    const age = sim.time.now() / 1_000 - other.createdAt
    return other.name !== name && other.name.endsWith(`_${name}`) && age < LEFT_BEHIND_SECONDS
  })

/** Whether a program can know who has followed the container whose namespace another one joined: it was told of its name, or Compose has left it. */
const canKnowHeir = (
  sim: Simulation,
  program: string,
  container: ContainerSnapshot,
  heir: ContainerSnapshot
): boolean =>
  container.name === MANAGED ||
  /^[^,:]+:[^,:]+:true$/.test(container.labels["com.docker.compose.depends_on"] ?? "") ||
  sim.told.knows(sim.idOf(program) ?? "", container.networkMode.replace(/^container:/, ""), heir.name)

/** No service-anchor in scope runs in a namespace that its owner has left, and a managed one is there exactly while its target is. */
const checkNamespaces = (sim: Simulation): void => {
  for (const container of sim.docker.containers()) {
    if (!isRunning(container) || !container.networkMode.startsWith("container:")) continue
    const responsible =
      isServiceAnchor(sim, container) ||
      (sim.casting.autofixScope === "project" && isServed(container.labels, sim.casting))
    if (!responsible || container.name !== lastingName(container.name)) continue
    const owner = namespaceOwner(sim.docker, container)
    const heir = owner ?? sim.docker.find(roleOf(container.name)?.joins ?? OUTPOST)
    if (heir === undefined || heir.status !== "running") continue
    if (isBeingReplaced(sim, heir.name) || isBeingReplaced(sim, container.name)) continue
    if (owner === undefined && !canKnowHeir(sim, NETWORK_ANCHOR, container, heir)) continue
    if (sim.host.namespaceOf(container.id) !== sim.host.namespaceOf(heir.id)) {
      throw new Violation(`${container.name} runs in a namespace that ${heir.name} has left`)
    }
  }
  if (!sim.casting.managed || !isSharedSettled(sim)) return
  const [target, managed] = [sim.docker.find(OUTPOST), sim.docker.find(MANAGED)]
  if (target?.status === "running" && managed?.status !== "running" && managed?.status !== "paused") {
    throw new Violation(`${OUTPOST} runs without ${MANAGED}, which is ${managed?.status ?? "not there"}`)
  }
}

const sourceOf = (sim: Simulation, kernelName: string, family: Family): string | undefined =>
  sim
    .namespace(kernelName)
    ?.kernel.netns.addresses()
    .find((one) => one.family === family && one.scope === "global")?.address

/** A service that asks for the project's own address gets an answer from whoever has the port, itself included (hairpin). */
const checkHairpin = (sim: Simulation): void => {
  const external = sim.external()
  for (const { id, name } of serviceAnchors(sim)) {
    const kernel = sim.host.namespaceOf(id)?.kernel
    for (const family of families) {
      const [source, destination] = [sourceOf(sim, name, family), external[family]]
      if (kernel === undefined || source === undefined || destination === undefined) continue
      for (const { protocol, port } of outsidePorts) {
        const owner = ownerOf(sim.docker, sim.casting, { family, protocol, port })
        if (owner === undefined || sim.host.namespaceOf(owner.owner.id) === undefined) continue
        const sourcePort = sim.nextSourcePort()
        const packet: SimPacket = { family, protocol, source, sourcePort, destination, destinationPort: port }
        const { there, answered } = exchange(kernel, packet)
        sim.connections.forget(packet, there)
        if (!answered) {
          throw new Violation(
            `${name} gets no answer from ${owner.owner.name} at the project's own address, ${family} ${protocol}/${port}`
          )
        }
      }
    }
  }
}

/** What a service sends to the world leaves with the project's address, and the answer comes back to it (SPEC §0). */
const checkEgress = (sim: Simulation): void => {
  const external = sim.external()
  for (const { name } of serviceAnchors(sim)) {
    for (const family of families) {
      const source = sourceOf(sim, name, family)
      const kernel = sim.namespace(name)?.kernel
      if (source === undefined || kernel === undefined || external[family] === undefined) continue
      // Of what goes out to the world nothing is meant by a mapping, whatever its port.
      const [protocol, destinationPort] = family === "v4" ? (["tcp", 80] as const) : (["udp", 53] as const)
      const sourcePort = sim.nextSourcePort()
      const packet: SimPacket = {
        family,
        protocol,
        source,
        sourcePort,
        destination: LAN.internet[family],
        destinationPort
      }
      const { there, answered } = exchange(kernel, packet)
      const seen = there._tag === "Delivered" ? there.packet.source : there.why
      if (seen !== external[family])
        throw new Violation(`what ${name} sends by ${family} leaves as ${seen}, not as ${external[family]}`)
      if (!answered) throw new Violation(`no answer gets back to ${name} by ${family}`)
    }
  }
}

/** Clients get answers, from the address and port that they have asked. */
const checkAnswers = (sim: Simulation): void => {
  const [client] = sim.lan.clients
  if (client === undefined) return
  for (const family of families) {
    const destination = sim.external()[family]
    for (const { protocol, port } of outsidePorts) {
      const owner = ownerOf(sim.docker, sim.casting, { family, protocol, port })
      if (owner === undefined || destination === undefined) continue
      if (!serviceAnchors(sim).some(({ id }) => sim.host.namespaceOf(id) === sim.host.namespaceOf(owner.owner.id)))
        continue
      const packet: SimPacket = {
        family,
        protocol,
        source: LAN.clients[0][family],
        sourcePort: sim.nextSourcePort(),
        destination,
        destinationPort: port
      }
      const { there, answered, back } = exchange(client, packet)
      sim.connections.forget(packet, there)
      if (!answered)
        throw new Violation(
          `no answer comes back from ${owner.owner.name} by ${family} ${protocol}/${port}: ${back?._tag === "Lost" ? back.why : "another address"}`
        )
    }
  }
}

/** What the program says of itself is so. */
const checkStatus = (sim: Simulation): void => {
  const process = sim.process(NETWORK_ANCHOR)
  if (process === undefined) return
  const status = process.board.status()
  if (!status.ready) throw new Violation(`the network-anchor is not ready: ${status.missing.join(", ")}`)
  const entries = families.flatMap((family) => entriesOf(sim, family))
  const told = status.networkAnchor?.entries
  if (told !== entries.length)
    throw new Violation(`the status tells of ${told} elements, and there are ${entries.length}`)
  if (status.networkAnchor?.docker.connected !== true) throw new Violation("the status says that Docker is away")
}

const scrape = ({ metrics }: Process) => parseScrape(formatUnsafe(Context.make(Metric.MetricRegistry, metrics)))

/** What a scrape would show is so. */
const checkMetrics = (sim: Simulation): void => {
  const process = sim.process(NETWORK_ANCHOR)
  if (process === undefined) return
  const scraped = scrape(process)
  const valueOf = (metric: string, labels = "") => scraped[metric]?.values[labels]
  const expect = (what: string, told: number | undefined, is: number) => {
    if (told !== is) throw new Violation(`the metric ${what} says ${told}, and it is ${is}`)
  }
  for (const family of families) {
    const entries = entriesOf(sim, family)
    for (const protocol of protocols) {
      const labels = `family="${family}",proto="${protocol}"`
      const count = entries.filter((entry) => entry.protocol === protocol).length
      expect(`anchord_dnat_entries{${labels}}`, valueOf("anchord_dnat_entries", labels), count)
    }
  }
  expect("anchord_docker_connected", valueOf("anchord_docker_connected"), 1)
  for (const { id, name } of serviceAnchors(sim)) {
    const anchor = sim.processes.get(id)
    for (const family of families) {
      if (anchor === undefined || sim.namespace(name)?.links.size === 0) continue
      const routed = sim.namespace(name)?.kernel.netns.defaultRoutes(family).length === 0 ? 0 : 1
      expect(
        `anchord_default_route_present of ${name}`,
        scrape(anchor)["anchord_default_route_present"]?.values[`family="${family}"`],
        routed
      )
    }
  }
}

/** The external-rebinder keeps its follower on the network while others are on it, and steps off it when nobody else is. */
const checkFollower = (sim: Simulation): void => {
  const follower = sim.docker.find(FOLLOWER)
  const members = sim.docker.network(ELSEWHERE)?.members
  if (follower?.status !== "running" || members === undefined || sim.process("external-rebinder") === undefined) return
  const others = [...members.keys()].filter((id) => id !== follower.id).length
  const isOn = members.has(follower.id)
  if (others > 0 && !isOn) throw new Violation(`${FOLLOWER} is not on ${ELSEWHERE}, where others are`)
  if (others === 0 && isOn) throw new Violation(`${FOLLOWER} holds ${ELSEWHERE}, where nobody else is`)
}

/** The wrap-rebinder has made anew whoever refers to a container whose name means another one now. */
const checkWrapped = (sim: Simulation): void => {
  const [owner, dependent] = [sim.docker.find(WRAPPED), sim.docker.find("wrapping")]
  if (sim.process("wrap-rebinder") === undefined || owner?.status !== "running" || dependent?.status !== "running")
    return
  if (!canKnowHeir(sim, "wrap-rebinder", dependent, owner)) return
  if (dependent.networkMode !== `container:${owner.id}`) {
    throw new Violation(`wrapping refers to a container that is not ${WRAPPED} any more`)
  }
}

/** What must hold when nothing has happened for {@link QUIET_MILLIS}. */
export const checkLiveness = (sim: Simulation): void => {
  checkSafety(sim)
  checkUnchanged(sim)
  checkFollower(sim)
  checkWrapped(sim)
  if (!isServing(sim)) return
  checkMaps(sim)
  checkFlows(sim)
  checkRoutes(sim)
  checkNamespaces(sim)
  checkAnswers(sim)
  checkHairpin(sim)
  checkEgress(sim)
  checkStatus(sim)
  checkMetrics(sim)
}
