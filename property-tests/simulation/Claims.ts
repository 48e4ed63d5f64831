import type { ContainerSnapshot, DockerEvent } from "../../src/domain/DockerState.ts"
import type { Walk } from "../../src/layers/sim/lan/SimWalker.ts"
import { TRANSIT } from "./cast.ts"
import { UNTIL_POLL } from "./Faults.ts"
import type { Simulation } from "./Simulation.ts"
import { askersOf, backendPortOf, isWithoutV6, type Candidate, type OutsidePort } from "./truth.ts"

/** Somebody asks for ports; or did until then. */
interface Claimed {
  readonly candidate: Candidate
  readonly until: number
}

const portKey = ({ family, protocol, port }: OutsidePort): string => `${family} ${protocol}/${port}`

/**
 * Who asks for which port, and who did. What is seen late may lead to somebody who had a right to it a moment ago, or to whoever has his address by now;
 * never to somebody who has not asked for that port.
 */
export class Claims {
  readonly #sim: Simulation
  #present: ReadonlyMap<string, Claimed> = new Map()
  #past: ReadonlyArray<Claimed> = []
  /** Who has which address on the shared network, and until when somebody had it who has it no longer. */
  #has: ReadonlySet<string> = new Set()
  readonly #had = new Map<string, number>()
  /** Who lives in another one's namespace, by ID; and who did, and when he was removed. */
  readonly #guests = new Map<string, ContainerSnapshot>()
  readonly #ghosts = new Map<ContainerSnapshot, number>()
  /** When a port was seen to be right the last time. */
  readonly #right = new Map<string, number>()

  constructor(sim: Simulation) {
    this.#sim = sim
  }

  /** Who was removed from another one's namespace may be believed to be there until the poll, with whatever addresses that one gets meanwhile. */
  containerChanged({ action, containerId = "" }: DockerEvent): void {
    const { docker, time } = this.#sim
    const created = action === "create" ? docker.find(containerId) : undefined
    if (created?.networkMode.startsWith("container:") === true) this.#guests.set(containerId, created)
    const removed = action === "destroy" ? this.#guests.get(containerId) : undefined
    if (removed === undefined) return
    this.#guests.delete(containerId)
    this.#ghosts.set(removed, time.now())
  }

  #ghostsNow(): ReadonlyArray<Claimed> {
    const { docker, casting, time } = this.#sim
    for (const [ghost, removed] of this.#ghosts) if (removed + UNTIL_POLL < time.now()) this.#ghosts.delete(ghost)
    return [...this.#ghosts].flatMap(([ghost, until]) =>
      askersOf(docker, casting, [ghost]).map((candidate) => ({ candidate, until }))
    )
  }

  /** Docker's state has changed: these ask for ports now, whether or not they have ended. */
  dockerChanged(askers: ReadonlyArray<Candidate>): void {
    const { time } = this.#sim
    const present = new Map<string, Claimed>()
    // Docker does not tell of every end.
    for (const one of [...askers.map((candidate) => ({ candidate, until: Infinity })), ...this.#ghostsNow()]) {
      const { container, owner, addresses } = one.candidate
      present.set(`${container.id} ${owner.id} ${addresses.v4} ${addresses.v6}`, one)
    }
    const gone = [...this.#present].filter(([key]) => !present.has(key))
    if (gone.length > 0)
      this.#past = [...this.#past, ...gone.map(([, one]) => ({ ...one, until: Math.min(one.until, time.now()) }))]
    this.#present = present
  }

  /** Somebody has come to a network, or left it. */
  membersChanged(): void {
    const { docker, time } = this.#sim
    for (const one of this.#has) this.#had.set(one, time.now())
    const members = [...(docker.network(TRANSIT)?.members ?? [])]
    this.#has = new Set(members.flatMap(([id, { v4, v6 }]) => [`${id} ${v4}`, `${id} ${v6}`]))
  }

  #mayBeAt({ owner, addresses }: Candidate, address: string, family: OutsidePort["family"], oldest: number): boolean {
    const one = `${owner.id} ${address}`
    return (
      addresses[family] === address || this.#has.has(one) || (this.#had.get(one) ?? Number.NEGATIVE_INFINITY) >= oldest
    )
  }

  /** A port that nothing excuses leads to whoever is to have it. */
  isRight(outside: OutsidePort): void {
    this.#right.set(portKey(outside), this.#sim.time.now())
  }

  /** When a port was seen to be right the last time. */
  rightAt(outside: OutsidePort): number {
    return this.#right.get(portKey(outside)) ?? 0
  }

  /** Whether a packet may come out there: by who asks for the port, or has since then. */
  allows(
    outside: OutsidePort,
    { kernel, packet }: Extract<Walk, { readonly _tag: "Delivered" }>,
    since = this.rightAt(outside)
  ): boolean {
    const ownerId = this.#sim.host.ownerOf(kernel)
    // An address that was lost while nobody could be mapped there is not seen by the port, and may be believed until the poll.
    const oldest = Math.min(since, this.#sim.time.now() - UNTIL_POLL)
    const fits = ({ candidate, until }: Claimed): boolean => {
      if (until < oldest || backendPortOf(candidate, outside) !== packet.destinationPort) return false
      if (outside.family === "v6" && isWithoutV6(candidate)) return false
      return candidate.owner.id === ownerId || this.#mayBeAt(candidate, packet.destination, outside.family, oldest)
    }
    return this.#present.values().some(fits) || this.#past.some(fits)
  }
}
