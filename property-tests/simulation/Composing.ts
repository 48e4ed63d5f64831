import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { DockerEvent } from "../../src/domain/DockerState.ts"
import { SimCompose } from "../../src/layers/sim/docker/SimCompose.ts"
import { apiOf } from "../../src/layers/sim/docker/SimDockerEngine.ts"
import type { SimProject } from "../../src/layers/sim/docker/SimProject.ts"
import { ContainerLifecycle } from "../../src/services/ContainerLifecycle.ts"
import type { DockerEngine } from "../../src/services/DockerEngine.ts"
import { composeProject, roleOf } from "./cast.ts"
import { lastingName } from "./Conduct.ts"
import type { Simulation } from "./Simulation.ts"

/** An operator with Docker Compose, and which containers are to be there after what everybody has done. */
export class Composing {
  readonly #sim: Simulation
  readonly #project: SimProject
  /** What goes wrong between anchord and the engine does not reach Compose. */
  readonly #operator: Layer.Layer<DockerEngine | ContainerLifecycle>
  /** Whether Compose is at work: nobody runs it twice at a time. */
  isAtWork = false
  /** Whether it is about to remove the whole project: what anchord makes anew meanwhile need not stay. */
  #isGoingDown = false
  /** The containers that are to be there, by name. */
  readonly expected = new Set<string>()

  constructor(sim: Simulation) {
    this.#sim = sim
    this.#project = composeProject(sim.casting)
    this.#operator = apiOf(sim.docker).access().layer
  }

  isInFile(name: string): boolean {
    return name in this.#project.services
  }

  /** Whoever was created is to be there until somebody removes it who is not anchord. */
  noteEvent({ action, containerId = "", attributes }: DockerEvent): void {
    const { conduct, docker, doings } = this.#sim
    const name = lastingName(attributes["name"] ?? "")
    if (roleOf(name) === undefined) return
    const isUnwanted = this.#isGoingDown && this.isInFile(name)
    // Whom somebody has removed while anchord was making it anew nobody expects any more.
    const isReplacement = action === "create" && doings.isReplacing(name)
    const oldName = attributes["oldName"]?.replace(/^\//, "") ?? ""
    const isBack = action === "rename" && lastingName(oldName) === name
    if (!isUnwanted && !isReplacement && !isBack && (action === "create" || action === "rename"))
      this.expected.add(name)
    if (action !== "destroy" || conduct.removed(containerId) !== undefined) return
    const isLast = docker.containers().every((other) => lastingName(other.name) !== name)
    if (isLast || name === attributes["name"]) this.expected.delete(name)
  }

  /** An operator who wants to remove what anchord has removed a moment before does not expect it any more. */
  #removing(real: ContainerLifecycle["Service"]): ContainerLifecycle["Service"] {
    const gone = (ref: string) => Effect.sync(() => void this.expected.delete(this.#sim.conduct.removed(ref) ?? ""))
    return {
      ...real,
      remove: (ref) =>
        Effect.tapError(real.remove(ref), ({ reason }) => (reason === "not-found" ? gone(ref) : Effect.void))
    }
  }

  /** Somebody runs Compose on the project, and is told when it fails. */
  run(use: (compose: SimCompose) => ReturnType<SimCompose["up"]>, isDown = false): void {
    const { history, docker, time } = this.#sim
    const told = (message: string) => Effect.sync(() => history.note("operator", `refused: ${message}`))
    this.isAtWork = true
    this.#isGoingDown = isDown
    if (isDown) for (const name of Object.keys(this.#project.services)) this.expected.delete(name)
    time.fork(
      use(new SimCompose(docker, this.#project)).pipe(
        Effect.catch(({ message }) => told(message)),
        Effect.ensuring(
          Effect.sync(() => {
            this.isAtWork = false
            this.#isGoingDown = false
          })
        ),
        Effect.updateService(ContainerLifecycle, (real) => this.#removing(real)),
        Effect.provide(this.#operator)
      )
    )
  }
}
