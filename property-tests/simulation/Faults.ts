import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Netlink } from "../../src/services/Netlink.ts"
import { type Nftables, NftError } from "../../src/services/Nftables.ts"
import type { SimCalls } from "../../src/layers/sim/docker/SimDockerFaults.ts"
import type { SimEngineEnd } from "../../src/layers/sim/docker/SimEngineEnd.ts"
import type { SimDns } from "../../src/layers/sim/lan/SimDns.ts"
import { NETWORK_ANCHOR, POLL_SECONDS } from "./cast.ts"
import { lastingName } from "./Conduct.ts"
import type { Simulation } from "./Simulation.ts"
import { routesOf } from "./excuses.ts"
import { withoutInterface } from "./replug.ts"
import type { SimConntrack } from "../../src/layers/sim/kernel/SimConntrack.ts"
import type { SimKernel } from "../../src/layers/sim/kernel/SimKernel.ts"

/** What is seen only by the poll is right when the poll after it is through. */
export const UNTIL_POLL = POLL_SECONDS * 1_000 + 2_000

/** What the kernel told nobody of is looked at every 30 s. */
const UNTIL_CHECK = 32_000

/** After a failure the program waits before it tries again, longer each time and five seconds at most. */
const AFTER_FAILURE = 6_000

/** A change of the rule set that failed is tried again after a second at most. */
const AFTER_REFUSAL = 1_500

const VOLUME_AWAY = "error while mounting volume: failed to mount local volume: connection refused"

const REFUSAL = "Error: Could not process rule: Cannot allocate memory"

/** A stream that lasts longer than this was a good one, after which the pause is short again. */
const TROUBLE_MILLIS = 30_000

/** How long a start may take that Docker does not answer at once. */
const START_MILLIS = 15_000

/** What was begun with an engine that did not answer goes on with longer and longer pauses: as long again, and the end of a step. */
const untilDone = (millis: number): number => 2 * millis + 5_000

/** How long the engine stays slow, and how many calls may follow from one event. */
const SLOW_FOR = 20_000
const CALLS = 30

/** How long nobody answers while an engine restarts. */
const RESTARTING_MILLIS = 3_000

/** ANCHORD_GATEWAY_RESOLVE_INTERVAL: a family that did not resolve while the other one did is looked up again that late. */
const RESOLVE_MILLIS = 5_000

/** The faults of everything but the network around: what goes wrong with Docker, nft, conntrack, `ip monitor` and the resolver, and what that excuses. */
export class Faults {
  readonly #sim: Simulation
  #away = 0
  #refusals = 0
  #linesLost = 0
  #lineLostAt = 0
  #dnsBack = 0
  #troubles: ReadonlyArray<number> = []
  /** Until when each one fails: a namespace that is made anew has another. */
  readonly #conntrackBack = new Map<SimConntrack, number>()
  #tamperedUntil = 0
  /** How many more starts of a container will fail, by its name. */
  readonly #failingStarts = new Map<string, number>()

  constructor(sim: Simulation) {
    this.#sim = sim
  }

