import { createHash } from "node:crypto"
import type { Scope } from "../../src/domain/DockerState.ts"
import { rememberNames, type ContainerNames } from "../../src/domain/ContainerNames.ts"
import type { Inspected, LifecycleContainer, LifecycleState } from "../../src/domain/LifecycleState.ts"

/** 2026-01-01, in Unix milliseconds: when the containers of the tests were created. */
export const EPOCH = 1_767_225_600_000

export const NOW = EPOCH + 3_600_000

export const scope: Scope = { _tag: "Project", project: "mail" }

export const selector: Scope = { _tag: "Selector", labels: { role: "mail" } }

/** An ID that is the same for one name and number, and looks like Docker's. */
export const idOf = (name: string, nth = 1): string => createHash("sha256").update(`${name}#${nth}`).digest("hex")

export const anchordWords: ReadonlyArray<string> = ["tini", "--", "anchord"]

export interface Given extends Partial<Omit<LifecycleContainer, "inspected">> {
  /** Seconds after EPOCH. */
  readonly startedAt?: number
  readonly startError?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly words?: ReadonlyArray<string>
  readonly refusal?: string
  readonly project?: string
  readonly service?: string
  /** The how manyth container of its name. */
  readonly nth?: number
}

const inspected = (given: Given): Inspected => {
  const { startedAt = 10, startError, environment = {}, words = ["sleep"], refusal, status } = given
  return {
    environment,
    words,
    ...(status === "created" ? {} : { startedAt: EPOCH + startedAt * 1_000 }),
    ...(startError === undefined ? {} : { startError }),
    ...(refusal === undefined ? {} : { refusal })
  }
}

/** A container that runs since ten seconds after it was made, of the project `mail`, unless something else is said. */
export const container = (name: string, given: Given = {}): LifecycleContainer => {
  const { project = "mail", service = name, nth = 1, labels = {} } = given
  return {
    id: given.id ?? idOf(name, nth),
    name,
    createdAt: given.createdAt ?? EPOCH / 1_000,
    status: given.status ?? "running",
    networkMode: given.networkMode ?? "mail_transit",
    imageId: given.imageId ?? "sha256:app",
    labels: {
      ...(project === "" ? {} : { "com.docker.compose.project": project, "com.docker.compose.service": service }),
      ...labels
    },
    inspected: inspected(given)
  }
}

export const joins = (name: string, nth = 1): string => `container:${idOf(name, nth)}`

export const serviceAnchor = (name: string, owner: string, given: Given = {}): LifecycleContainer =>
  container(name, {
    networkMode: joins(owner),
    imageId: "sha256:anchord-1",
    words: anchordWords,
    startedAt: 20,
    ...given,
    environment: { ANCHORD_MODE: "service-anchor", ...given.environment }
  })

export const anchord = container("anchord", {
  imageId: "sha256:anchord-1",
  words: anchordWords,
  environment: { ANCHORD_PROJECT: "mail" }
})

/** A listing with anchord in it; `before` is what was seen earlier, as far as names are concerned. */
export const listing = (
  containers: ReadonlyArray<LifecycleContainer>,
  before: ReadonlyArray<LifecycleContainer> = []
): LifecycleState => {
  const asMap = (all: ReadonlyArray<LifecycleContainer>) => new Map([anchord, ...all].map((one) => [one.id, one]))
  const earlier: ContainerNames = rememberNames(new Map(), asMap(before))
  return { selfId: anchord.id, containers: asMap(containers), names: rememberNames(earlier, asMap(containers)) }
}
