import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type { Family } from "../../domain/Address.ts"
import type { DhcpReport } from "../../domain/DhcpLease.ts"
import { DhcpClient, DhcpClientEnded, type DhcpRequest } from "../../services/DhcpClient.ts"

/** What a DHCP server gives. */
export interface SimOffer {
  readonly address: string
  /** Given as well, to a client that asks for it. */
  readonly others?: ReadonlyArray<string>
  readonly leaseSeconds: number
  /** Option 3. */
  readonly router?: string
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
  readonly until: number
}

type Reports = Queue.Queue<DhcpReport, DhcpClientEnded>

interface Session {
  readonly request: DhcpRequest
  readonly reports: Reports
  readonly wake: Effect.Effect<void>
  readonly woken: Effect.Effect<void>
  /** What the server has given to this client. */
  lease: SimOffer | undefined
}

/** What busybox's client does when nobody answers: four attempts a second apart, then a rest. */
const SILENCE_MILLIS = 4_000
const REST_MILLIS = 3_000

const hexSeconds = (seconds: number): string => seconds.toString(16).padStart(8, "0")

const parametersOf = (offer: SimOffer): Readonly<Record<string, string>> => {
  const { address, leaseSeconds, router, renewSeconds, mtu, staticRoutes } = offer
  if (address.includes(":")) return { ipv6: address, lease: `${leaseSeconds}` }
  return {
    ip: address,
    mask: "24",
    lease: `${leaseSeconds}`,
    ...(router === undefined ? {} : { router }),
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
 * A DHCP server and the clients that speak to it, in the time of the clock: a client gets what is offered, renews at half its lease or when
 * it is told to, is refused when the server gives out another address by then, and gives a lease up that nobody renews.
 */
export class SimDhcp {
  /** For each family; absent means silence. */
  readonly offers = new Map<Family, SimOffer>()
  /** The server refuses whatever a client has, and has nothing to give. */
  isExhausted = false
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

  /** Every client dies, as by SIGKILL: nothing is released. */
  killAll(): void {
    for (const session of this.#sessions) {
      session.lease = undefined
      this.#end(session, "was ended by SIGKILL")
    }
  }

  #give(session: Session, offer: SimOffer, now: number): void {
    const { family, hostname } = session.request
    session.lease = offer
    this.#table.set(family, { family, address: offer.address, hostname, until: now + offer.leaseSeconds * 1_000 })
  }

  #take(session: Session): void {
    session.lease = undefined
    this.#table.delete(session.request.family)
  }

  #end({ reports, request: { family } }: Session, message: string): void {
    Queue.failCauseUnsafe(reports, Cause.fail(new DhcpClientEnded({ family, message })))
  }

  /** What the server gives to a client that has or asks for this address: that one, if it may. */
  #offerFor({ request }: Session, address: string | undefined): SimOffer | undefined {
    if (this.isExhausted) return undefined
    const offer = this.offers.get(request.family)
    return address !== undefined && offer?.others?.includes(address) === true ? { ...offer, address } : offer
  }

  /** The life of one client: without an address until somebody offers one, then with it until it is lost. */
  #live(session: Session) {
    const offerFor = (address: string | undefined) => this.#offerFor(session, address)
    const give = (offer: SimOffer) => Effect.map(Clock.currentTimeMillis, (now) => this.#give(session, offer, now))
    const take = () => this.#take(session)
    const refuses = () => this.isExhausted

    const holding = Effect.fnUntraced(function* (first: SimOffer) {
      yield* give(first)
      let left = first.leaseSeconds * 1_000
      while (left > 0) {
        const wait = Math.max(1_000, Math.floor(left / 2))
        const asked = yield* session.woken.pipe(Effect.timeoutOption(wait))
        const now = offerFor(first.address)
        if (now === undefined && !refuses() && asked._tag === "Some") {
          // busybox asks three times, and then takes its lease for lost, however long it is.
          session.lease = undefined
          return yield* Effect.sleep(SILENCE_MILLIS)
        }
        left -= asked._tag === "Some" ? 0 : wait
        if (now === undefined && !refuses()) continue
        if (now === undefined || now.address !== first.address) {
          take()
          yield* say(session, "nak")
          return yield* Effect.sleep(REST_MILLIS)
        }
        yield* give(now)
        left = now.leaseSeconds * 1_000
        yield* say(session, "renew", now)
      }
      take()
    })

    return Effect.gen(function* () {
      let wanted = session.request.wanted
      yield* say(session, "deconfig")
      while (true) {
        const offer = offerFor(wanted)
        if (offer === undefined) {
          yield* Effect.sleep(SILENCE_MILLIS)
          yield* say(session, "leasefail")
          yield* Effect.sleep(REST_MILLIS)
          continue
        }
        yield* say(session, "bound", offer)
        yield* holding(offer)
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
      const session: Session = { reports, request, wake, woken: Queue.take(asked), lease: undefined }
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
