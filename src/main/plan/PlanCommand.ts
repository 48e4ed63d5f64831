import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Paint } from "../../domain/Columns.ts"
import { cannotAsk } from "../../domain/DockerFindings.ts"
import type { ContainerSnapshot } from "../../domain/DockerState.ts"
import { fullRefresh } from "../../domain/EventScope.ts"
import { inspectedOf } from "../../domain/LifecycleObservation.ts"
import { anchordMode, projectOf } from "../../domain/LifecycleState.ts"
import { namespaceReference } from "../../domain/NetnsOwner.ts"
import { projectPlan, projectRuleset, type PlanInput } from "../../domain/ProjectPlan.ts"
import { formatPlan } from "../../domain/ProjectPlanText.ts"
import { parseSettings } from "../../domain/Settings.ts"
import { ContainerLifecycle } from "../../services/ContainerLifecycle.ts"
import { DockerEngine, type DockerError } from "../../services/DockerEngine.ts"
import { Netlink } from "../../services/Netlink.ts"
import { violationLines } from "../complaints.ts"
import { makeDockerMirror } from "../networkAnchor/DockerMirror.ts"

/** Nothing can be planned; `message` says why. */
export class CannotPlan extends Data.TaggedError("CannotPlan")<{
  readonly message: string
}> {}

export interface PlanOptions {
  /** A network-anchor's container, by name or ID, or the Compose project that one serves. */
  readonly target: string | undefined
  readonly json: boolean
  readonly nft: boolean
}

const AT_ONCE = 4

interface Anchor {
  readonly container: ContainerSnapshot
  readonly environment: Readonly<Record<string, string>>
}

const inspectAnchor = Effect.fnUntraced(function* (container: ContainerSnapshot) {
  const lifecycle = yield* ContainerLifecycle
  const inspection = yield* lifecycle.inspect(container.id).pipe(
    Effect.catchIf(
      ({ reason }) => reason === "not-found",
      () => Effect.succeed(undefined)
    )
  )
  if (inspection === undefined) return []
  const inspected = inspectedOf(inspection)
  return anchordMode(inspected) === "network-anchor" ? [{ container, environment: inspected.environment }] : []
})

/** All network-anchors of the host. One never lives in another container's namespace. */
const findAnchors = Effect.gen(function* () {
  const { containers } = yield* DockerEngine
  const listed = yield* Effect.mapError(
    containers,
    (error) => new CannotPlan({ message: `cannot look for network-anchors: ${cannotAsk(error)}` })
  )
  const found = yield* Effect.forEach(
    listed.filter((container) => namespaceReference(container) === undefined),
    inspectAnchor,
    { concurrency: AT_ONCE }
  )
  return found.flat().toSorted((a, b) => (a.container.name < b.container.name ? -1 : 1))
})

const serves = ({ container, environment }: Anchor, target: string): boolean =>
  container.name === target ||
  (target.length >= 12 && container.id.startsWith(target)) ||
  projectOf(container) === target ||
  environment["ANCHORD_PROJECT"] === target

const choose = (
  anchors: ReadonlyArray<Anchor>,
  ownRef: string,
  target: string | undefined
): Result.Result<ReadonlyArray<Anchor>, string> => {
  const own = anchors.filter(({ container }) => container.id.startsWith(ownRef))
  const chosen =
    target !== undefined ? anchors.filter((anchor) => serves(anchor, target)) : own.length > 0 ? own : anchors
  if (chosen.length > 0) return Result.succeed(chosen)
  const names = anchors.map(({ container }) => container.name)
  if (names.length === 0)
    return Result.fail("there is no network-anchor on this host; one that is created, and not started, is enough")
  return Result.fail(`no network-anchor is called ${target} or serves that project; there are: ${names.join(", ")}`)
}

const inputFor = Effect.fnUntraced(function* ({ container, environment }: Anchor, ownRef: string) {
  const parsed = parseSettings("network-anchor", environment)
  if (Result.isFailure(parsed)) {
    const message = [`${container.name} has a wrong configuration`, ...violationLines(parsed.failure)].join("\n")
    return yield* new CannotPlan({ message })
  }
  const engine = yield* DockerEngine
  const mirror = yield* makeDockerMirror(yield* engine.inspectSelf(container.id))
  const state = yield* mirror.refresh(fullRefresh)
  const inside = container.id.startsWith(ownRef)
  const links = inside ? yield* Effect.orElseSucceed((yield* Netlink).links, () => undefined) : undefined
  return { anchor: container.name, state, settings: parsed.success.settings, links } satisfies PlanInput
})

const print = (inputs: ReadonlyArray<PlanInput>, { json, nft }: PlanOptions, paint: Paint) => {
  const [first, ...more] = inputs
  if (nft && first !== undefined) {
    return more.length === 0
      ? Result.succeed(JSON.stringify(projectRuleset(first)))
      : Result.fail(`--nft is for one network-anchor; name one of: ${inputs.map(({ anchor }) => anchor).join(", ")}`)
  }
  const plans = inputs.map(projectPlan)
  return Result.succeed(
    json ? JSON.stringify(plans, undefined, 2) : plans.map((plan) => formatPlan(plan, paint)).join("\n\n\n")
  )
}

const because = ({ message }: DockerError | CannotPlan): CannotPlan => new CannotPlan({ message })

/**
 * `anchord plan` (SPEC §13): what the network-anchors of this host would do, or the one that is named, or in a network-anchor's own container
 * that one. They are asked for their settings by Docker, so that it does not matter where this runs; nothing is changed.
 */
export const planCommand = Effect.fnUntraced(function* (options: PlanOptions, ownRef: string, paint: Paint) {
  const anchors = yield* findAnchors
  const chosen = choose(anchors, ownRef, options.target)
  if (Result.isFailure(chosen)) return yield* new CannotPlan({ message: chosen.failure })
  const inputs = yield* Effect.forEach(chosen.success, (anchor) => inputFor(anchor, ownRef))
  const text = print(inputs, options, paint)
  return Result.isSuccess(text) ? text.success : yield* new CannotPlan({ message: text.failure })
}, Effect.mapError(because))
