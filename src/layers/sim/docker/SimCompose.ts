import * as Effect from "effect/Effect"
import type { ContainerSnapshot } from "../../../domain/DockerState.ts"
import { ContainerLifecycle } from "../../../services/ContainerLifecycle.ts"
import { DockerEngine, DockerError } from "../../../services/DockerEngine.ts"
import type { SimDocker } from "./SimDocker.ts"
import {
  dependenciesOf,
  endpointsFor,
  HASH,
  networkName,
  ONEOFF,
  ownerService,
  PROJECT,
  requestFor,
  SERVICE,
  serviceOf,
  type SimProject,
  steps,
  withDependencies
} from "./SimProject.ts"

type Done = Effect.Effect<void, DockerError, DockerEngine | ContainerLifecycle>

export interface SimUp {
  /** All, when left out. What they depend on comes up with them. */
  readonly services?: ReadonlyArray<string>
  readonly forceRecreate?: boolean
  readonly noDeps?: boolean
}

/** By service: which are to be replaced whatever they are, and the IDs of the containers so far. */
interface Convergence {
  readonly forced: Set<string>
  readonly ids: Map<string, string>
  readonly noDeps: boolean
}

const REPLACES = "com.docker.compose.replace"

/**
 * What `docker compose` does with a project, call by call in the order of Compose 2.26: containers are replaced one after the other under
 * a temporary name, and only then is anything started. It is a client of the engine like any other: each call can fail, and then it
 * leaves what it has done until then.
 */
export class SimCompose {
  readonly #docker: SimDocker
  readonly #project: SimProject

  /** The engine is asked for networks directly; everything else goes by the services of whoever runs the operation. */
  constructor(docker: SimDocker, project: SimProject) {
    this.#docker = docker
    this.#project = project
  }

