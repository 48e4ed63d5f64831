import { createHash } from "node:crypto"
import { rememberNames, type ContainerNames } from "../../src/domain/ContainerNames.ts"
import type { ContainerStatus } from "../../src/domain/DockerState.ts"
import type { LifecycleAction } from "../../src/domain/LifecycleAction.ts"
import type { LifecycleContainer, LifecycleState } from "../../src/domain/LifecycleState.ts"
import { namespaceReference, resolveReference } from "../../src/domain/NetnsOwner.ts"

/** What a container is made of; `joins` is the name or ID of the container whose namespace it shall live in. */
export interface Blueprint {
  readonly name: string
  readonly joins?: string
  readonly project?: string
  readonly serviceAnchor?: true
  readonly labels?: Readonly<Record<string, string>>
  readonly environment?: Readonly<Record<string, string>>
  readonly imageId?: string
}

export interface Made {
  readonly id: string
  name: string
  readonly blueprint: Blueprint
  readonly networkMode: string
  readonly createdAt: number
  status: ContainerStatus
  startedAt: number | undefined
  startError: string
  /** The namespace that it really is in, by a number of its own; none while it does not run. */
  netns: number | undefined
  /** It was started when its owner was in a dead namespace itself: nobody can tell that from what the engine says later. */
  misled: boolean
}

const EPOCH = 1_767_225_600_000

/**
 * As much of an engine as lifecycle decisions need: names are unique; a reference becomes an ID when the container is created, if it leads to one; each start of
 * a container without a reference makes a new namespace; one with a reference gets the one its owner has at that moment, and cannot start
 * while the owner does not run. Every operation takes two seconds.
 */
export class LifecycleEngine {
  now = EPOCH
  names: ContainerNames = new Map()
  /** The image of anchord's own container. */
  ownImage = "sha256:anchord"
  /** What was not done of the decision that was carried out last. */
  left: ReadonlyArray<LifecycleAction> = []
  readonly selfId: string
  readonly #containers = new Map<string, Made>()
  #count = 0

  constructor(self: Blueprint) {
    this.selfId = this.create(self).id
    this.start(self.name)
  }

