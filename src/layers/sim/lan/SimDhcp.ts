import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import { families, type Family } from "../../../domain/Address.ts"
import type { DhcpReport } from "../../../domain/DhcpLease.ts"
import { DhcpClient, DhcpClientEnded, type DhcpRequest } from "../../../services/DhcpClient.ts"

/** What a DHCP server gives. */
export interface SimOffer {
  readonly address: string
  /** Given as well, to a client that asks for it. */
  readonly others?: ReadonlyArray<string>
  readonly leaseSeconds: number
  /** Option 3. */
  readonly router?: string
  /** Option 54. */
  readonly server?: string
  /** Option 58 (T1), seconds. */
  readonly renewSeconds?: number
  /** Option 26. */
  readonly mtu?: number
  /** Option 121, as busybox prints it: `10.50.0.0/16 10.1.0.7`. */
  readonly staticRoutes?: string
}

/** A line of the server's lease table. */
export interface SimLease {
  readonly family: Family
  readonly address: string
  readonly hostname: string
  /** Milliseconds of Unix time. */
  readonly since: number
  readonly until: number
  readonly router?: string
}

/** What a server gives for each family; absent means silence. */
type Server = Map<Family, SimOffer>

interface Answer {
  readonly server: Server
  readonly offer: SimOffer
}

type Reports = Queue.Queue<DhcpReport, DhcpClientEnded>

interface Session {
  readonly request: DhcpRequest
  readonly reports: Reports
  readonly wake: Effect.Effect<void>
  readonly woken: Effect.Effect<void>
  /** What a server has given to this client, and which one. */
  lease: SimOffer | undefined
  server: Server | undefined
}

/** What busybox's client does when nobody answers: four attempts a second apart, then a rest. */
const SILENCE_MILLIS = 4_000
const REST_MILLIS = 3_000

/** After seven eighths of its lease a client asks every server (T2, RFC 2131 §4.4.5). */
const REBINDING = 8

const hexSeconds = (seconds: number): string => seconds.toString(16).padStart(8, "0")

const parametersOf = (offer: SimOffer): Readonly<Record<string, string>> => {
  const { address, leaseSeconds, router, server, renewSeconds, mtu, staticRoutes } = offer
  if (address.includes(":")) return { ipv6: address, lease: `${leaseSeconds}` }
  return {
    ip: address,
    mask: "24",
    lease: `${leaseSeconds}`,
    ...(router === undefined ? {} : { router }),
    ...(server === undefined ? {} : { serverid: server }),
    ...(renewSeconds === undefined ? {} : { opt58: hexSeconds(renewSeconds) }),
    ...(mtu === undefined ? {} : { mtu: `${mtu}` }),
    ...(staticRoutes === undefined ? {} : { staticroutes: staticRoutes })
  }
}

const say = ({ reports, request }: Session, action: string, offer?: SimOffer) =>
  Effect.sync(
    () =>
      void Queue.offerUnsafe(reports, {
        family: request.family,
        action,
        parameters: offer === undefined ? {} : parametersOf(offer)
      })
  )

/**
 * DHCP servers and the clients that speak to them, in the time of the clock: a client gets what is offered, renews at half its lease or when
 * it is told to, is refused when the server gives out another address by then, and gives a lease up that nobody renews.
 */
export class SimDhcp {
  /** Those of the first server. */
  readonly offers: Server = new Map()
  /** Those of another one, with whom a client that has an address of the first has nothing to do until nobody else answers (T2). */
  readonly rivals: Server = new Map()
  /** The first server refuses whatever a client has, and has nothing to give. */
  isExhausted = false
  /** Whether it is the other one who answers first. */
  rivalIsFirst = false
  readonly #forgotten = new Set<Family>()
  readonly released: Array<string> = []
  /** How many clients have been started. */
  started = 0
  /** Whether the link that the clients are on is there: without it a client ends at once. */
  linked = true
  readonly #sessions = new Set<Session>()
  readonly #table = new Map<Family, SimLease>()

  /** What clients have got and not given back. */
  leases(): ReadonlyArray<SimLease> {
    return [...this.#table.values()]
  }

  /** The addresses that the clients which run have at this moment. */
  held(): ReadonlyArray<string> {
    return [...this.#sessions].flatMap(({ lease }) => lease?.address ?? [])
  }

  /** The servers lose their table: the next client of each family that wants its address for longer is refused. */
  forget(): void {
    for (const family of families) this.#forgotten.add(family)
  }

  /** Every client dies, as by SIGKILL: nothing is released. */
  killAll(): void {
    for (const session of this.#sessions) {
      session.lease = undefined
      this.#end(session, "was ended by SIGKILL")
    }
  }

  #give(session: Session, { offer, server }: Answer, now: number): void {
    const { family, hostname } = session.request
    const { address, router, leaseSeconds } = offer
    session.lease = offer
    session.server = server
    const lease = { family, address, hostname, since: now, until: now + leaseSeconds * 1_000 }
    this.#table.set(family, router === undefined ? lease : { ...lease, router })
  }

  #take(session: Session): void {
    session.lease = undefined
    session.server = undefined
    this.#table.delete(session.request.family)
  }

