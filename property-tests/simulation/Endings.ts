import { families } from "../../src/domain/Address.ts"
import { nftFamily, tableName } from "../../src/domain/NftJson.ts"
import type { SimSignal } from "../../src/layers/sim/docker/SimPlumbing.ts"
import type { Process } from "./processes.ts"
import type { Simulation } from "./Simulation.ts"

/** All that a program gives back it has given back by then (SPEC §14). */
const LIMIT_MILLIS = 5_000

interface Ending {
  readonly at: number
  /** The leases that its DHCP clients had at that moment. */
  readonly leases: ReadonlyArray<string>
  readonly releasedBefore: number
}

/** What a program that is told to end gives back: the network-anchor its tables and leases, and in time (SPEC §14). */
export class Endings {
  readonly #sim: Simulation
  /** By the ID of the container that a program runs in. */
  readonly #told = new Map<string, Ending>()

  constructor(sim: Simulation) {
    this.#sim = sim
  }

  signalled(id: string, mode: Process["mode"], signal: SimSignal): void {
    if (signal === "SIGKILL") {
      this.#told.delete(id)
      return
    }
    const { dhcp, time } = this.#sim
    const leases = mode === "network-anchor" ? dhcp.held() : []
    this.#told.set(id, { at: time.now(), leases, releasedBefore: dhcp.released.length })
  }

  /** The program has ended. Answers with what it has kept that it was to give back. */
  ended(id: string, { program: { name }, mode }: Process, status: number): string | undefined {
    const told = this.#told.get(id)
    this.#told.delete(id)
    if (told === undefined) return undefined
    const { time, excuses } = this.#sim
    const millis = time.now() - told.at
    // A re-creation is not left half-way, and takes as long as the engine takes to answer.
    const isHeldUp = excuses.covers("engine")
    if ((status !== 0 || millis > LIMIT_MILLIS) && !isHeldUp)
      return `${name} was told to end, and did with status ${status} after ${millis} ms`
    return mode === "network-anchor" ? this.#kept(id, told) : undefined
  }

  #kept(id: string, { at, leases, releasedBefore }: Ending): string | undefined {
    const { host, dhcp, excuses } = this.#sim
    const ruleset = host.namespaceOf(id)?.kernel.ruleset
    const table = families.find((family) => ruleset?.list(nftFamily[family], tableName[family]) !== undefined)
    // They are removed first, and what that was refused for may be over when the program has ended.
    if (table !== undefined && !excuses.coveredSince("tables", at))
      return `the network-anchor has left its ${table} table behind`
    const released = dhcp.released.slice(releasedBefore)
    const kept = leases.find((address) => !released.includes(address))
    return kept === undefined ? undefined : `the network-anchor has not released its lease of ${kept}`
  }
}