  /** `docker compose up -d [--force-recreate] [--no-deps] [SERVICE…]`. */
  up({ services, forceRecreate = false, noDeps = false }: SimUp = {}): Done {
    return Effect.suspend(() => {
      const project = this.#project
      const asked = services ?? Object.keys(project.services)
      const selected = noDeps ? new Set(asked) : withDependencies(project, asked)
      const forced = new Set(forceRecreate ? asked : [])
      const order = this.#order(selected)
      return this.#createNetworks.pipe(
        Effect.andThen(this.#present),
        Effect.flatMap((present) => {
          const ids = new Map(present.map(({ labels, id }) => [labels[SERVICE] ?? "", id]))
          return each(order, (name) => this.#converge(name, present, { forced, ids, noDeps }))
        }),
        Effect.andThen(this.#startAll(order))
      )
    })
  }

  /** `docker compose stop [SERVICE…]`. */
  stop(services?: ReadonlyArray<string>): Done {
    return this.#backwards(services, (container) => this.#stop(container))
  }

  /** `docker compose start [SERVICE…]`. */
  start(services?: ReadonlyArray<string>): Done {
    return Effect.suspend(() => this.#startAll(this.#order(this.#named(services))))
  }

  /** `docker compose restart [SERVICE…]`: a service in another's namespace is restarted after that one, whether it was named or not. */
  restart(services?: ReadonlyArray<string>): Done {
    return Effect.suspend(() => {
      const owner = (name: string) => ownerService(serviceOf(this.#project, name)) ?? ""
      const selected = new Set(this.#named(services))
      for (const name of selected) {
        for (const other of Object.keys(this.#project.services)) if (owner(other) === name) selected.add(other)
      }
      return Effect.flatMap(this.#present, (present) =>
        each(
          steps(selected, (name) => [owner(name)]),
          (name) => {
            const grace = this.#grace(name)
            return Effect.forEach(ofService(present, name), ({ id }) => lifecycle((own) => own.restart(id, grace)))
          }
        )
      )
    })
  }

  /** `docker compose down --remove-orphans`. */
  get down(): Done {
    const end = (container: ContainerSnapshot) =>
      Effect.andThen(
        this.#stop(container),
        lifecycle((own) => own.remove(container.id))
      )
    return this.#backwards(undefined, end).pipe(Effect.andThen(this.#removeNetworks))
  }

  /** `docker compose run -d SERVICE COMMAND…`; the slug makes its name. */
  run(service: string, slug: string, Cmd: ReadonlyArray<string>): Done {
    return Effect.flatMap(this.#present, (present) =>
      Effect.suspend(() => {
        const name = `${this.#project.name}-${service}-run-${slug}`
        const ids = new Map(present.map(({ labels, id }) => [labels[SERVICE] ?? "", id]))
        const body = requestFor(this.#project, service, this.#mode(service, ids), { more: { Cmd } })
        const Labels = { ...body.Labels, [ONEOFF]: "True", "com.docker.compose.slug": slug }
        const networks = endpointsFor(this.#project, service, name)
        return Effect.flatMap(
          lifecycle((own) => own.create(name, { body: { ...body, Labels }, networks })),
          (id) => lifecycle((own) => own.start(id))
        )
      })
    )
  }

  /** The project's containers, but for those of `run`. */
  get #present(): Effect.Effect<ReadonlyArray<ContainerSnapshot>, DockerError, DockerEngine> {
    return Effect.map(this.#all, (all) => all.filter(({ labels }) => labels[ONEOFF] === "False"))
  }

  get #all(): Effect.Effect<ReadonlyArray<ContainerSnapshot>, DockerError, DockerEngine> {
    return Effect.map(
      Effect.flatMap(DockerEngine, (engine) => engine.containers),
      (all) => all.filter(({ labels }) => labels[PROJECT] === this.#project.name)
    )
  }

  #named(services: ReadonlyArray<string> | undefined): ReadonlyArray<string> {
    return services ?? Object.keys(this.#project.services)
  }

  #order(names: Iterable<string>): ReadonlyArray<ReadonlyArray<string>> {
    return steps(names, (name) => dependenciesOf(serviceOf(this.#project, name)))
  }

  #grace(service: string): number {
    return this.#project.services[service]?.graceSeconds ?? 10
  }

  #mode(service: string, ids: ReadonlyMap<string, string>): string | undefined {
    const { networkMode } = serviceOf(this.#project, service)
    const owner = ownerService(serviceOf(this.#project, service))
    return owner === undefined ? networkMode : `container:${ids.get(owner) ?? owner}`
  }

  /** Creates what is missing, and replaces what is not as it should be; whatever depends on that is replaced, too. */
  #converge(service: string, present: ReadonlyArray<ContainerSnapshot>, { forced, ids, noDeps }: Convergence): Done {
    return Effect.suspend(() => {
      const owner = ownerService(serviceOf(this.#project, service))
      if (owner !== undefined && !ids.has(owner)) return Effect.fail(missing(owner))
      const name = serviceOf(this.#project, service).containerName ?? `${this.#project.name}-${service}-1`
      const networks = endpointsFor(this.#project, service, name)
      const body = requestFor(this.#project, service, this.#mode(service, ids), { noDeps })
      const [old] = ofService(present, service)
      const made = (id: string) => void ids.set(service, id)
      if (old === undefined)
        return Effect.map(
          lifecycle((own) => own.create(name, { body, networks })),
          made
        )
      const wanted = body.Labels
      if (!forced.has(service) && old.labels[HASH] === wanted[HASH]) return Effect.void
      for (const [other, dependent] of Object.entries(this.#project.services)) {
        if (dependenciesOf(dependent).includes(service)) forced.add(other)
      }
      const replacing = { body: { ...body, Labels: { ...wanted, [REPLACES]: old.id } }, networks }
      return Effect.map(this.#replace(old, name, replacing), made)
    })
  }

  #replace(old: ContainerSnapshot, name: string, request: Parameters<ContainerLifecycle["Service"]["create"]>[1]) {
    return Effect.gen({ self: this }, function* () {
      const own = yield* ContainerLifecycle
      const id = yield* own.create(`${old.id.slice(0, 12)}_${name}`, request)
      yield* this.#stop(old)
      yield* own.remove(old.id)
      yield* own.rename(id, name)
      return id
    })
  }

  #startAll(order: ReadonlyArray<ReadonlyArray<string>>): Done {
    return Effect.flatMap(this.#present, (present) =>
      each(order, (name) =>
        Effect.forEach(
          ofService(present, name).filter(({ status }) => status !== "running"),
          ({ id }) => lifecycle((own) => own.start(id))
        )
      )
    )
  }

  #stop({ id, status, labels }: ContainerSnapshot): Done {
    if (status === "created" || status === "exited") return Effect.void
    return lifecycle((own) => own.stop(id, this.#grace(labels[SERVICE] ?? "")))
  }

  /** Dependents first; what is left of `run` is there with the first ones. */
  #backwards(services: ReadonlyArray<string> | undefined, end: (container: ContainerSnapshot) => Done): Done {
    return Effect.flatMap(this.#all, (all) => {
      const known = this.#order(this.#named(services)).toReversed()
      const isOther = ({ labels }: ContainerSnapshot) => labels[ONEOFF] === "True" && services === undefined
      const groups = known.map((names, index) =>
        all.filter((container) => {
          const isNamed = names.includes(container.labels[SERVICE] ?? "") && container.labels[ONEOFF] === "False"
          return isNamed || (index === 0 && isOther(container))
        })
      )
      return each(groups, end)
    })
  }

  get #createNetworks(): Effect.Effect<void, DockerError> {
    return Effect.sync(() => {
      for (const [key, network] of Object.entries(this.#project.networks)) {
        const name = networkName(this.#project, key)
        if (!("external" in network) && this.#docker.network(name) === undefined) {
          this.#docker.createNetwork({ ...network, name })
        }
      }
    })
  }

  get #removeNetworks(): Effect.Effect<void, DockerError> {
    return Effect.sync(() => {
      for (const [key, network] of Object.entries(this.#project.networks)) {
        const found = this.#docker.network(networkName(this.#project, key))
        const isOurs = found !== undefined && !("external" in network)
        // One that somebody else is still on stays, as Compose leaves it.
        if (isOurs && found.members.size === 0) this.#docker.removeNetwork(found.id)
      }
    })
  }
}

const missing = (service: string): DockerError =>
  new DockerError({
    endpoint: "POST /containers/create",
    reason: "not-found",
    message: `cannot share network namespace with service ${service}: container missing`
  })

const ofService = (all: ReadonlyArray<ContainerSnapshot>, service: string): ReadonlyArray<ContainerSnapshot> =>
  all.filter(({ labels }) => labels[SERVICE] === service)

const lifecycle = <A>(use: (own: ContainerLifecycle["Service"]) => Effect.Effect<A, DockerError>) =>
  Effect.flatMap(ContainerLifecycle, use)

/** One step after the other, and all of a step side by side. */
const each = <A, R>(
  order: ReadonlyArray<ReadonlyArray<A>>,
  use: (one: A) => Effect.Effect<unknown, DockerError, R>
): Effect.Effect<void, DockerError, R> =>
  Effect.forEach(order, (step) => Effect.forEach(step, use, { concurrency: "unbounded", discard: true }), {
    discard: true
  })
