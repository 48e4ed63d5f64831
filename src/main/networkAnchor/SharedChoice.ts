import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { DockerState } from "../../domain/DockerState.ts"
import type { NetworkAnchorSettings } from "../../domain/Settings.ts"
import { chooseShared, type SharedNetwork } from "../../domain/SharedNetwork.ts"
import { FatalError } from "../FatalError.ts"
import { makeNotices } from "../Notices.ts"
import { sentence } from "../../domain/Sentence.ts"
import { logWarning } from "../../layers/observability/OperatorLog.ts"

const describe = ({ name, settled, reason }: SharedNetwork) => Effect.annotateLogs({ network: name, settled, reason })

export interface SharedChoice {
  readonly choose: (
    state: DockerState,
    externalNetworkId: string | undefined
  ) => Effect.Effect<SharedNetwork, FatalError>
  /** The last choice; nothing before the first. */
  readonly current: () => SharedNetwork | undefined
}

/**
 * Remembers the shared network from one reconcile to the next, and logs what becomes of the choice (SPEC §5). That there is none is fatal at
 * the start; later the last one stays, because a network that is gone for a moment must not end the program.
 */
export const makeSharedChoice = ({ scope, sharedNetwork: pin }: NetworkAnchorSettings) => {
  const notices = makeNotices()
  let chosen: SharedNetwork | undefined
  const choose = Effect.fnUntraced(function* (state: DockerState, externalNetworkId: string | undefined) {
    const previous = chosen
    const result = chooseShared({ state, scope, pin, externalNetworkId, previous })
    if (Result.isFailure(result)) {
      if (previous === undefined) return yield* new FatalError({ message: result.failure })
      yield* notices([{ key: "shared", level: "ERROR", message: result.failure }])
      return previous
    }
    yield* notices([])
    chosen = result.success
    if (previous === undefined) {
      yield* describe(chosen)(Effect.logInfo(`the shared network is ${chosen.name}`))
    } else if (previous.name !== chosen.name) {
      yield* describe(chosen)(logWarning(sentence`the shared network changes from ${previous.name} to ${chosen.name}`))
    } else if (chosen.settled && !previous.settled) {
      yield* describe(chosen)(Effect.logInfo(`the shared network is settled: ${chosen.name}`))
    }
    return chosen
  })
  return { choose, current: () => chosen } satisfies SharedChoice
}
