import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Netlink } from "../../src/services/Netlink.ts"
import { type Nftables, NftError } from "../../src/services/Nftables.ts"
import type { SimEngineEnd } from "../../src/layers/sim/SimEngineEnd.ts"
import { NETWORK_ANCHOR, POLL_SECONDS } from "./cast.ts"
import type { Simulation } from "./Simulation.ts"

/** What is seen only by the poll is right when the poll after it is through. */
export const UNTIL_POLL = POLL_SECONDS * 1_000 + 2_000

/** What the kernel told nobody of is looked at every 30 s. */
const UNTIL_CHECK = 32_000

/** After a failure the program waits before it tries again, longer each time and five seconds at most. */
const AFTER_FAILURE = 6_000

/** How long the engine stays slow, and how many calls may follow from one event. */
const SLOW_FOR = 20_000
const CALLS = 30

/** The faults of everything but the network around: what goes wrong with Docker, nft, conntrack, `ip monitor` and the resolver, and what that excuses. */
export class Faults {
  readonly #sim: Simulation
  #away = 0
  #refusals = 0
  #linesLost = 0
  #dnsBack = 0
  #conntrackBack = 0

  constructor(sim: Simulation) {
    this.#sim = sim
  }

  /** What changes within this time is seen late; so is everything by a network-anchor that has only just begun. */
  #lag(forMillis: number, millis: number): void {
    this.#sim.excuses.lag(forMillis, millis)
    const process = this.#sim.process(NETWORK_ANCHOR)
    if (process !== undefined && process.readiness.missing().length > 0) this.#sim.excuses.touched("nat")
  }

  /** A container that a lost event told of is excused until the poll, one of a late event until that has arrived. */
  watchEvents(): void {
    const { api, excuses } = this.#sim
    api.faults.disturbed = (event, delay) => {
      const until = delay === undefined ? UNTIL_POLL : delay + 1_000
      for (const subject of this.#sim.concernedBy(event)) excuses.for(subject, until)
    }
  }

  cutStream(): void {
    this.#lag(AFTER_FAILURE, AFTER_FAILURE)
    this.#sim.api.faults.cut()
  }

  restartEngine(how: SimEngineEnd): void {
    const { docker, time, excuses } = this.#sim
    if (docker.isAway) return
    excuses.for("nat", 60_000)
    docker.end(how, () => time.after(3_000, () => docker.begin(this.#sim.random)))
  }

  engineAway(millis: number): void {
    const { api, time } = this.#sim
    this.#away += 1
    const here = this.#away
    this.#lag(millis + AFTER_FAILURE, AFTER_FAILURE)
    api.faults.away()
    time.after(millis, () => {
      if (here === this.#away) api.faults.back()
    })
  }

  slowApi(millis: number): void {
    const { api, time } = this.#sim
    api.faults.slow("*", millis)
    this.#lag(SLOW_FOR, millis * CALLS)
    time.after(SLOW_FOR, () => api.faults.slow("*", 0))
  }

  failApi(times: number): void {
    const { api, time } = this.#sim
    this.#lag(UNTIL_POLL + AFTER_FAILURE, AFTER_FAILURE * times)
    api.faults.failNext("*", times)
    time.after(UNTIL_POLL, () => api.faults.failNext("*", 0))
  }

  loseAnswers(times: number): void {
    const { api, time } = this.#sim
    this.#lag(UNTIL_POLL + AFTER_FAILURE, AFTER_FAILURE * times)
    api.faults.loseAnswers("*", times)
    time.after(UNTIL_POLL, () => api.faults.loseAnswers("*", 0))
  }

  /** Between two calls of anchord a container goes that the first one told of. */
  goneAfter(call: "GET /containers/json?id" | "GET /networks/{id}", name: string): void {
    this.#sim.api.faults.afterNext(call, () => {
      if (this.#sim.docker.find(name) !== undefined && !this.#sim.docker.isAway) this.#sim.remove(name)
    })
  }

  loseEvents(count: number): void {
    this.#sim.api.faults.loseEvents(count)
  }

  doubleEvents(count: number): void {
    this.#sim.api.faults.doubleEvents(count)
  }

  delayEvents(type: "container" | "network", millis: number): void {
    this.#sim.api.faults.delayEvents(type, millis)
  }

  nftDies(when: "idle" | "before" | "after"): void {
    const nft = this.#sim.nft.get(this.#sim.idOf(NETWORK_ANCHOR) ?? "")
    if (when === "idle") nft?.kill()
    else nft?.dieInNext(when)
  }

  nftRefuses(): void {
    this.#refusals += 1
  }

  conntrackFails(millis: number): void {
    const conntrack = this.#sim.namespace(NETWORK_ANCHOR)?.kernel.conntrack
    if (conntrack === undefined) return
    this.#conntrackBack = Math.max(this.#conntrackBack, this.#sim.time.now() + millis)
    conntrack.failure = "Operation failed: a simulated failure"
    this.#sim.excuses.for("flows", millis + UNTIL_POLL)
    this.#sim.time.after(millis, () => {
      if (this.#sim.time.now() >= this.#conntrackBack) conntrack.failure = undefined
    })
  }

  monitorLoses(count: number): void {
    this.#linesLost += count
  }

  dnsFails(millis: number): void {
    this.#dnsBack = Math.max(this.#dnsBack, this.#sim.time.now() + millis)
    this.#sim.excuses.for("routes", millis + 2_000)
  }

  resolverIsAway(): boolean {
    return this.#sim.time.now() < this.#dnsBack
  }

  /** Everything works again. */
  end(): void {
    this.#away += 1
    this.#sim.api.faults.clear()
    this.#refusals = 0
    this.#linesLost = 0
    this.#dnsBack = 0
    this.#conntrackBack = 0
    const conntrack = this.#sim.namespace(NETWORK_ANCHOR)?.kernel.conntrack
    if (conntrack !== undefined) conntrack.failure = undefined
  }

  /** A transaction that fails excuses everything for a moment: it may have been the whole rule set. */
  readonly nftables = (real: Nftables["Service"]): Nftables["Service"] => ({
    ...real,
    transaction: (commands) =>
      Effect.suspend(() => {
        if (this.#refusals === 0 || commands.length === 0) return real.transaction(commands)
        this.#refusals -= 1
        const message = "Error: Could not process rule: Cannot allocate memory"
        return Effect.fail(new NftError({ reason: "refused", commands: "", message }))
      }).pipe(Effect.tapError(() => Effect.sync(() => this.#sim.excuses.for("nat", AFTER_FAILURE))))
  })

  readonly netlink = (real: Netlink["Service"]): Netlink["Service"] => ({
    ...real,
    changes: Stream.filter(real.changes, () => {
      if (this.#linesLost === 0) return true
      this.#linesLost -= 1
      for (const subject of ["routes", "addresses"]) this.#sim.excuses.for(subject, UNTIL_CHECK)
      return false
    })
  })
}