  /** A network-anchor that has only just begun sees everything late. */
  #delayStart(): void {
    const process = this.#sim.process(NETWORK_ANCHOR)
    if (process === undefined || process.readiness.missing().length === 0) return
    this.#sim.excuses.for("nat", START_MILLIS)
    this.#sim.excuses.touched("nat")
  }

  /** Counts what makes the pause longer before the event stream is opened again; answers with that pause. */
  #trouble(times = 1): number {
    const now = this.#sim.time.now()
    this.#troubles = [...this.#troubles.filter((at) => now - at < TROUBLE_MILLIS), ...Array<number>(times).fill(now)]
    return Math.min(AFTER_FAILURE, 100 * 2 ** this.#troubles.length + 500)
  }

  /**
   * A container that a lost event told of is excused until the poll, one of a late event until that has arrived. Where it has endpoints of its own
   * those count, of which the network tells: only what lives in its namespace has to know whether it runs.
   */
  watchEvents(): void {
    const { api, excuses } = this.#sim
    api.faults.disturbed = (event, delay) => {
      const until = delay === undefined ? UNTIL_POLL : delay + 1_000
      for (const subject of this.#sim.concernedBy(event, event.type === "container")) excuses.for(subject, until)
      if (event.type === "network" && event.containerId === this.#sim.idOf(NETWORK_ANCHOR)) this.#hideInterface(until)
    }
  }

  /** An external interface that is plugged in anew is found by what the kernel tells, or by the event; here nothing tells at once. */
  #hideInterface(millis: number): void {
    const { excuses, time } = this.#sim
    if (this.#linesLost === 0 && this.#lineLostAt !== time.now()) return
    const kernel = this.#sim.namespace(NETWORK_ANCHOR)?.kernel
    for (const subject of [...withoutInterface(kernel), "interface"]) excuses.for(subject, millis)
  }

  cutStream(): void {
    this.#sim.excuses.lag(this.#trouble(), 500)
    this.#delayStart()
    this.#sim.api.faults.cut()
  }

  restartEngine(how: SimEngineEnd): void {
    const { docker, time, excuses } = this.#sim
    if (docker.isAway) return
    // Otherwise the network-anchor ends with the rest, and the next one sees everything from the beginning.
    if (how === "live restore") excuses.lag(2 * RESTARTING_MILLIS + this.#trouble(), 1_500)
    excuses.for("engine", untilDone(15_000))
    docker.end(how, () => time.after(RESTARTING_MILLIS, () => docker.begin(this.#sim.random)))
  }

  engineAway(millis: number): void {
    const { api, time } = this.#sim
    this.#away += 1
    const here = this.#away
    this.#sim.excuses.lag(millis + Math.min(AFTER_FAILURE, millis + this.#trouble()), 1_500)
    this.#sim.excuses.for("engine", untilDone(millis))
    this.#delayStart()
    api.faults.away()
    time.after(millis, () => {
      if (here === this.#away) api.faults.back()
    })
  }

  slowApi(millis: number): void {
    const { api, time } = this.#sim
    api.faults.slow("*", millis)
    if (millis > 0) {
      this.#sim.excuses.lagEach(SLOW_FOR, millis * CALLS)
      this.#sim.excuses.for("engine", untilDone(SLOW_FOR))
    }
    this.#delayStart()
    time.after(SLOW_FOR, () => api.faults.slow("*", 0))
  }

  /** Each failure costs a pause of a second at most, and more where the event stream is about to be opened. */
  #failing(times: number): void {
    const wasInTrouble = this.#troubles.some((at) => this.#sim.time.now() - at < TROUBLE_MILLIS)
    const pause = this.#trouble(times)
    if (wasInTrouble) this.#sim.excuses.lag(pause, pause)
    this.#sim.excuses.lagEach(UNTIL_POLL, 1_000 * times + 1_500)
    this.#sim.excuses.for("engine", untilDone(UNTIL_POLL))
    this.#delayStart()
  }

  failApi(times: number): void {
    const { api, time } = this.#sim
    this.#failing(times)
    api.faults.failNext("*", times)
    time.after(UNTIL_POLL, () => api.faults.failNext("*", 0))
  }

  loseAnswers(times: number, call: SimCalls = "*"): void {
    const { api, time } = this.#sim
    this.#failing(times)
    api.faults.loseAnswers(call, times)
    time.after(UNTIL_POLL, () => api.faults.loseAnswers(call, 0))
  }

  /** Docker cannot start a container so many times. It excuses nothing: whoever does not run has no port, and is in nobody's way. */
  startFails(name: string, times: number): void {
    this.#failingStarts.set(name, times)
  }

  readonly obstacle = (name: string): string | undefined => {
    const left = this.#failingStarts.get(lastingName(name)) ?? 0
    if (left === 0) return undefined
    this.#failingStarts.set(lastingName(name), left - 1)
    return VOLUME_AWAY
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
    const nft = this.#sim.programs.nft.get(this.#sim.idOf(NETWORK_ANCHOR) ?? "")
    if (when === "idle") nft?.kill()
    else nft?.dieInNext(when)
  }

  nftRefuses(): void {
    this.#refusals += 1
  }

  conntrackFails(millis: number): void {
    const conntrack = this.#sim.namespace(NETWORK_ANCHOR)?.kernel.conntrack
    if (conntrack === undefined) return
    const back = Math.max(this.#conntrackBack.get(conntrack) ?? 0, this.#sim.time.now() + millis)
    this.#conntrackBack.set(conntrack, back)
    conntrack.failure = "Operation failed: a simulated failure"
    this.#sim.excuses.for("flows", millis + UNTIL_POLL)
    this.#sim.connections.conntrackFails()
    this.#sim.time.after(millis, () => {
      if (this.#sim.time.now() >= (this.#conntrackBack.get(conntrack) ?? 0)) conntrack.failure = undefined
    })
  }

  monitorLoses(count: number): void {
    this.#linesLost += count
  }

  dnsFails(millis: number): void {
    this.#forAWhile(millis, (dns) => {
      dns.isAway = true
    })
  }

  /** Half of the questions remain without an answer. */
  dnsFlaps(millis: number): void {
    this.#forAWhile(millis, (dns) => {
      dns.flapping = 0.5
    })
  }

  #forAWhile(millis: number, spoil: (dns: SimDns) => void): void {
    const { dns, time, excuses } = this.#sim
    this.#dnsBack = Math.max(this.#dnsBack, time.now() + millis)
    spoil(dns)
    excuses.for("names", millis + RESOLVE_MILLIS + 1_000)
    time.after(millis, () => {
      if (time.now() >= this.#dnsBack) dns.clear()
    })
  }

  /** The engine takes calls and does not answer them. */
  engineHangs(millis: number): void {
    const { api, time } = this.#sim
    this.#sim.excuses.lag(millis + Math.min(AFTER_FAILURE, millis + this.#trouble()), 1_500)
    this.#sim.excuses.for("engine", untilDone(millis))
    this.#delayStart()
    api.faults.block("*")
    time.after(millis, () => api.faults.unblock("*"))
  }

  #isNetworkAnchor(kernel: SimKernel): boolean {
    return this.#sim.namespace(NETWORK_ANCHOR)?.kernel === kernel
  }

  /** Everything works again. */
  end(): void {
    this.#away += 1
    this.#sim.api.faults.clear()
    for (const { spare } of this.#sim.processes.values()) spare()
    this.#refusals = 0
    this.#failingStarts.clear()
    this.#linesLost = 0
    this.#dnsBack = 0
    this.#sim.dns.clear()
    this.#conntrackBack.clear()
    const conntrack = this.#sim.namespace(NETWORK_ANCHOR)?.kernel.conntrack
    if (conntrack !== undefined) conntrack.failure = undefined
  }

  /** Somebody else has changed the rule set: until that is seen, a change that relies on it is refused. */
  tampered(): void {
    this.#tamperedUntil = this.#sim.time.now() + UNTIL_POLL
  }

  /**
   * A transaction that fails excuses everything for a moment: it may have been the whole rule set. One that the kernel refuses for its own reasons
   * excuses nothing.
   */
  readonly nftables = (real: Nftables["Service"]): Nftables["Service"] => {
    const noted = <A>(call: Effect.Effect<A, NftError>): Effect.Effect<A, NftError> =>
      Effect.tapError(call, (error) => Effect.sync(() => this.#noteFailure(error)))
    return {
      ...real,
      readTable: (family) => noted(real.readTable(family)),
      transaction: (commands) =>
        noted(
          Effect.suspend(() => {
            if (this.#refusals === 0 || commands.length === 0) return real.transaction(commands)
            this.#refusals -= 1
            return Effect.fail(new NftError({ reason: "refused", commands: "", message: REFUSAL }))
          })
        )
    }
  }

  #noteFailure({ reason, message }: NftError): void {
    const isAtFault = reason === "session-lost" || message === REFUSAL
    if (!isAtFault && this.#sim.time.now() > this.#tamperedUntil) return
    this.#sim.excuses.for("nat", AFTER_REFUSAL)
    this.#sim.excuses.for("tables", AFTER_REFUSAL)
    if (this.#sim.excuses.covers("interface")) this.#sim.excuses.for("interface", AFTER_REFUSAL)
    this.#sim.excuses.touched("nat")
  }

  readonly netlink = (kernel: SimKernel, real: Netlink["Service"]): Netlink["Service"] => ({
    ...real,
    changes: Stream.filter(real.changes, () => {
      if (this.#linesLost === 0) return true
      this.#linesLost -= 1
      this.#lineLostAt = this.#sim.time.now()
      const subjects = [routesOf(kernel), ...(this.#isNetworkAnchor(kernel) ? ["addresses"] : [])]
      for (const subject of subjects) this.#sim.excuses.for(subject, UNTIL_CHECK)
      return false
    })
  })
}
