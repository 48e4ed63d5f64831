import { families } from "../../../src/domain/Address.ts"
import type { ContainerSnapshot } from "../../../src/domain/DockerState.ts"
import type { ExplainedContainer } from "../../../src/domain/Explanation.ts"
import type { NetworkAnchorStatus } from "../../../src/domain/Status.ts"
import { DMZ, isServed, NETWORK_ANCHOR, TRANSIT } from "../cast.ts"
import { routerOf } from "../leases.ts"
import type { Simulation } from "../Simulation.ts"
import { candidatesOf, holdersAmong, keysOf, type Candidate } from "../truth.ts"
import { Violation } from "../Violation.ts"
import { entriesOf } from "./maps.ts"
import { isSharedSettled, serviceAnchors } from "./responsibility.ts"

const expect = (what: string, told: unknown, is: unknown): void => {
  if (told !== is) throw new Violation(`the status says of ${what}: ${String(told)}, and it is ${String(is)}`)
}

/** How far a lease's end may be from what the server has in its table: the report of it takes a moment. */
const LEASE_MILLIS = 1_500

/** A range as the status writes it, as `protocol/port` for each of its ports. */
const portsIn = (text: string): ReadonlyArray<string> => {
  const [, protocol, from, to = from] = /^(tcp|udp)\/(\d+)(?:-(\d+))?/.exec(text) ?? []
  return keysOf({ protocol: protocol === "udp" ? "udp" : "tcp", from: Number(from), to: Number(to), backendFrom: 0 })
}

/** Whose each port of a container is. */
const checkPorts = (
  { name, ports }: ExplainedContainer,
  { claims }: Candidate,
  holders: ReadonlyMap<string, Candidate>
): void => {
  const told = new Map(
    ports.flatMap((one) => portsIn(one.ports).map((port) => [port, one.verdict === "mapped" ? name : one.holder]))
  )
  const asked = claims.flatMap(keysOf)
  expect(`the ports of ${name}`, told.size, asked.length)
  for (const port of asked) expect(`${port} of ${name}`, told.get(port), holders.get(port)?.container.name)
}

/** Everybody in scope is listed, and what the status says becomes of him is what Docker's state says. */
const checkContainers = (sim: Simulation, { containers: told }: NetworkAnchorStatus): void => {
  const { docker, casting } = sim
  const candidates = candidatesOf(docker, casting)
  const { holders } = holdersAmong(candidates)
  const isListed = ({ name, labels }: ContainerSnapshot) => name !== NETWORK_ANCHOR && isServed(labels, casting)
  const served = docker.containers().filter(isListed)
  expect("how many containers are in scope", told.length, served.length)
  for (const { id, name, labels } of served) {
    const one = told.find((container) => container.id === id)
    expect(`the name of ${id}`, one?.name, name)
    if (one === undefined) continue
    const candidate = candidates.find(({ container }) => container.id === id)
    if (candidate === undefined) {
      const expected = labels["anchord.expose"] === undefined ? ["none"] : ["refused", "down"]
      if (!expected.includes(one.verdict)) expect(name, one.verdict, expected.join(" or "))
      continue
    }
    const hasAny = [...holders.values()].includes(candidate)
    expect(name, one.verdict, hasAny ? "mapped" : "standby")
    checkPorts(one, candidate, holders)
    const member = docker.network(TRANSIT)?.members.get(candidate.owner.id)
    for (const family of families) {
      const isOff = family === "v6" && labels["anchord.expose.v6"] === "off"
      expect(`the ${family} address of ${name}`, one[family], isOff ? undefined : member?.[family])
    }
  }
}

/** The leases that hold are those in the server's table, and end when it says. */
const checkLeases = (sim: Simulation, { leases }: NetworkAnchorStatus): void => {
  const held = new Set(sim.dhcp.held())
  const valid = sim.dhcp.leases().filter(({ address }) => held.has(address))
  for (const family of families) {
    const [told, is] = [leases.find((one) => one.family === family), valid.find((one) => one.family === family)]
    // Of one that is about to end each side may think what it likes.
    const until = is?.until ?? Date.parse(told?.expires ?? "")
    if (!(until - sim.time.now() > LEASE_MILLIS)) continue
    expect(`the ${family} lease`, told?.address, is?.address)
    const apart = Math.abs(Date.parse(told?.expires ?? "") - until)
    if (apart > LEASE_MILLIS)
      throw new Violation(`the status is ${apart} ms wrong about the end of the ${family} lease`)
  }
}

/** What the program says of itself is so. */
export const checkStatus = (sim: Simulation): void => {
  const process = sim.process(NETWORK_ANCHOR)
  if (process === undefined) return
  const status = process.board.status()
  if (!status.ready) throw new Violation(`the network-anchor is not ready: ${status.missing.join(", ")}`)
  const told = status.networkAnchor
  if (told === undefined) throw new Violation("the network-anchor says nothing of itself")
  const entries = families.flatMap((family) => entriesOf(sim, family))
  expect("the elements", told.entries, entries.length)
  expect("whether Docker is there", told.docker.connected, true)
  expect("whether the last reconcile succeeded", told.lastReconcile?.ok, true)
  if (isSharedSettled(sim)) expect("the shared network", told.shared?.network, TRANSIT)
  expect("the external network", told.external.network, DMZ)
  expect("the external interface", told.external.interface, sim.linkOn(NETWORK_ANCHOR, DMZ))
  const given = sim.docker.network(DMZ)?.members.get(sim.idOf(NETWORK_ANCHOR) ?? "")
  for (const family of families) {
    expect(`the ${family} address that Docker gave`, told.external[family], given?.[family])
    const gateway = told.gateways.find((one) => one.family === family)?.address
    const advertised = family === "v6" && sim.casting.addressMode === "slaac-ra-only"
    expect(`the ${family} gateway`, gateway, advertised ? undefined : routerOf(sim, family))
  }
  checkContainers(sim, told)
  checkLeases(sim, told)
}

/** What the service-anchors and the rebinders say of themselves is so. */
export const checkOthersStatus = (sim: Simulation): void => {
  const gateway = sim.docker.network(TRANSIT)?.members.get(sim.idOf(NETWORK_ANCHOR) ?? "")
  for (const { id, name } of serviceAnchors(sim)) {
    const [process, namespace] = [sim.processes.get(id), sim.host.namespaceOf(id)]
    if (process === undefined || namespace === undefined) continue
    if (![...namespace.links.values()].some((network) => network.name === TRANSIT)) continue
    expect(`whether ${name} is ready`, process.readiness.missing().length, 0)
    for (const { family, address, routed } of process.board.status().serviceAnchor?.gateways ?? []) {
      expect(`the ${family} gateway of ${name}`, address, gateway?.[family])
      expect(`whether ${name} routes ${family}`, routed, gateway?.[family] !== undefined)
    }
  }
  for (const { board, mode, program } of sim.processes.values()) {
    if (mode !== "external-rebinder" && mode !== "wrap-rebinder") continue
    expect(`whether ${program.name} sees Docker`, board.status().rebinder?.docker.connected, true)
  }
}
