import { SimChains } from "./SimChains.ts"
import { SimConntrack } from "./SimConntrack.ts"
import type { SimRandom } from "./SimNat.ts"
import { SimNeighbourDiscovery } from "./SimNeighbourDiscovery.ts"
import { SimNetns } from "./SimNetns.ts"
import { SimRouting } from "./SimRouting.ts"
import { SimRuleset } from "./SimRuleset.ts"
import type { SimTimers } from "../SimTime.ts"
import type { SimWire } from "../lan/SimWire.ts"

export interface SimKernelOptions {
  /** For histories. */
  readonly name: string
  readonly timers: SimTimers
  /** Where masquerading begins to look for a free port. */
  readonly random?: SimRandom
  readonly netns?: SimNetns
  readonly ruleset?: SimRuleset
}

const FIRST: SimRandom = { next: () => 0 }

/** The network stack of one namespace: what the kernel keeps for it, and where its links are plugged in. */
export class SimKernel {
  readonly name: string
  readonly netns: SimNetns
  readonly ruleset: SimRuleset
  readonly conntrack: SimConntrack
  readonly routing: SimRouting
  readonly chains: SimChains
  readonly neighbours: SimNeighbourDiscovery
  readonly random: SimRandom
  readonly wires = new Map<string, SimWire>()
  /** False once the last process has left: nothing gets in or out. */
  alive = true
  /**
   * Whether connections are tracked and translated though there is no NAT chain in the rule set, because of rules that are not in it: so it is
   * in a container on a user-defined network, where Docker redirects DNS questions.
   */
  alwaysTracks = false

  constructor({ name, timers, random = FIRST, netns = new SimNetns(), ruleset = new SimRuleset() }: SimKernelOptions) {
    this.name = name
    this.netns = netns
    this.ruleset = ruleset
    this.random = random
    this.conntrack = new SimConntrack(timers.now)
    this.routing = new SimRouting(netns)
    this.chains = new SimChains(ruleset)
    this.neighbours = new SimNeighbourDiscovery(timers)
    netns.watch((event) => {
      switch (event._tag) {
        case "LinkDown":
          return this.conntrack.linkDown(event.link.index)
        case "AddressGone":
          return this.conntrack.addressGone(netns.link(event.link)?.index ?? 0, event.address)
        case "Announced": {
          const wire = this.wires.get(event.link)
          if (wire !== undefined && this.alive) this.neighbours.announce(wire, event.address)
        }
      }
    })
  }
}
