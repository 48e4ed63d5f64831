import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Address } from "../../../domain/Address.ts"
import type { ProbeAnswer } from "../../../domain/ForeignSource.ts"
import type { RulesetAnswer, Tool, ToolAnswer } from "../../../domain/ToolFindings.ts"
import { LocalSystem } from "../../../services/LocalSystem.ts"
import type { SimNetns } from "./SimNetns.ts"
import { SimRuleset } from "./SimRuleset.ts"

const versions: Readonly<Record<Tool, string>> = {
  nft: "nftables v1.1.3 (Commodore Bullmoose #4)",
  ip: "ip utility, iproute2-6.15.0, libbpf 1.5.0",
  conntrack: "conntrack v1.4.8 (conntrack-tools)",
  udhcpc: "BusyBox v1.37.0 (Debian) multi-call binary.",
  udhcpc6: "BusyBox v1.37.0 (Debian) multi-call binary."
}

/** How a host in a simulated namespace's neighbourhood takes packets: all, those from this namespace's networks, or none. */
export type SimHost = "answers" | "answers-neighbours" | "silent"

/**
 * Process, programs and kernel as the image has them, beside a simulated namespace. A probe can only be sent from an address that the namespace has; who is not
 * among the hosts is unreachable.
 */
export class SimLocalSystem {
  capabilities: ReadonlyArray<string> | undefined = ["NET_ADMIN"]
  kernelRelease = "6.12.1"
  readonly tools = new Map<Tool, ToolAnswer>()
  readonly hosts = new Map<Address, SimHost>()
  /** The sources of the probes so far; none where the route chose it. */
  readonly sources: Array<Address | undefined> = []
  /** Comes before the answer to a probe from a given source. */
  delay: Effect.Effect<void> = Effect.void
  readonly #netns: SimNetns

  constructor(netns: SimNetns) {
    this.#netns = netns
  }

  #probe(to: Address, source: Address | undefined): ProbeAnswer {
    this.sources.push(source)
    const own = this.#netns.addresses()
    if (source !== undefined && !own.some(({ address }) => address === source))
      return { _tag: "Unreachable", message: `bind EADDRNOTAVAIL ${source}` }
    const host = this.hosts.get(to)
    if (host === undefined) return { _tag: "Unreachable", message: `connect EHOSTUNREACH ${to}` }
    return {
      _tag: host === "answers" || (host === "answers-neighbours" && source === undefined) ? "Answered" : "Silent"
    }
  }

  readonly layer: Layer.Layer<LocalSystem> = Layer.succeed(LocalSystem)({
    capabilities: Effect.sync(() => this.capabilities),
    kernelRelease: Effect.sync(() => this.kernelRelease),
    tool: (tool) => Effect.sync(() => this.tools.get(tool) ?? { _tag: "Runs", text: versions[tool] }),
    checkRuleset: (commands) =>
      Effect.sync((): RulesetAnswer => {
        const message = new SimRuleset().execute(commands)
        return message === undefined ? { _tag: "Accepted" } : { _tag: "Refused", message }
      }),
    probe: (to, source) =>
      Effect.suspend(() => {
        const answer = this.#probe(to, source)
        return Effect.as(source === undefined ? Effect.void : this.delay, answer)
      })
  })
}
