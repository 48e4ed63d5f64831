import type { DockerEvent } from "../../../domain/DockerState.ts"
import { DockerError } from "../../../services/DockerEngine.ts"
import type { SimTimers } from "../SimTime.ts"

/** A call as it is counted and refused; a listing with an `id` filter is not the full one. */
export type SimCall =
  | "GET /_ping"
  | "GET /containers/json"
  | "GET /containers/json?id"
  | "GET /containers/{id}/json"
  | "GET /networks/{id}"
  | "GET /images/{name}/json"
  | "GET /events"
  | "POST /containers/create"
  | "POST /containers/{id}/start"
  | "POST /containers/{id}/stop"
  | "POST /containers/{id}/restart"
  | "POST /containers/{id}/rename"
  | "POST /containers/{id}/update"
  | "DELETE /containers/{id}"
  | "POST /networks/{id}/connect"
  | "POST /networks/{id}/disconnect"

/** One kind of call, or all of them. */
export type SimCalls = SimCall | "*"

export const unreachable = (endpoint: SimCall): DockerError =>
  new DockerError({ endpoint, reason: "unreachable", message: "connect ECONNREFUSED" })

type EventType = DockerEvent["type"]

/** What is to become of one event. */
export interface SimDelivery {
  readonly copies: number
  readonly delay: number
}

/**
 * What goes wrong between an engine and those who call it; nothing, until it is told to. There is one for each client, and one for all of
 * them together.
 */
export class SimDockerFaults {
  readonly #forbidden = new Set<SimCall>()
  readonly #failures = new Map<SimCalls, number>()
  readonly #lostAnswers = new Map<SimCalls, number>()
  readonly #slow = new Map<SimCalls, number>()
  readonly #lag = new Map<SimCalls, number>()
  readonly #blocked = new Set<SimCalls>()
  readonly #waiting = new Set<() => void>()
  readonly #after = new Map<SimCall, () => void>()
  readonly #cuts = new Set<() => void>()
  readonly #late = new Map<EventType, number>()
  #lose = 0
  #double = 0
  /** Told of each event that is lost (`undefined`), or late by so many milliseconds. */
  disturbed: (event: DockerEvent, delay: number | undefined) => void = () => {}
  #isAway = false
  /** Anything is wrong at all; a call that is not touched by faults is to cost nothing. */
  #any = false

  get isAway(): boolean {
    return this.#isAway
  }

  get any(): boolean {
    return this.#any
  }

  /** Ends everything that goes wrong. */
  clear(): void {
    for (const map of [this.#failures, this.#lostAnswers, this.#slow, this.#lag, this.#after, this.#late]) map.clear()
    this.#forbidden.clear()
    this.#lose = 0
    this.#double = 0
    this.#isAway = false
    this.unblock("*")
    this.#any = false
  }

  /** Nobody answers; with timers and a time, for so many milliseconds. Everything that is open is cut. */
  away(millis?: number, timers?: SimTimers): void {
    this.#isAway = true
    this.cut()
    if (millis !== undefined) timers?.after(millis, () => this.back())
  }

  back(): void {
    this.#isAway = false
  }

  /** Ends every event stream and every call that has no answer yet, and nothing else. */
  cut(): void {
    const open = [...this.#cuts]
    for (const cut of open) cut()
  }

  /** A socket proxy forbids the call, or allows it again. */
  forbid(call: SimCall, forbidden = true): void {
    if (forbidden) this.#forbidden.add(call)
    else this.#forbidden.delete(call)
    this.#any = true
  }

  /** The next calls fail with HTTP 500, and have no effect. */
  failNext(call: SimCalls, times = 1): void {
    this.#failures.set(call, times)
    this.#any = true
  }

  /** The next calls have their effect, but the connection ends before the answer. */
  loseAnswers(call: SimCalls, times = 1): void {
    this.#lostAnswers.set(call, times)
    this.#any = true
  }

  /** So many milliseconds pass before the engine looks at a call. */
  slow(call: SimCalls, millis: number): void {
    this.#slow.set(call, millis)
    this.#any = true
  }

  /** So many milliseconds pass until an answer arrives, which is that old then. */
  lag(call: SimCalls, millis: number): void {
    this.#lag.set(call, millis)
    this.#any = true
  }

  /** Calls get no answer until {@link SimDockerFaults.unblock}. */
  block(call: SimCalls): void {
    this.#blocked.add(call)
    this.#any = true
  }

  unblock(call: SimCalls): void {
    if (call === "*") this.#blocked.clear()
    else this.#blocked.delete(call)
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const go of waiting) go()
  }

  /** Once, right after the next answer to such a call was made: what was listed may be gone when it is inspected. */
  afterNext(call: SimCall, happens: () => void): void {
    this.#after.set(call, happens)
    this.#any = true
  }

  /** The next events are not told. */
  loseEvents(count: number): void {
    this.#lose = count
    this.#any = true
  }

  /** The next events are told twice. */
  doubleEvents(count: number): void {
    this.#double = count
    this.#any = true
  }

  /** Events of a type arrive so many milliseconds late: in their own order, but behind those of the other type. */
  delayEvents(type: EventType, millis: number): void {
    this.#late.set(type, millis)
    this.#any = true
  }

  /** What becomes of the next event. */
  delivery(event: DockerEvent): SimDelivery {
    const delay = this.#late.get(event.type) ?? 0
    if (this.#lose > 0) {
      this.#lose -= 1
      this.disturbed(event, undefined)
      return { copies: 0, delay }
    }
    if (delay > 0) this.disturbed(event, delay)
    if (this.#double === 0) return { copies: 1, delay }
    this.#double -= 1
    return { copies: 2, delay }
  }

  /** Why a call has no effect. */
  refusal(endpoint: SimCall): DockerError | undefined {
    if (this.#isAway) return unreachable(endpoint)
    if (this.#forbidden.has(endpoint)) {
      return new DockerError({ endpoint, reason: "forbidden", status: 403, message: "a socket proxy forbids it" })
    }
    if (!takeOne(this.#failures, endpoint)) return undefined
    return new DockerError({ endpoint, reason: "failed", status: 500, message: "server error" })
  }

  losesAnswer(endpoint: SimCall): boolean {
    return takeOne(this.#lostAnswers, endpoint)
  }

  slowness(endpoint: SimCall): number {
    return this.#slow.get(endpoint) ?? this.#slow.get("*") ?? 0
  }

  lagOf(endpoint: SimCall): number {
    return this.#lag.get(endpoint) ?? this.#lag.get("*") ?? 0
  }

  blocks(endpoint: SimCall): boolean {
    return this.#blocked.has(endpoint) || this.#blocked.has("*")
  }

  /** Calls back when something is unblocked; the answer gives that up. */
  whenUnblocked(go: () => void): () => void {
    this.#waiting.add(go)
    return () => void this.#waiting.delete(go)
  }

  answered(endpoint: SimCall): void {
    const happens = this.#after.get(endpoint)
    this.#after.delete(endpoint)
    happens?.()
  }

  /** Calls back when what is open is cut; the answer gives that up. */
  whenCut(go: () => void): () => void {
    this.#cuts.add(go)
    return () => void this.#cuts.delete(go)
  }
}

const takeOne = (counts: Map<SimCalls, number>, endpoint: SimCall): boolean => {
  for (const key of [endpoint, "*"] as const) {
    const left = counts.get(key) ?? 0
    if (left === 0) continue
    counts.set(key, left - 1)
    return true
  }
  return false
}
