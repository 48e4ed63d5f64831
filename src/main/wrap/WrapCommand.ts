import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { AddressPair } from "../../domain/Address.ts"
import { projectInConfig } from "../../domain/ComposeConfig.ts"
import { cannotAsk } from "../../domain/DockerFindings.ts"
import type { ContainerSnapshot } from "../../domain/DockerState.ts"
import { isOneOff, projectOf } from "../../domain/LifecycleState.ts"
import { likelyMeant } from "../../domain/Nearest.ts"
import type { ProjectToWrap } from "../../domain/ProjectToWrap.ts"
import { containerToWrap } from "../../domain/RunningProject.ts"
import { remarkText, wrapComposeFile, wrapOverride } from "../../domain/WrapFiles.ts"
import type { Remark } from "../../domain/WrapPorts.ts"
import { wrapProject } from "../../domain/WrapProject.ts"
import { parseYaml, printYaml } from "../../layers/compose/yamlText.ts"
import { readText } from "../../layers/process/TextInput.ts"
import { ContainerLifecycle } from "../../services/ContainerLifecycle.ts"
import { DockerEngine, type DockerError } from "../../services/DockerEngine.ts"

/** Nothing can be printed; `message` says why, and each of `details` what is in the way. */
export class CannotWrap extends Data.TaggedError("CannotWrap")<{
  readonly message: string
  readonly details: ReadonlyArray<string>
}> {}

export interface WrapCommandOptions {
  readonly override: boolean
  readonly externalNetwork: string
  /** The project's addresses on the external network. */
  readonly addresses: AddressPair
}

/** A file to print, and what it does not decide. */
export interface WrapAnswer {
  readonly text: string
  readonly undecided: ReadonlyArray<string>
}

const AT_ONCE = 4

const cannot = (message: string, details: ReadonlyArray<string> = []): CannotWrap =>
  new CannotWrap({ message, details })

const because = ({ message }: DockerError): CannotWrap => cannot(`cannot look at the project: ${message}`)

const noSuchProject = (project: string | undefined, listed: ReadonlyArray<ContainerSnapshot>): CannotWrap => {
  const others = [...new Set(listed.flatMap((container) => projectOf(container) ?? []))].toSorted()
  if (others.length === 0) return cannot("there is no Compose project on this host")
  const all = `there are: ${others.join(", ")}`
  if (project === undefined) return cannot(`name the project to wrap; ${all}`)
  const meant = likelyMeant(project, others)
  const guess = meant === undefined ? "" : `the nearest is ${meant}; `
  return cannot(`there is no Compose project "${project}"; ${guess}${all}`)
}

const unlessGone = <A, R>(look: Effect.Effect<A, DockerError, R>): Effect.Effect<ReadonlyArray<A>, CannotWrap, R> =>
  Effect.map(look, (found) => [found]).pipe(
    Effect.catch((error) => (error.reason === "not-found" ? Effect.succeed([]) : Effect.fail(because(error))))
  )

/**
 * The project as Docker knows it, whether it runs or not. What is gone while it is looked at is left out, and so is what `docker compose run`
 * started: that is no part of the project as it is meant to be.
 */
export const runningProject = Effect.fnUntraced(function* (project: string | undefined) {
  const engine = yield* DockerEngine
  const lifecycle = yield* ContainerLifecycle
  const listed = yield* Effect.mapError(engine.containers, (error) =>
    cannot(`cannot look at the project: ${cannotAsk(error)}`)
  )
  const own = listed.filter((container) => projectOf(container) === project && !isOneOff(container))
  if (project === undefined || own.length === 0) return yield* noSuchProject(project, listed)
  const inspected = yield* Effect.forEach(own, ({ id }) => unlessGone(lifecycle.inspect(id)), { concurrency: AT_ONCE })
  const containers = inspected.flat().map(containerToWrap)
  const names = [...new Set(containers.flatMap(({ networks }) => networks.map(({ name }) => name)))]
  const networks = yield* Effect.forEach(names, (name) => unlessGone(engine.networkConfiguration(name)), {
    concurrency: AT_ONCE
  })
  return {
    project,
    containers,
    networks: new Map(networks.flat().map((network) => [network.name, network]))
  } satisfies ProjectToWrap
})

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n")[0]?.replace(/:$/, "") ?? ""

const HOW_TO_GIVE_IT =
  "a container sees only the files that are mounted into it; by standard input: docker compose config | anchord wrap --file -"

/** The project in the output of `docker compose config`; `path` may be `-`. A name that is given has to be the one in it. */
export const projectInFile = Effect.fnUntraced(function* (path: string, project: string | undefined) {
  const where = path === "-" ? "standard input" : path
  const text = yield* Effect.mapError(readText(path), ({ message }) =>
    cannot(`cannot read ${where}: ${message}${path === "-" ? "" : `; ${HOW_TO_GIVE_IT}`}`)
  )
  const parsed = yield* Effect.try({
    try: () => parseYaml(text),
    catch: (error) => cannot(`${where} is no YAML: ${firstLine(error)}`)
  })
  const found = projectInConfig(parsed)
  if (Result.isFailure(found)) return yield* cannot(`cannot use ${where}: ${found.failure}`)
  if (project !== undefined && project !== found.success.project)
    return yield* cannot(`${where} is of the project ${found.success.project}, not ${project}`)
  return found.success
})

const isUndecided = ({ kind }: Remark): boolean => kind === "undecided"

/** `anchord wrap` (SPEC §13): one of the two files that wrap a project. */
export const wrapText = (
  project: ProjectToWrap,
  { override, externalNetwork, addresses }: WrapCommandOptions
): Result.Result<WrapAnswer, CannotWrap> => {
  const wrapping = wrapProject(project)
  if (Result.isFailure(wrapping)) {
    const { message, remarks } = wrapping.failure
    return Result.fail(cannot(message, remarks.map(remarkText)))
  }
  const file = override
    ? wrapOverride(wrapping.success)
    : wrapComposeFile(wrapping.success, { externalNetwork, addresses })
  return Result.succeed({
    text: printYaml(file),
    undecided: wrapping.success.remarks.filter(isUndecided).map(remarkText)
  })
}
