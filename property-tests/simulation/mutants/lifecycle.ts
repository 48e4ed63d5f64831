import { mutant, type Mutant } from "./Mutant.ts"

const STALE = "src/domain/StaleNetns.ts"
const REPAIR = "src/domain/NetnsRepair.ts"
const MANAGED = "src/domain/ManagedAnchor.ts"
const LIFECYCLE = "src/domain/Lifecycle.ts"
const RECREATION = "src/domain/Recreation.ts"
const KEEPER = "src/main/networkAnchor/LifecycleKeeper.ts"
const OBSERVER = "src/main/lifecycle/LifecycleObserver.ts"
const REPAIRS = "src/main/lifecycle/Repairs.ts"
const ATTEMPT = "src/main/lifecycle/Attempt.ts"

/** Where a re-creation is taken back. */
const UNDO = ".map(({ undo }) => undo)"

/** The same, and one thing that is to be done there is not. */
const without = (tag: string, who: string): string =>
  `${UNDO}\n    .filter((undo) => !(undo._tag === "${tag}" && undo.who === "${who}"))`

/** Containers in other containers' namespaces. */
export const lifecycleMutants: ReadonlyArray<Mutant> = [
  mutant(
    "restarted-owner-not-seen",
    "That an owner was started after its dependent is not noticed: it is the same container.",
    STALE,
    "const times = [maker.inspected?.startedAt, ...chain",
    "const times = [...chain"
  ),
  mutant(
    "outdated-inspections",
    "What is known of a container is not asked anew when an event names it, only at the poll.",
    OBSERVER,
    "for (const id of noted) inspections.delete(id)",
    ""
  ),
  mutant(
    "inspections-never-forgotten",
    "What was not told by an event is not asked anew at the poll.",
    OBSERVER,
    "if (isForgotten) inspections.clear()",
    "if (isForgotten) inspections.size"
  ),
  mutant(
    "managed-only-at-the-start",
    "The managed service-anchor is created at the start, and not again when it is gone.",
    MANAGED,
    "if (managed === undefined) return create(input, target)",
    "if (managed === undefined) return input.startUp ? create(input, target) : nothing"
  ),
  mutant(
    "managed-not-followed",
    "A managed service-anchor stays in the namespace that its target had before it was restarted.",
    MANAGED,
    "since !== undefined && since > its",
    "since !== undefined && false"
  ),
  mutant(
    "managed-keeps-its-gateway",
    "The managed service-anchor is not made anew when the network-anchor has another address.",
    MANAGED,
    "managed.inspected !== undefined && has !== wanted",
    "false"
  ),
  mutant(
    "dependents-as-in-scope-own",
    "With `ANCHORD_AUTOFIX_SCOPE=project` the dependents are treated as with `own`.",
    REPAIR,
    `policy.autofix === "project" && isSibling(container, state, policy.scope)`,
    "false"
  ),
  mutant(
    "dependents-not-followed",
    "What lives in the namespace of a container that is made anew is left in the old one.",
    REPAIR,
    `if (policy.autofix === "off") return\n`,
    "if (policy.scope !== undefined) return\n"
  ),
  mutant(
    "repairs-in-the-wrong-order",
    "Dependents are repaired before their owners.",
    REPAIR,
    "repairs: [...acted.values()]",
    "repairs: [...acted.values()].toReversed()"
  ),
  mutant(
    "no-autostart",
    "What was created and never started, because the owner of its namespace did not run, waits for an operator.",
    LIFECYCLE,
    "settings.autostart ? autostart(state, scope, now) : []",
    "[]"
  ),
  mutant(
    "undo-without-renaming",
    "A re-creation that fails leaves the old container under its interim name.",
    RECREATION,
    UNDO,
    without("Rename", "old")
  ),
  mutant(
    "undo-without-starting",
    "A re-creation that fails after the old container was stopped does not start it again.",
    RECREATION,
    UNDO,
    without("Start", "old")
  ),
  mutant(
    "undo-without-removing",
    "A re-creation that fails leaves the new container, which has the name.",
    RECREATION,
    UNDO,
    without("Remove", "new")
  ),
  mutant(
    "cut-short-not-recovered",
    "A re-creation that ended with the process that made it is never looked after.",
    KEEPER,
    "    yield* repairs.recover(cutShort(state, isNetworkAnchors(state, scope, lifecycle.managed)))\n",
    ""
  ),
  mutant(
    "lost-answer-taken-for-a-failure",
    "A container that was made although the answer was lost is not recognised by the undoing.",
    ATTEMPT,
    "return isMadeOf(found, yield* lookFor(lifecycle, old.Id), asked.request) ? found.Id : undefined",
    "return undefined"
  ),
  mutant(
    "found-counts-as-done",
    "What somebody else had done already counts as done, and is not looked at again.",
    REPAIRS,
    'if (outcome === "found") found.push(action)',
    ""
  ),
  mutant(
    "one-failure-stops-the-rest",
    "When one repair fails, those after it are not begun.",
    REPAIRS,
    'const outcome = isHeldUp ? "failed" : yield* act(action)',
    'const outcome = isHeldUp || failed.size > 0 ? "failed" : yield* act(action)'
  )
]
