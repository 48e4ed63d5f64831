import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { Family } from "../../domain/Address.ts"
import { decodeReport, type DhcpEvent } from "../../domain/DhcpLease.ts"
import * as Metrics from "../../layers/observability/DhcpMetrics.ts"
import { DhcpClient, type DhcpClientEnded, type DhcpSession } from "../../services/DhcpClient.ts"
import type { Netlink } from "../../services/Netlink.ts"
import { makeNotices } from "../Notices.ts"
import type { HeldLease, LeaseHolder } from "./LeaseHolder.ts"
import { sentence } from "../../domain/Sentence.ts"
import { logWarning } from "../../layers/observability/OperatorLog.ts"

const FIRST_BACKOFF_MILLIS = 1_000

/** A client that has run for this long has worked: the next restart waits as little as the first. */
const PROVEN_MILLIS = 60_000

/** A client tells that a lease has run out a moment before or after the clock here does. */
const CLOCK_TOLERANCE_MILLIS = 1_000

const NOT_PERMITTED = /not permitted|permission denied/i
const NEEDS_NET_RAW = "a DHCP client needs the capability NET_RAW as well: cap_add: [NET_ADMIN, NET_RAW]"

const RUN_OUT = "it has run out"
const SILENCE = sentence`no DHCP server answers; the project stays on the address it has, and asking goes on; see whether a server on this LAN has an address left, and whether parent of the external network is the right interface`

export interface LeaseKeeperInput {
  readonly family: Family
  readonly hostname: string
  readonly backoffMax: Duration.Duration
  readonly link: () => string
  /** Answers when the interface was plugged in anew. */
  readonly replugged: Effect.Effect<void>
}

/**
 * Milliseconds until something has to be done without the client's saying so: to renew at a T1 that is earlier than the client's own, which is
 * half the lease, or to give the lease up.
 */
const untilDeadline = ({ lease, renewAt, expiresAt }: HeldLease, now: number): number => {
  const isEarlier = lease.renewSeconds < Math.floor(lease.leaseSeconds / 2)
  return Math.max(0, Math.min(isEarlier && renewAt > now ? renewAt : Infinity, expiresAt) - now)
}

/** What a client's events do to the lease. Answers with whether the client has to be started anew; `first` is a client's first event. */
const makeEventHandler = (family: Family, { held, take, lose }: LeaseHolder) => {
  const notices = makeNotices()
  return Effect.fnUntraced(function* (event: DhcpEvent, first: boolean) {
    switch (event._tag) {
      case "Leased":
        yield* take(event.lease)
        yield* notices([])
        return false
      case "Refused": {
        const had = held() !== undefined
        yield* lose("the server refused it")
        yield* Metrics.acquired(family, "error")
        // By itself the client would wait for some seconds before it asks for another; one that has had none is to do so.
        return had
      }
      case "Deconfigured": {
        const expiresAt = held()?.expiresAt
        if (expiresAt === undefined || first) return false
        if ((yield* Clock.currentTimeMillis) >= expiresAt - CLOCK_TOLERANCE_MILLIS) {
          yield* lose(RUN_OUT)
          return false
        }
        // Nobody answered a renewal. The lease holds all the same; another client asks for the same address.
        return true
      }
      case "Unanswered":
        yield* Metrics.acquired(family, "error")
        // That nobody gives IPv6 addresses is normal where routers advertise them.
        if (family === "v4") yield* notices([{ key: "silence", level: "WARN", message: SILENCE }])
        return false
    }
  })
}

/** Gives up a lease that has run out; else asks for its renewal. */
const atDeadline = Effect.fnUntraced(function* ({ held, lose }: LeaseHolder, renew: Effect.Effect<void>) {
  const expired = (yield* Clock.currentTimeMillis) >= (held()?.expiresAt ?? Infinity)
  yield* expired ? lose(RUN_OUT) : renew
})

const nextReport = Effect.fnUntraced(function* ({ next }: DhcpSession, { held }: LeaseHolder) {
  const lease = held()
  if (lease === undefined) return Option.some(yield* next)
  return yield* Effect.timeoutOption(next, untilDeadline(lease, yield* Clock.currentTimeMillis) + 1)
})

/** What one client after the other does; ends when the client is to be started anew, and fails when it ended by itself. */
const makeSession = ({ family, hostname, link }: LeaseKeeperInput, holder: LeaseHolder) => {
  const handle = makeEventHandler(family, holder)
  let running: DhcpSession | undefined

  const begin = Effect.gen(function* () {
    const wanted = holder.held()?.lease.address
    const request = { family, link: link(), hostname, ...(wanted === undefined ? {} : { wanted }) }
    running = yield* (yield* DhcpClient).start(request)
    return running
  })

  const live = Effect.gen(function* () {
    const client = yield* begin
    let first = true
    while (true) {
      const report = yield* nextReport(client, holder)
      if (Option.isNone(report)) {
        yield* atDeadline(holder, client.renew)
        continue
      }
      const event = decodeReport(report.value)
      if (Result.isFailure(event)) {
        yield* logWarning(sentence`what the DHCP server sent is not usable: ${event.failure}`).pipe(
          Effect.annotateLogs({ family })
        )
        continue
      }
      if (yield* handle(event.success, first)) return
      first = false
    }
  })
  return { live: Effect.scoped(live), abandon: Effect.suspend(() => running?.abandon ?? Effect.void) }
}

/**
 * Gets leases and keeps them, for ever (SPEC §9): one supervised client, started again with back-off when it ends, told to renew at T1 as
 * the server gave it, and started anew at once when the server refuses what it had, when it has lost what still holds, or when the interface was
 * plugged in anew.
 */
export const keepLease = (
  input: LeaseKeeperInput,
  holder: LeaseHolder
): Effect.Effect<never, never, DhcpClient | Netlink> => {
  const { family, backoffMax, replugged } = input
  const { live, abandon } = makeSession(input, holder)

  /** While no client runs the lease may run out. */
  const rest = Effect.fnUntraced(function* (millis: number) {
    const lease = holder.held()
    const left = lease === undefined ? Infinity : lease.expiresAt - (yield* Clock.currentTimeMillis)
    yield* Effect.sleep(Math.max(0, Math.min(millis, left)))
    if (left <= millis) yield* atDeadline(holder, Effect.void)
  })

  const restart = Effect.fnUntraced(function* ({ message }: DhcpClientEnded, pause: number) {
    yield* Metrics.restarted(family)
    const needs = NOT_PERMITTED.test(message) ? `; ${NEEDS_NET_RAW}` : ""
    yield* logWarning(sentence`the DHCP client ended; it is started again${needs}`).pipe(
      Effect.annotateLogs({ family, why: message, afterMs: pause })
    )
    yield* rest(pause)
    return true
  })

  /** A client that is on a link which is gone does not come to another by itself, and must not release what goes on being used. */
  const moveOver = replugged.pipe(Effect.andThen(Effect.uninterruptible(Effect.andThen(abandon, holder.replug))))

  return Effect.gen(function* () {
    let pause = FIRST_BACKOFF_MILLIS
    while (true) {
      const begun = yield* Clock.currentTimeMillis
      const died = yield* live.pipe(
        Effect.as(false),
        Effect.catchTag("DhcpClientEnded", (error) => restart(error, pause)),
        Effect.raceFirst(Effect.as(moveOver, false))
      )
      const worked = !died || (yield* Clock.currentTimeMillis) - begun >= PROVEN_MILLIS
      pause = worked ? FIRST_BACKOFF_MILLIS : Math.min(pause * 2, Duration.toMillis(backoffMax))
    }
  })
}
