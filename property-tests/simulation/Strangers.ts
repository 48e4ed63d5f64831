import { families } from "../../src/domain/Address.ts"
import type { SimKernel } from "../../src/layers/sim/SimKernel.ts"
import { NEIGHBOUR, NETWORK_ANCHOR } from "./cast.ts"
import type { Simulation } from "./Simulation.ts"
import { Violation } from "./Violation.ts"

const TABLE = { family: "ip", name: "somebody_elses" }

/** What anchord has nothing to do with: somebody else's nftables table beside its own, and the routes of the others. None of it ever changes. */
export class Strangers {
  readonly #sim: Simulation
  #kernel: SimKernel | undefined
  #table = ""

  constructor(sim: Simulation) {
    this.#sim = sim
  }

  /** Somebody puts a table of his own into the namespace that the network-anchor lives in. */
  settle(): void {
    const kernel = this.#sim.namespace(NETWORK_ANCHOR)?.kernel
    if (kernel === undefined || kernel === this.#kernel) return
    const map = { family: TABLE.family, table: TABLE.name, name: "ports" }
    kernel.ruleset.execute([
      { add: { table: TABLE } },
      { add: { map: { ...map, type: "inet_service", map: "ipv4_addr" } } },
      { add: { element: { ...map, elem: [[80, "192.0.2.1"]] } } }
    ])
    this.#kernel = kernel
    this.#table = this.#read(kernel)
  }

  /** The whole rule set was flushed: the table went with the rest. */
  forget(): void {
    this.#table = ""
  }

  check(): void {
    const kernel = this.#kernel
    if (kernel?.alive === true && this.#table !== "" && this.#read(kernel) !== this.#table) {
      throw new Violation(`the table ${TABLE.name} has changed`)
    }
    const { host, lan } = this.#sim
    const neighbour = this.#sim.namespace(NEIGHBOUR)?.kernel
    for (const stranger of [host.kernel, lan.router, ...lan.clients, ...(neighbour === undefined ? [] : [neighbour])]) {
      for (const family of families) {
        const routes = stranger.netns.defaultRoutes(family)
        if (routes.length > 1 || routes.some(({ protocol }) => protocol !== undefined)) {
          throw new Violation(`the ${family} default route of ${this.#sim.nameOf(stranger)} has changed`)
        }
      }
    }
  }

  #read({ ruleset }: SimKernel): string {
    return JSON.stringify(ruleset.list(TABLE.family, TABLE.name) ?? "none")
  }
}
