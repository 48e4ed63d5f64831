import * as Result from "effect/Result"
import { createRequest, joinsContainer, type Changes, type CreateRequest } from "./CreateRequest.ts"
import { nameOf, nanosOf, type RestartPolicy, runs, shortId, wasStarted, type Inspection } from "./Inspection.ts"
import { sentence, type Sentence } from "./Sentence.ts"

/** One call to Docker; `old` is the container that is replaced, `new` the one that takes its place. */
export type Action =
  | { readonly _tag: "Rename"; readonly who: "old"; readonly name: string }
  /** Of the image with `imageId` when that is given, whatever the name in the request means by now. */
  | { readonly _tag: "Create"; readonly name: string; readonly request: CreateRequest; readonly imageId?: string }
  | { readonly _tag: "SetRestartPolicy"; readonly who: "old"; readonly policy: RestartPolicy }
  | { readonly _tag: "Stop"; readonly who: Who; readonly graceSeconds: number }
  | { readonly _tag: "Start"; readonly who: Who }
  /** Never with its volumes. */
  | { readonly _tag: "Remove"; readonly who: Who }

export type Who = "old" | "new"

/** An action, and what takes it back; taking it back is harmless when the action has had no effect. */
export interface Step {
  readonly action: Action
  readonly undo: Action
}

/** How to replace one container by another that is the same but for what was meant to change. */
export interface Recreation {
  readonly id: string
  readonly name: string
  /** What the old one is called while the new one takes its place. */
  readonly away: string
  /** In order. Until the last one is begun everything can be undone, the last step first. */
  readonly steps: ReadonlyArray<Step>
  /** After the steps: the new container runs under the name, and this only tidies up. */
  readonly last: Action
}

/** What stands between a container's name and its short ID while another takes its place. */
export const AWAY = "-anchord-old-"

/**
 * The name of a container while another takes its place: made of its own ID, so that it is recognised after a crash, and of that of the container
 * that the re-creating process runs in (`by`), so that nobody else takes an attempt that is under way for one that was cut short.
 */
export const nameAway = (name: string, id: string, by?: string): string =>
  `${name}${AWAY}${shortId(id)}${by === undefined ? "" : `-${shortId(by)}`}`

/** What the name of a container that was renamed away tells. */
export interface Away {
  /** The name that it had. */
  readonly name: string
  /** The short ID of the container of who renamed it, if that was in one. */
  readonly by?: string
}

const BY = /^([0-9a-f]{12})(?:-([0-9a-f]{12}))?$/

/** Nothing for a container that was not renamed away. */
export const awayOf = ({ id, name }: { readonly id: string; readonly name: string }): Away | undefined => {
  const at = name.lastIndexOf(AWAY)
  const [, own, by] = BY.exec(at < 1 ? "" : name.slice(at + AWAY.length)) ?? []
  if (own !== shortId(id)) return undefined
  return by === undefined ? { name: name.slice(0, at) } : { name: name.slice(0, at), by }
}

/** The name that a container had before it was renamed away, when that is what its name tells. */
export const nameBefore = (container: { readonly id: string; readonly name: string }): string | undefined =>
  awayOf(container)?.name

const DEFAULT_GRACE_SECONDS = 10
/** What a container gets that asks to be waited for without end. */
const LONGEST_GRACE_SECONDS = 300

/** Seconds that a container has to stop, before it is killed. */
export const graceOf = ({ Config }: Inspection): number => {
  const seconds = Config.StopTimeout ?? DEFAULT_GRACE_SECONDS
  return seconds < 0 ? LONGEST_GRACE_SECONDS : Math.min(seconds, LONGEST_GRACE_SECONDS)
}

/** Whether the engine may start a container again that was stopped by hand: with `always` and `on-failure` it does when it is started itself. */
const mayComeBack = (policy: RestartPolicy | null | undefined): policy is RestartPolicy =>
  !["", "no", "unless-stopped"].includes(policy?.Name ?? "")

/** Why a container cannot be re-created without losing something, if that is so, and what to do about it. */
export const refusalOf = (inspection: Inspection): Sentence | undefined => {
  const { Id: id, HostConfig, State } = inspection
  if (nameBefore({ id, name: nameOf(inspection) }) !== undefined)
    return sentence`another container is taking its place already`
  if (HostConfig.AutoRemove === true) {
    return sentence`it was started with --rm, so stopping it removes it with its anonymous volumes: create it without`
  }
  if (State.Status === "paused") return sentence`it is paused, and what it holds in memory would be lost: unpause it`
  return ["removing", "dead"].includes(State.Status) ? sentence`it is being removed (${State.Status})` : undefined
}

/**
 * The steps that re-create a container (SPEC §11), or why that would lose something. The new container is created before the old one is
 * stopped, so that a request that Docker refuses interrupts nothing, and started after that, so that no two ever use one volume, address or
 * port. A container that does not run is replaced by one that does not run, unless `begin` says so. `graceSeconds` is how long either has to stop;
 * `by` the ID of the container that this process runs in.
 */
