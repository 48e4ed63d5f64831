import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { families, type AddressPair, type Family } from "../../domain/Address.ts"
import * as Metrics from "../../layers/observability/ServiceAnchorMetrics.ts"
import { NameResolver, type ResolveError } from "../../services/NameResolver.ts"
import { makeNotices, type Notice } from "../Notices.ts"
import { sentence } from "../../domain/Sentence.ts"

export interface GatewayLookup {
  /** The last good answer of each family: a failed look-up takes none away. */
  readonly known: () => AddressPair
  /** Looks up both families; whether the name resolves at all. */
  readonly refresh: Effect.Effect<boolean>
  /** Looks up one family only, at half the price: whether the answer is still the known one. */
  readonly stillSame: Effect.Effect<boolean>
}

type Answer = Result.Result<string, ResolveError>

/** What an operator should know of a round of look-ups. A family that never had an address is a project without it. */
const noticesOf = (
  hostname: string,
  answers: Readonly<Record<Family, Answer>>,
  known: AddressPair
): ReadonlyArray<Notice> => {
  const failed = families.filter((family) => Result.isFailure(answers[family]))
  if (failed.length === families.length) {
    return [
      {
        key: "name",
        level: "WARN",
        message: sentence`the gateway's name ${hostname} does not resolve; looking again, routes stay as they are; start the network-anchor on a network of this container, or set ANCHORD_GATEWAY_HOSTNAME to its service name`
      }
    ]
  }
  return failed
    .filter((family) => known[family] !== undefined)
    .map((family) => ({
      key: family,
      level: "WARN",
      message: sentence`the gateway ${hostname} has no ${family} address any more; the ${family} route stays as it is`
    }))
}

/** Look-ups of the gateway's name, which remember the last good answers, count, and log once per change (SPEC §10). */
export const makeGatewayLookup = Effect.fnUntraced(function* (hostname: string) {
  const resolver = yield* NameResolver
  const notices = makeNotices()
  const found = new Map<Family, string>()
  const known = (): AddressPair => Object.fromEntries(found)

  const ask = (family: Family): Effect.Effect<Answer> => Effect.result(resolver.resolve(hostname, family))

  const count = (answers: Readonly<Record<Family, Answer>>) => {
    const resolves = families.some((family) => Result.isSuccess(answers[family]))
    return Effect.forEach(
      families,
      (family) => {
        const answer = answers[family]
        if (Result.isSuccess(answer)) return Metrics.resolved(family, "ok")
        const isAbsent = resolves && answer.failure.reason === "no-record" && !found.has(family)
        return isAbsent ? Effect.void : Metrics.resolved(family, "error")
      },
      { discard: true }
    )
  }

  const refresh = Effect.gen(function* () {
    const answers = yield* Effect.all({ v4: ask("v4"), v6: ask("v6") }, { concurrency: 2 })
    yield* count(answers)
    yield* notices(noticesOf(hostname, answers, known()))
    for (const family of families) {
      const answer = answers[family]
      if (Result.isFailure(answer) || answer.success === found.get(family)) continue
      found.set(family, answer.success)
      yield* Effect.logInfo("the gateway has a new address").pipe(
        Effect.annotateLogs({ hostname, family, gateway: answer.success })
      )
    }
    return families.some((family) => Result.isSuccess(answers[family]))
  })

  const stillSame = Effect.gen(function* () {
    const family = families.find((one) => found.has(one))
    if (family === undefined) return false
    const answer = yield* ask(family)
    const same = Result.isSuccess(answer) && answer.success === found.get(family)
    if (same) yield* Metrics.resolved(family, "ok")
    return same
  })

  return { known, refresh, stillSame } satisfies GatewayLookup
})