  get all(): ReadonlyArray<Made> {
    return [...this.#containers.values()]
  }

  named(name: string): Made | undefined {
    return this.all.find((one) => one.name === name)
  }

  create(blueprint: Blueprint): Made {
    this.#tick()
    if (this.named(blueprint.name)) throw new Error(`the name ${blueprint.name} is in use`)
    this.#count += 1
    const id = createHash("sha256").update(`${this.#count}`).digest("hex")
    const owner = blueprint.joins === undefined ? undefined : this.#resolve(blueprint.joins)
    const made: Made = {
      id,
      name: blueprint.name,
      blueprint,
      networkMode: blueprint.joins === undefined ? "bridge" : `container:${owner?.id ?? blueprint.joins}`,
      createdAt: Math.floor(this.now / 1_000),
      status: "created",
      startedAt: undefined,
      startError: "",
      netns: undefined,
      misled: false
    }
    this.#containers.set(id, made)
    return made
  }

  start(ref: string): void {
    this.#tick()
    const one = this.#mustResolve(ref)
    if (one.status === "running") return
    const joined = namespaceReference(one)
    const owner = joined === undefined ? undefined : this.#resolve(joined)
    if (joined !== undefined && owner?.status !== "running") {
      one.startError =
        owner === undefined
          ? `No such container: ${joined}`
          : `cannot join network of a non running container: ${owner.id}`
      throw new Error(one.startError)
    }
    this.#count += 1
    Object.assign(one, {
      status: "running",
      startedAt: this.now,
      startError: "",
      netns: owner === undefined ? this.#count : owner.netns,
      misled: owner !== undefined && !this.isConnected(owner)
    })
  }

  /** Its namespace is the one that its owner has now, all the way up. */
  isConnected(one: Made | undefined): boolean {
    const ref = one && namespaceReference(one)
    if (one === undefined || ref === undefined) return one?.netns !== undefined
    const owner = this.#resolve(ref)
    return one.netns !== undefined && one.netns === owner?.netns && this.isConnected(owner)
  }

  stop(ref: string): void {
    this.#tick()
    const one = this.#mustResolve(ref)
    if (one.status === "running") Object.assign(one, { status: "exited", netns: undefined })
  }

  restart(ref: string): void {
    this.stop(ref)
    this.start(ref)
  }

  remove(ref: string): void {
    this.#tick()
    this.#containers.delete(this.#mustResolve(ref).id)
  }

  rename(ref: string, name: string): void {
    this.#tick()
    if (this.named(name)) throw new Error(`the name ${name} is in use`)
    this.#mustResolve(ref).name = name
  }

  /** Everything stops, and what ran is started again, in this order; what cannot join stays stopped. */
  restartAll(order: ReadonlyArray<number>): void {
    const ran = this.all.filter(({ status }) => status === "running")
    for (const { id } of ran) this.stop(id)
    for (const { id } of ran.toSorted((a, b) => (order[ran.indexOf(a)] ?? 0) - (order[ran.indexOf(b)] ?? 0))) {
      try {
        this.start(id)
      } catch {
        continue
      }
    }
  }

  /** Replaces a container by one that is made of the same; the old one is back if the new one does not start. */
  recreate(ref: string, change: Partial<Blueprint> = {}, start = true): Made {
    const old = this.#mustResolve(ref)
    const index = this.all.indexOf(old)
    this.#containers.delete(old.id)
    const made = this.create({ ...old.blueprint, name: old.name, ...change })
    if (!start) return made
    try {
      this.start(made.id)
    } catch (error) {
      this.#containers.delete(made.id)
      const others = this.all
      this.#containers.clear()
      for (const one of [...others.slice(0, index), old, ...others.slice(index)]) this.#containers.set(one.id, one)
      throw error
    }
    return made
  }

  /** Carries a decision out as the programs do; `failing` is the number of an action that fails, if any. Answers what went wrong; see `left`. */
  carryOut(actions: ReadonlyArray<LifecycleAction>, failing?: number): ReadonlyArray<string> {
    const failed = new Set<string>()
    const errors: Array<string> = []
    const left: Array<LifecycleAction> = []
    for (const [index, action] of actions.entries()) {
      const id = action._tag === "CreateManaged" ? action.spec.name : action.id
      const after = action._tag === "CreateManaged" ? undefined : action.after
      try {
        if (index === failing) throw new Error("injected")
        if (after !== undefined && failed.has(after)) throw new Error("its owner's action failed")
        this.#act(action)
      } catch (error) {
        failed.add(id)
        left.push(action)
        errors.push(`${action._tag} ${id}: ${String(error)}`)
      }
    }
    this.left = left
    this.look()
    return errors
  }

  #act(action: LifecycleAction): void {
    switch (action._tag) {
      case "Start":
        return this.start(action.id)
      case "Restart":
        return this.restart(action.id)
      case "Recreate": {
        const joins = action.networkMode.slice("container:".length)
        const image = action.image === undefined ? {} : { imageId: action.image }
        const environment = { ...this.#mustResolve(action.id).blueprint.environment, ...action.environment }
        return void this.recreate(action.id, { joins, ...image, environment }, action.start)
      }
      case "CreateManaged": {
        const { name, networkMode, labels, image, environment } = action.spec
        this.create({
          name,
          joins: networkMode.slice("container:".length),
          serviceAnchor: true,
          labels,
          imageId: image,
          environment: Object.fromEntries(environment.map((one) => one.split("=", 2) as [string, string]))
        })
        return this.start(name)
      }
      default:
        throw new Error(`${action._tag} is not for this engine`)
    }
  }

  /** anchord looks at everything: it learns the names that things have now. */
  look(): void {
    this.names = rememberNames(this.names, this.#listed())
  }

  state(order: ReadonlyArray<LifecycleContainer> = [...this.#listed().values()]): LifecycleState {
    return { selfId: this.selfId, names: this.names, containers: new Map(order.map((one) => [one.id, one])) }
  }

  #listed(): ReadonlyMap<string, LifecycleContainer> {
    return new Map(
      this.all.map(({ id, name, blueprint, networkMode, createdAt, status, startedAt, startError }) => [
        id,
        {
          id,
          name,
          createdAt,
          status,
          networkMode,
          imageId: id === this.selfId ? this.ownImage : (blueprint.imageId ?? "sha256:other"),
          labels: {
            ...(blueprint.project === undefined
              ? {}
              : { "com.docker.compose.project": blueprint.project, "com.docker.compose.service": blueprint.name }),
            ...blueprint.labels
          },
          inspected: {
            startError,
            ...(startedAt === undefined ? {} : { startedAt }),
            words: blueprint.serviceAnchor ? ["tini", "--", "anchord"] : ["sleep"],
            environment: {
              ...(blueprint.serviceAnchor ? { ANCHORD_MODE: "service-anchor" } : {}),
              ...blueprint.environment
            }
          }
        }
      ])
    )
  }

  #resolve(ref: string): Made | undefined {
    return resolveReference(this.#containers, ref)
  }

  #mustResolve(ref: string): Made {
    const one = this.#resolve(ref)
    if (one === undefined) throw new Error(`no such container: ${ref}`)
    return one
  }

  #tick(): void {
    this.now += 2_000
  }
}
