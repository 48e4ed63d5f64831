import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { DockerError } from "../../services/DockerEngine.ts"
import type { DockerConnection } from "./DockerodeConnection.ts"

/** Docker 20.10 and Docker 29: what is read of the answers is the same in all that lie between. */
const OLDEST = [1, 41] as const
const NEWEST = [1, 52] as const

type Version = readonly [major: number, minor: number]

const parse = (text: unknown): Version | undefined => {
  const [, major, minor] = /^v?(\d+)\.(\d+)$/.exec(String(text).trim()) ?? []
  return major === undefined || minor === undefined ? undefined : [Number(major), Number(minor)]
}

const isBefore = ([major, minor]: Version, other: Version): boolean =>
  major < other[0] || (major === other[0] && minor < other[1])

/**
 * The path prefix to speak to an engine that offers API `offered`: its own version, but none that is newer than what is known here. Nothing
 * when it is older than 1.41.
 */
const prefixFor = (offered: string): string | undefined => {
  const version = parse(offered)
  if (version === undefined || isBefore(version, OLDEST)) return undefined
  return `/v${(isBefore(version, NEWEST) ? version : NEWEST).join(".")}`
}

/**
 * Whether an engine that is spoken to with that path prefix takes more than one network when it creates a container: since API 1.44. Not
 * so sure with the engine's own version.
 */
export const takesAllNetworks = (prefix: string): boolean => {
  const version = parse(prefix.slice(1))
  return version !== undefined && !isBefore(version, [1, 44])
}

/** Whether an error may mean that another engine, or another version of it, will answer next. */
const staleAfter = (error: DockerError): boolean =>
  error.reason === "unreachable" || error.status === 400 || (error.status ?? 0) >= 500

/** Knows which API version to speak. */
export interface Negotiated {
  /** Runs with the path prefix; asks the engine for it when it is not known or not certain any more. */
  readonly speak: <A, E, R>(
    run: (prefix: string) => Effect.Effect<A, E | DockerError, R>
  ) => Effect.Effect<A, E | DockerError, R>
  readonly forget: Effect.Effect<void>
}

/**
 * Negotiates once per connection: after an error that a restart or an upgrade of the engine can be the cause of, once more. A proxy that
 * forbids both `/_ping` and `/version`, or hides what they say, is spoken to without a version, which means the engine's own.
 */
export const negotiate = Effect.fnUntraced(function* (connection: DockerConnection) {
  const turn = yield* Semaphore.make(1)
  let prefix: string | undefined

  const ping = connection.ask({ method: "GET", path: "/_ping" }, "").pipe(
    Effect.map(({ headers }) => headers["api-version"]),
    Effect.catchIf(isHidden, () => Effect.succeed(undefined))
  )

  const version = connection.ask({ method: "GET", path: "/version" }, "").pipe(
    Effect.map(({ body }) => /"ApiVersion"\s*:\s*"([^"]+)"/.exec(body)?.[1]),
    Effect.catchIf(isHidden, () => Effect.succeed(undefined))
  )

  const find = Effect.gen(function* () {
    if (prefix !== undefined) return prefix
    const offered = (yield* ping) ?? (yield* version)
    const found = offered === undefined ? "" : prefixFor(String(offered))
    if (found === undefined) return yield* Effect.fail(tooOld(String(offered)))
    prefix = found
    return found
  })

  const forget = Effect.sync(() => {
    prefix = undefined
  })

  return {
    speak: (run) =>
      Effect.flatMap(turn.withPermits(1)(find), run).pipe(
        Effect.tapError((error) => (error instanceof DockerError && staleAfter(error) ? forget : Effect.void))
      ),
    forget
  } satisfies Negotiated
})

const isHidden = (error: DockerError): boolean => error.reason === "forbidden" || error.reason === "not-found"

const tooOld = (offered: string): DockerError =>
  new DockerError({
    endpoint: "GET /_ping",
    reason: "failed",
    message: `the engine speaks Docker API ${offered}; ${OLDEST.join(".")} (Docker 20.10) or later is needed`
  })
