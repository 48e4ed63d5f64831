import { composeCall, shellWord } from "./ComposeCommand.ts"
import { projectOf, serviceOf } from "./LifecycleState.ts"
import { sentence, type Sentence } from "./Sentence.ts"
import type { DeadTarget, StaleContainer } from "./StaleNetns.ts"

/** What an operator types, and where. */
export interface Recovery {
  /** A line for a POSIX shell. */
  readonly command: string
  /** The folder to type it in; absent where that does not matter or is not known. */
  readonly folder?: string
}

const asTyped = (words: ReadonlyArray<string>): string => words.map(shellWord).join(" ")

/**
 * What an operator types to repair a container (SPEC §11.5, §13). A restart is enough where the owner only was restarted; otherwise Compose
 * must make it anew, with the owner before it where there is none to join. Nothing for a container that Compose cannot make.
 */
export const recoveryOf = ({ container, kind, absent }: StaleContainer): Recovery | undefined => {
  if (kind === "restarted") return { command: asTyped(["docker", "restart", container.name]) }
  const [project, service] = [projectOf(container), serviceOf(container)]
  const call = project === undefined ? undefined : composeCall(project, container.labels)
  if (call === undefined || service === undefined) return undefined
  const { words, ...where } = call
  const own = asTyped([...words, "up", "-d", "--no-deps", "--force-recreate", service])
  const first = absent === undefined ? "" : `${asTyped([...words, "up", "-d", "--no-deps", absent])} && `
  return { command: `${first}${own}`, ...where }
}

const shortRef = (ref: string): string => (/^[0-9a-f]{64}$/.test(ref) ? ref.slice(0, 12) : ref)

/** A dead target in the operator's words. */
export const describeTarget = ({ ref, name }: DeadTarget): string =>
  name === undefined || name === ref ? shortRef(ref) : `${name} (${shortRef(ref)})`

/** What became of a dead target. */
export const causes: Readonly<Record<StaleContainer["kind"], string>> = {
  gone: "which does not exist any more",
  replaced: "which was replaced by another container of that name",
  restarted: "which has been restarted since"
}

/** What is wrong with a stale container, in one sentence without its end. */
export const describeStale = ({ container, kind, dead }: StaleContainer): Sentence =>
  sentence`container ${container.name} has no network: it is in a namespace of ${describeTarget(dead)}, ${causes[kind]}`

/** The WARN of SPEC §11.5: what is wrong, and what mends it. */
export const warningOf = (stale: StaleContainer): Sentence => {
  const recovery = recoveryOf(stale)
  if (recovery === undefined) return sentence`${describeStale(stale)}; make it anew with the command that made it`
  const where = recovery.folder === undefined ? "" : `, in ${recovery.folder},`
  return sentence`${describeStale(stale)}; repair it${where} with: ${recovery.command}`
}
