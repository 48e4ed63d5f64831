import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type { DhcpReport } from "../../domain/DhcpLease.ts"
import { DhcpClient, DhcpClientEnded, type DhcpRequest } from "../../services/DhcpClient.ts"
import { start } from "../process/LineProcess.ts"
import { parseHookLine } from "./parseHookLine.ts"

export interface UdhcpcOptions {
  /** Put before the client: another network namespace. */
  readonly prefix?: ReadonlyArray<string>
  readonly hook?: string
}

const HOOK = "/usr/local/bin/dhcp-hook"

/** How long a client that was told to end may take to release its lease. */
const RELEASE_LIMIT = "2 seconds"

const hex = (text: string): string => Buffer.from(text, "utf8").toString("hex")

/** ARP probes for an offered address wait this long for somebody who has it (RFC 5227 §2.1.1 allows one second). */
const ARP_PROBE_MILLIS = 500

/** Seconds between two rounds of asking while nobody answers. On most LANs nobody ever gives IPv6 addresses. */
const REST_SECONDS = { v4: "3", v6: "60" }

/**
 * busybox's client: in the foreground (`-f`), releases when it ends (`-R`), checks an offered address by ARP (`-a`), asks for MTU, routes and
 * the timers T1 and T2 on top of what it always asks for. The shell joins what it complains of to what it says.
 */
const commandOf = ({ family, link, hostname, wanted }: DhcpRequest, hook: string): ReadonlyArray<string> => {
  const request = wanted === undefined ? [] : ["-r", wanted]
  const common = ["-f", "-R", "-i", link, "-s", hook, "-t", "4", "-T", "1", "-A", REST_SECONDS[family], ...request]
  const joined = ["sh", "-c", 'exec "$@" 2>&1', "sh", "busybox"]
  if (family === "v6") return [...joined, "udhcpc6", ...common]
  const identity = ["-x", `hostname:${hostname}`, "-C", "-x", `0x3d:00${hex(hostname)}`]
  const options = ["26", "121", "58", "59"].flatMap((option) => ["-O", option])
  return [...joined, "udhcpc", ...common, `-a${ARP_PROBE_MILLIS}`, ...identity, ...options]
}

/** More than a client says in an hour of the shortest leases. */
const REPORTS_KEPT = 1_024

/** DHCP by busybox's udhcpc and udhcpc6, one supervised child for each session; what the hook prints comes through the child's output. */
export const layer = ({ prefix = [], hook = HOOK }: UdhcpcOptions = {}): Layer.Layer<DhcpClient> =>
  Layer.succeed(DhcpClient)({
    start: Effect.fnUntraced(function* (request: DhcpRequest) {
      const { family } = request
      const reports = yield* Queue.dropping<DhcpReport, DhcpClientEnded>(REPORTS_KEPT)
      const ended = yield* Deferred.make<void>()
      let complaint = ""
      let abandoned = false
      const child = yield* Effect.acquireRelease(
        Effect.sync(() =>
          start([...prefix, ...commandOf(request, hook)], {
            onLine: (line) => {
              const report = parseHookLine(line, family)
              if (report === undefined) complaint = line.slice(0, 200)
              else Queue.offerUnsafe(reports, report)
            },
            onExit: (why) => {
              Deferred.doneUnsafe(ended, Effect.void)
              if (abandoned) return
              const message = complaint === "" ? why : `${why}: ${complaint}`
              Queue.failCauseUnsafe(reports, Cause.fail(new DhcpClientEnded({ family, message })))
            }
          })
        ),
        (process) =>
          Effect.sync(() => process.signal("SIGTERM")).pipe(
            Effect.andThen(Deferred.await(ended)),
            Effect.interruptible,
            Effect.timeoutOption(RELEASE_LIMIT),
            Effect.andThen(Effect.sync(process.kill))
          )
      )
      return {
        next: Queue.take(reports),
        renew: Effect.sync(() => child.signal("SIGUSR1")),
        abandon: Effect.sync(() => {
          abandoned = true
          child.kill()
        })
      }
    })
  })
