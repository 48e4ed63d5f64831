import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type { DhcpReport } from "../../domain/DhcpLease.ts"
import { DhcpClient, DhcpClientEnded, type DhcpRequest } from "../../services/DhcpClient.ts"

/** What a DHCP server gives, or that it is silent. */
export interface SimOffer {
  readonly address: string
  readonly leaseSeconds: number
  readonly router?: string
  readonly renewSeconds?: number
}

type Reports = Queue.Queue<DhcpReport, DhcpClientEnded>

/** What busybox's client does when nobody answers: four attempts a second apart, then a rest. */
const SILENCE_MILLIS = 4_000
const REST_MILLIS = 3_000

const parametersOf = ({ address, leaseSeconds, router, renewSeconds }: SimOffer): Readonly<Record<string, string>> =>
  address.includes(":")
    ? { ipv6: address, lease: `${leaseSeconds}` }
    : {
        ip: address,
        mask: "24",
        lease: `${leaseSeconds}`,
        ...(router === undefined ? {} : { router }),
        ...(renewSeconds === undefined ? {} : { opt58: renewSeconds.toString(16).padStart(8, "0") })
      }

/**
 * A DHCP server and the clients that speak to it, in the time of the clock: a client gets what is offered, renews at half its lease or when
 * it is told to, is refused when the server gives out another address by then, and gives a lease up that nobody renews.
 */
export class SimDhcp {
  /** For each family; absent means silence. */
  readonly offers = new Map<DhcpRequest["family"], SimOffer>()
  readonly released: Array<string> = []
  /** How many clients have been started. */
  started = 0
  readonly #sessions = new Set<{ readonly reports: Reports; readonly request: DhcpRequest; wake: () => void }>()

  /** Every client dies, as by SIGKILL: nothing is released. */
  killAll(): void {
    for (const { reports, request } of this.#sessions) {
      const why = new DhcpClientEnded({ family: request.family, message: "was ended by SIGKILL" })
      Queue.failCauseUnsafe(reports, Cause.fail(why))
    }
  }

  #say(reports: Reports, { family }: DhcpRequest, action: string, offer?: SimOffer): void {
    Queue.offerUnsafe(reports, { family, action, parameters: offer === undefined ? {} : parametersOf(offer) })
  }

  /** The life of one client: without an address until somebody offers one, then with it until it is lost. */
  #client(reports: Reports, request: DhcpRequest, woken: Queue.Queue<void>) {
    const { family } = request
    const say = (action: string, offer?: SimOffer) => Effect.sync(() => this.#say(reports, request, action, offer))
    const offered = () => this.offers.get(family)

    const holding = Effect.fnUntraced(function* (first: SimOffer) {
      let mine = first
      let left = mine.leaseSeconds * 1_000
      while (left > 0) {
        const wait = Math.max(1_000, Math.floor(left / 2))
        const asked = yield* Queue.take(woken).pipe(Effect.timeoutOption(wait))
        left -= asked._tag === "Some" ? 0 : wait
        const now = offered()
        if (now === undefined) continue
        if (now.address !== mine.address) {
          yield* say("nak")
          return yield* Effect.sleep(REST_MILLIS)
        }
        mine = now
        left = mine.leaseSeconds * 1_000
        yield* say("renew", mine)
      }
    })

    return Effect.gen(function* () {
      while (true) {
        yield* say("deconfig")
        const offer = offered()
        if (offer === undefined) {
          yield* Effect.sleep(SILENCE_MILLIS)
          yield* say("leasefail")
          yield* Effect.sleep(REST_MILLIS)
          continue
        }
        yield* say("bound", offer)
        yield* holding(offer)
      }
    })
  }

  readonly layer: Layer.Layer<DhcpClient> = Layer.succeed(DhcpClient)({
    start: (request) => this.#start(request)
  })

  #start(request: DhcpRequest) {
    const sessions = this.#sessions
    const client = this.#client.bind(this)
    const { offers, released } = this
    this.started += 1
    return Effect.gen(function* () {
      const reports: Reports = yield* Queue.unbounded<DhcpReport, DhcpClientEnded>()
      const woken = yield* Queue.sliding<void>(1)
      const session = { reports, request, wake: () => void Queue.offerUnsafe(woken, undefined) }
      yield* Effect.acquireRelease(
        Effect.sync(() => sessions.add(session)),
        () =>
          Effect.sync(() => {
            sessions.delete(session)
            const offer = offers.get(request.family)
            if (offer !== undefined) released.push(offer.address)
          })
      )
      yield* Effect.forkScoped(client(reports, request, woken))
      return { next: Queue.take(reports), renew: Effect.sync(session.wake) }
    })
  }
}