export const recreation = (
  inspection: Inspection,
  changes: Changes = {},
  begin = false,
  graceSeconds = graceOf(inspection),
  by?: string
): Result.Result<Recreation, string> => {
  const refusal = refusalOf(inspection)
  if (refusal !== undefined) return Result.fail(refusal)
  const { Id: id, Image, HostConfig } = inspection
  const name = nameOf(inspection)
  const away = nameAway(name, id, by)
  const policy = HostConfig.RestartPolicy
  const stop = (who: Who): Action => ({ _tag: "Stop", who, graceSeconds })
  const start = (who: Who): Action => ({ _tag: "Start", who })
  const create: Action = {
    _tag: "Create",
    name,
    request: createRequest(inspection, changes),
    ...(changes.image === undefined ? { imageId: Image } : {})
  }
  const rename = (to: string): Action => ({ _tag: "Rename", who: "old", name: to })
  const setPolicy = (to: RestartPolicy): Action => ({ _tag: "SetRestartPolicy", who: "old", policy: to })
  const handOver: ReadonlyArray<Step> = [
    ...(mayComeBack(policy) ? [{ action: setPolicy({ Name: "no" }), undo: setPolicy(policy) }] : []),
    { action: stop("old"), undo: start("old") },
    { action: start("new"), undo: stop("new") }
  ]
  return Result.succeed({
    id,
    name,
    away,
    steps: [
      { action: rename(away), undo: rename(name) },
      { action: create, undo: { _tag: "Remove", who: "new" } },
      ...(runs(inspection) ? handOver : begin ? [{ action: start("new"), undo: stop("new") }] : [])
    ],
    last: { _tag: "Remove", who: "old" }
  })
}

/** What takes back the steps that were begun, the last of them first: whether that one had an effect is not known. */
export const undoing = ({ steps }: Recreation, begun: number): ReadonlyArray<Action> =>
  steps
    .slice(0, begun)
    .toReversed()
    .map(({ undo }) => undo)

/**
 * Whether a container under the name of one that was renamed away can only be the one that was just made of that request. Where the `old` one is not there any
 * more, whoever has removed it may have made another since, just like it.
 */
export const isMadeOf = (found: Inspection, old: Inspection | undefined, request: CreateRequest): boolean =>
  old !== undefined &&
  found.Id !== old.Id &&
  !wasStarted(found) &&
  nanosOf(found.Created) > nanosOf(old.Created) &&
  Object.entries(request.body.Labels ?? {}).every(([key, value]) => found.Config.Labels?.[key] === value)

/** What is left to do of a re-creation that was cut short. */
export interface Recovery {
  readonly _tag: "Finish" | "Undo" | "Leave"
  readonly actions: ReadonlyArray<Action>
}

const policyBack = (old: Inspection, successor: Inspection): ReadonlyArray<Action> => {
  const policy = successor.HostConfig.RestartPolicy
  const changed = mayComeBack(policy) && (old.HostConfig.RestartPolicy?.Name || "no") === "no"
  return changed ? [{ _tag: "SetRestartPolicy", who: "old", policy }] : []
}

/** Whether a successor that was only created has all that it was to have: it is put on one network after the other. */
const isComplete = (old: Inspection, successor: Inspection): boolean => {
  if (joinsContainer(successor.HostConfig.NetworkMode)) return true
  const [had, has] = [old, successor].map(({ NetworkSettings }) => new Set(Object.keys(NetworkSettings.Networks ?? {})))
  return had !== undefined && has !== undefined && had.symmetricDifference(has).size === 0
}

/**
 * What to do about a container that was found renamed away, and the one that has its name by now, if any: the attempt ended with the process
 * that made it. A successor that runs stays, and so does one of a container that did not run. Otherwise everything is as it was before: the
 * old one has its name, and runs if it did, which shows by its end being later than the making of its successor.
 *
 * Where it is known that somebody else's container has the name (`isTaken`), that one is left alone for as long as it does not run and the old one does.
 */
export const recovery = (old: Inspection, successor: Inspection | undefined, isTaken = false): Recovery => {
  const name = nameBefore({ id: old.Id, name: nameOf(old) }) ?? nameOf(old)
  const nameBack: Action = { _tag: "Rename", who: "old", name }
  const remove: Action = { _tag: "Remove", who: "old" }
  if (successor === undefined) return { _tag: "Undo", actions: [nameBack] }
  if (runs(successor)) {
    const stop: Action = { _tag: "Stop", who: "old", graceSeconds: graceOf(old) }
    return { _tag: "Finish", actions: [...(runs(old) ? [stop] : []), remove] }
  }
  if (isTaken && runs(old)) return { _tag: "Leave", actions: [] }
  const ran = runs(old) || nanosOf(old.State.FinishedAt ?? "") > nanosOf(successor.Created)
  if (!ran && isComplete(old, successor)) return { _tag: "Finish", actions: [remove] }
  return {
    _tag: "Undo",
    actions: [
      ...(ran && !runs(old) ? [{ _tag: "Start", who: "old" } as const] : []),
      ...policyBack(old, successor),
      { _tag: "Remove", who: "new" },
      nameBack
    ]
  }
}
