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

const FIRST_BACKOFF_MILLIS = 1_000

/** A client that has run for this long has worked: the next restart waits as little as the first. */
const PROVEN_MILLIS = 60_000

/** A client tells that a lease has run out a moment before or after the clock here does. */
const CLOCK_TOLERANCE_MILLIS = 1_000

const RUN_OUT = "it has run out"
const SILENCE = "no DHCP server answers; the project stays on the address it has, and asking goes on"

export interface LeaseKeeperInput {
  readonly family: Family
  readonly hostname: string
  readonly backoffMax: Duration.Duration
  readonly link: () => string
  /** Answers when the interface was plugged in anew. */
  readonly replugged: Effect.Effect<void>
}

/** Milliseconds until something has to be done without the client's saying so: to renew at T1, or to give the lease up. */
const untilDeadline = (held: HeldLease, now: number): number =>
  Math.max(0, Math.min(held.renewAt > now ? held.renewAt : Infinity, held.expiresAt) - now)

/** What a client's events do to the lease; whether the client has to be started anew. */
const makeEventHandler = (family: Family, { held, take, lose }: LeaseHolder) => {
  const notices = makeNotices()
  return Effect.fnUntraced(function* (event: DhcpEvent) {
    switch (event._tag) {
      case "Leased":
        yield* take(event.lease)
        yield* notices([])
        return false
      case "Refused":
        yield* lose("the server refused it")
        // By itself the client would wait for some seconds before it asks for another.
        return true
      case "Deconfigured": {
        // Also what a client says that has just begun: then the lease still holds.
        const expiresAt = held()?.expiresAt ?? Infinity
        if ((yield* Clock.currentTimeMillis) >= expiresAt - CLOCK_TOLERANCE_MILLIS) yield* lose(RUN_OUT)
        return false
      }
      case "Unanswered":
        yield* Metrics.acquired(family, "error")
        // That nobody gives IPv6 addresses is normal where routers advertise them.
        if (family === "v4") yield* notices([{ key: "silence", level: "WARN", message: SILENCE }])
        return false
    }
  })
}

/**
 * Gets leases and keeps them, for ever (SPEC §9): one supervised client, started again with back-off when it ends, told to renew at T1 as
 * the server gave it, and started anew at once when the server refuses what it had or the interface was plugged in anew.
 */
export const keepLease = (
  { family, hostname, backoffMax, link, replugged }: LeaseKeeperInput,
  holder: LeaseHolder
): Effect.Effect<never, never, DhcpClient | Netlink> => {
  const { held, lose, replug } = holder
  const handle = makeEventHandler(family, holder)

  const atDeadline = Effect.fnUntraced(function* (renew: Effect.Effect<void>) {
    const expired = (yield* Clock.currentTimeMillis) >= (held()?.expiresAt ?? Infinity)
    yield* expired ? lose(RUN_OUT) : renew
  })

  const nextReport = Effect.fnUntraced(function* ({ next }: DhcpSession) {
    const lease = held()
    if (lease === undefined) return Option.some(yield* next)
    return yield* Effect.timeoutOption(next, untilDeadline(lease, yield* Clock.currentTimeMillis) + 1)
  })

  const session = Effect.gen(function* () {
    const client = yield* DhcpClient
    const running = yield* client.start({ family, link: link(), hostname })
    while (true) {
      const report = yield* nextReport(running)
      if (Option.isNone(report)) {
        yield* atDeadline(running.renew)
        continue
      }
      const event = decodeReport(report.value)
      if (Result.isSuccess(event)) {
        if (yield* handle(event.success)) return
        continue
      }
      yield* Effect.logWarning(`what the DHCP server sent is not usable: ${event.failure}`).pipe(
        Effect.annotateLogs({ family })
      )
    }
  })

  /** While no client runs the lease may run out. */
  const rest = Effect.fnUntraced(function* (millis: number) {
    const lease = held()
    const left = lease === undefined ? Infinity : lease.expiresAt - (yield* Clock.currentTimeMillis)
    yield* Effect.sleep(Math.max(0, Math.min(millis, left)))
    if (left <= millis) yield* atDeadline(Effect.void)
  })

  const restart = Effect.fnUntraced(function* ({ message }: DhcpClientEnded, pause: number) {
    yield* Metrics.restarted(family)
    yield* Effect.logWarning("the DHCP client ended; it is started again").pipe(
      Effect.annotateLogs({ family, why: message, afterMs: pause })
    )
    yield* rest(pause)
    return true
  })

  return Effect.gen(function* () {
    let pause = FIRST_BACKOFF_MILLIS
    while (true) {
      const begun = yield* Clock.currentTimeMillis
      const died = yield* Effect.scoped(session).pipe(
        Effect.as(false),
        Effect.catchTag("DhcpClientEnded", (error) => restart(error, pause)),
        // A client that is on a link which is gone does not come to another by itself.
        Effect.raceFirst(Effect.as(Effect.andThen(replugged, Effect.uninterruptible(replug)), false))
      )
      const worked = !died || (yield* Clock.currentTimeMillis) - begun >= PROVEN_MILLIS
      pause = worked ? FIRST_BACKOFF_MILLIS : Math.min(pause * 2, Duration.toMillis(backoffMax))
    }
  })
}
