import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { cannotAsk } from "../../domain/DockerFindings.ts"
import { formatStaleReport, staleReport } from "../../domain/StaleReport.ts"
import { DockerEngine, type DockerError } from "../../services/DockerEngine.ts"
import { makeLifecycleObserver } from "../lifecycle/LifecycleObserver.ts"

/** What was asked cannot be answered; `message` says why, and what to do. */
export class CannotLook extends Data.TaggedError("CannotLook")<{
  readonly message: string
}> {}

const NO_ANSWER = "; Docker does not answer about a container that is being started: look again later"

const cannotLook = (why: string): CannotLook =>
  new CannotLook({ message: `cannot look for dead network namespaces: ${why}` })

const noAnswer = ({ reason, message }: DockerError): CannotLook =>
  cannotLook(reason === "unreachable" ? `${message}${NO_ANSWER}` : message)

/**
 * `anchord doctor stale-netns` (SPEC §13): one look at all containers of the host. Asks Docker for its list, and for every container that
 * shares a namespace; one that is gone by then is no failure.
 */
export const staleNetnsCommand = Effect.fnUntraced(function* ({ json }: { readonly json: boolean }) {
  const engine = yield* DockerEngine
  const listed = yield* Effect.mapError(engine.containers, (error) => cannotLook(cannotAsk(error)))
  const containers = new Map(listed.map((container) => [container.id, container]))
  const observer = yield* makeLifecycleObserver({ containers: () => containers, alsoInspected: [] })
  const { state } = yield* Effect.mapError(observer.look(), noAnswer)
  const report = staleReport(state)
  return {
    text: json ? JSON.stringify(report, undefined, 2) : formatStaleReport(report),
    found: report.length > 0
  }
})
