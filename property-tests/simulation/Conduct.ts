import * as Effect from "effect/Effect"
import type { CreateRequest } from "../../src/domain/CreateRequest.ts"
import type { Json } from "../../src/domain/Inspection.ts"
import type { ContainerSnapshot } from "../../src/domain/DockerState.ts"
import type { ContainerLifecycle } from "../../src/services/ContainerLifecycle.ts"
import { ELSEWHERE, isServed, MANAGED, OUTPOST, roleOf, type Role } from "./cast.ts"
import type { Simulation } from "./Simulation.ts"

/** The name that a container has, had before it was renamed away for its successor, or will have when Compose has removed its predecessor. */
export const lastingName = (name: string): string => name.replace(/-anchord-old-.*$/, "").replace(/^[0-9a-f]{12}_/, "")

/** How long what hangs on a container that anchord has made anew may be repaired after it. */
const AFTER_REPAIR_MILLIS = 120_000

/**
 * Whom a program may touch: with the default scope service-anchors in scope and what hangs on those that it has made anew itself; the rebinders
 * whoever belongs to their own project; nobody ever the target, a network-anchor or a stranger (SPEC §11).
 */
export class Conduct {
  readonly #sim: Simulation
  /** When anchord has last touched a container of that name. */
  readonly #touched = new Map<string, number>()
  /** The names of the containers that anchord has removed, by their IDs. */
  readonly #removed = new Map<string, string>()
  /** What a container was before anchord has renamed it, for its successor or back, by the name that it is to have. */
  readonly #replaced = new Map<string, ContainerSnapshot>()
  #offence: string | undefined

  constructor(sim: Simulation) {
    this.#sim = sim
  }

  /** What a program has done to somebody whom it has nothing to do with. */
  offence(): string | undefined {
    return this.#offence
  }

  /** The name that a container was to have, if it was anchord who has removed it, or has tried to. */
  removed(id: string): string | undefined {
    return this.#removed.get(id)
  }

  readonly watch = (actor: Role | undefined, real: ContainerLifecycle["Service"]): ContainerLifecycle["Service"] => {
    const about = <A, E>(verb: string, ref: string, call: Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.suspend(() => {
        this.#look(actor, verb, this.#sim.docker.find(ref))
        return call
      })
    const on = <A, E>(verb: string, network: string, ref: string, call: Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.suspend(() => {
        this.#lookAtNetwork(actor, verb, network, ref)
        return about(verb, ref, call)
      })
    return {
      ...real,
      create: (name, request) =>
        Effect.suspend(() => {
          this.#lookAtCreation(actor, name, request)
          return real.create(name, request)
        }),
      start: (ref) => about("starts", ref, real.start(ref)),
      stop: (ref, grace) => about("stops", ref, real.stop(ref, grace)),
      restart: (ref, grace) => about("restarts", ref, real.restart(ref, grace)),
      rename: (ref, name) => about("renames", ref, real.rename(ref, name)),
      remove: (ref) =>
        Effect.tapError(about("removes", ref, real.remove(ref)), () => Effect.sync(() => this.#forgetSpared())),
      setRestartPolicy: (ref, policy) => about("updates", ref, real.setRestartPolicy(ref, policy)),
      connect: (network, ref, endpoint) => on("connects", network, ref, real.connect(network, ref, endpoint)),
      disconnect: (network, ref, force) => on("disconnects", network, ref, real.disconnect(network, ref, force))
    }
  }

  /** What is still there has not been removed by anchord, and somebody else may do that yet. */
  #forgetSpared(): void {
    for (const id of this.#removed.keys()) if (this.#sim.docker.find(id) !== undefined) this.#removed.delete(id)
  }

  #look(actor: Role | undefined, verb: string, container: ContainerSnapshot | undefined): void {
    if (container === undefined) return
    const name = lastingName(container.name)
    if (verb === "removes") this.#removed.set(container.id, name)
    if (this.#may(actor, verb, name, container)) {
      if (verb === "renames") this.#replaced.set(name, container)
      this.#touched.set(name, this.#sim.time.now())
      if (verb === "starts") return
      // No event tells of a container that ends while its policy has it wait for its next start.
      const { id: containerId, labels: attributes } = container
      for (const subject of this.#sim.concernedBy({ containerId, attributes })) this.#sim.excuses.for(subject, 1_000)
      return
    }
    this.#offence ??= `${actor?.name ?? MANAGED} ${verb} ${container.name}, with which it has nothing to do`
  }

  /** Only the managed service-anchor is created that was not there before, and only beside its target; anybody else is a replacement. */
  #lookAtCreation(actor: Role | undefined, name: string, { body }: CreateRequest): void {
    const mode = String((body["HostConfig"] as Json | undefined)?.["NetworkMode"] ?? "")
    const before = this.#replaced.get(name)
    const isManaged = name === MANAGED && this.#sim.casting.managed && actor?.anchor === "network-anchor"
    const isReplacement = before !== undefined && this.#may(actor, "creates", name, before)
    const isMeant = isManaged ? mode === `container:${OUTPOST}` : isReplacement
    if (!isMeant)
      this.#offence ??= `${actor?.name ?? MANAGED} creates ${name} in ${mode}, with which it has nothing to do`
  }

  /** Only the external-rebinder plugs, and only its follower into the network that this is to follow. */
  #lookAtNetwork(actor: Role | undefined, verb: string, network: string, ref: string): void {
    const { docker } = this.#sim
    // One that has gone since can only have been asked for by its ID.
    const name = docker.network(network)?.name ?? ELSEWHERE
    const isMeant = actor?.anchor === "external-rebinder" && name === ELSEWHERE
    if (!isMeant) this.#offence ??= `${actor?.name ?? MANAGED} ${verb} ${docker.find(ref)?.name ?? ref}, on ${name}`
  }

  #may(actor: Role | undefined, verb: string, name: string, container: ContainerSnapshot): boolean {
    const role = roleOf(name)
    if (actor?.anchor !== "network-anchor") {
      return role?.name !== actor?.name && role?.project !== undefined && role.project === actor?.project
    }
    if (name === MANAGED) return this.#sim.casting.managed
    if (role?.joins === undefined || !isServed(container.labels, this.#sim.casting)) return false
    if (verb === "starts" || role.anchor === "service-anchor" || this.#sim.casting.autofixScope === "project")
      return true
    return this.#sim.time.now() - (this.#touched.get(role.joins) ?? Number.NEGATIVE_INFINITY) < AFTER_REPAIR_MILLIS
  }
}