  #end({ reports, request: { family } }: Session, message: string): void {
    Queue.failCauseUnsafe(reports, Cause.fail(new DhcpClientEnded({ family, message })))
  }

  /** What a client is given that has or asks for this address: that one, if it may. One that has an address asks its server; at last, everyone. */
  #answerTo(
    { request, server: own }: Session,
    address: string | undefined,
    isLast = false
  ): Answer | "refused" | undefined {
    const servers = this.rivalIsFirst ? [this.rivals, this.offers] : [this.offers, this.rivals]
    const asked = own === undefined ? servers : isLast ? [own, ...servers.filter((one) => one !== own)] : [own]
    for (const server of asked) {
      const isExhausted = this.isExhausted && server === this.offers
      if (isExhausted && own !== undefined) return "refused"
      const offer = isExhausted ? undefined : server.get(request.family)
      if (offer === undefined) continue
      const isAnother = address !== undefined && offer.others?.includes(address) === true
      return { server, offer: isAnother ? { ...offer, address } : offer }
    }
    return undefined
  }

  /** The life of one client: without an address until somebody offers one, then with it until it is lost. */
  #live(session: Session) {
    const answerTo = (address: string | undefined, isLast?: boolean) => this.#answerTo(session, address, isLast)
    const give = (answer: Answer) => Effect.map(Clock.currentTimeMillis, (now) => this.#give(session, answer, now))
    const take = () => this.#take(session)
    const isForgotten = () => this.#forgotten.delete(session.request.family)

    const holding = Effect.fnUntraced(function* (given: Answer) {
      const first = given.offer
      yield* give(given)
      let left = first.leaseSeconds * 1_000
      while (left > 0) {
        const wait = Math.max(1_000, Math.floor(left / 2))
        const asked = yield* session.woken.pipe(Effect.timeoutOption(wait))
        const rest = left - (asked._tag === "Some" ? 0 : wait)
        const now = answerTo(first.address, rest * REBINDING <= first.leaseSeconds * 1_000)
        if (now === undefined && asked._tag === "Some") {
          // busybox asks three times, and then takes its lease for lost, however long it is.
          session.lease = undefined
          session.server = undefined
          return yield* Effect.sleep(SILENCE_MILLIS)
        }
        left = rest
        if (now === undefined) continue
        if (now === "refused" || now.offer.address !== first.address || isForgotten()) {
          take()
          yield* say(session, "nak")
          return yield* Effect.sleep(REST_MILLIS)
        }
        yield* give(now)
        left = now.offer.leaseSeconds * 1_000
        yield* say(session, "renew", now.offer)
      }
      take()
    })

    return Effect.gen(function* () {
      let wanted = session.request.wanted
      yield* say(session, "deconfig")
      while (true) {
        const answer = answerTo(wanted)
        if (answer === undefined || answer === "refused") {
          yield* Effect.sleep(SILENCE_MILLIS)
          yield* say(session, "leasefail")
          yield* Effect.sleep(REST_MILLIS)
          continue
        }
        yield* say(session, "bound", answer.offer)
        yield* holding(answer)
        wanted = undefined
        yield* say(session, "deconfig")
      }
    })
  }

  #release(session: Session): void {
    this.#sessions.delete(session)
    if (session.lease === undefined) return
    this.released.push(session.lease.address)
    this.#take(session)
  }

  readonly #start = Effect.fnUntraced(
    function* (this: SimDhcp, request: DhcpRequest) {
      const reports: Reports = yield* Queue.unbounded<DhcpReport, DhcpClientEnded>()
      const asked = yield* Queue.sliding<void>(1)
      const wake = Effect.asVoid(Queue.offer(asked, undefined))
      const session: Session = { reports, request, wake, woken: Queue.take(asked), lease: undefined, server: undefined }
      this.started += 1
      yield* Effect.acquireRelease(
        Effect.sync(() => this.#sessions.add(session)),
        () => Effect.sync(() => this.#release(session))
      )
      if (this.linked) yield* Effect.forkScoped(this.#live(session))
      else this.#end(session, "ended with status 1")
      const abandon = Effect.sync(() => {
        session.lease = undefined
        this.#sessions.delete(session)
      })
      return { next: Queue.take(reports), renew: wake, abandon }
    }.bind(this)
  )

  readonly layer: Layer.Layer<DhcpClient> = Layer.succeed(DhcpClient)({ start: this.#start })
}
