import * as Effect from "effect/Effect"
import type { ContainerSnapshot, DockerEvent } from "../../src/domain/DockerState.ts"
import { AWAY } from "../../src/domain/Recreation.ts"
import type { ContainerLifecycle } from "../../src/services/ContainerLifecycle.ts"
import { NETWORK_ANCHOR, type Role } from "./cast.ts"
import { lastingName } from "./Conduct.ts"
import type { Process } from "./processes.ts"
import type { Simulation } from "./Simulation.ts"

/** A container that is to be replaced, as it was before. */
interface Away {
  readonly before: ContainerSnapshot
  readonly by: Process | undefined
}

/** The status with which Docker refuses a name that another container has. */
const CONFLICT = 409

/** What was decided before the news may still be done. */
const HEEDED_MILLIS = 2_000

/** What a program says when nothing is left of a re-creation that has failed. */
const UNDONE = /^(?!no longer: ).*container (\S+) could not be re-created, and is as it was: /

/** What happens to a container and leaves it as it was. */
const HARMLESS = /^(?:create|exec_|health_status|update|top)/

const isUp = ({ status }: ContainerSnapshot): boolean => ["running", "paused", "restarting"].includes(status)

const count = (counts: Map<string, number>, key: string, by: number): void => {
  const sum = (counts.get(key) ?? 0) + by
  if (sum > 0) counts.set(key, sum)
  else counts.delete(key)
}

/**
 * What anchord itself brings about, by what Docker tells while a call of its own is under way: whom it has led into the namespace that it is in, and whom
 * it has replaced; that a re-creation that fails is taken back, as it says (SPEC §11); and that what Docker answers is heeded.
 */
export class Doings {
  readonly #sim: Simulation
  /** About which containers there are calls under way, by ID, and how many. */
  readonly #calls = new Map<string, number>()
  /** The same for those that lead a container into the namespace that its owner is in by then. */
  readonly #leading = new Map<string, number>()
  /** Which process has begun the last of these. */
  readonly #leader = new Map<string, Process | undefined>()
  /** The same for creations, by name. */
  readonly #creating = new Map<string, number>()
  /** The IDs of what anchord has created. */
  readonly #made = new Set<string>()
  /** The IDs of those whom the network-anchor has restarted or made anew, since which nobody else has started them; and by which process. */
  readonly #led = new Map<string, Process | undefined>()
  /** The names of those that are renamed away. */
  readonly #replacing = new Set<string>()
  /** The IDs of those that ran already when they were started, and still do; who was told, and when first. */
  readonly #running = new Map<string, { readonly by: Process | undefined; readonly at: number }>()
  /** Who is to be replaced, or was at last, by name. */
  readonly #away = new Map<string, Away>()
  /** The IDs of those that somebody else has had his hands on meanwhile. */
  readonly #meddled = new Set<string>()
  /** The IDs of those that were replaced and removed, and by which process. */
  readonly #replaced = new Map<string, Process | undefined>()
  #offence: string | undefined

  constructor(sim: Simulation) {
    this.#sim = sim
  }

  /** Whether somebody of that name is being made anew, who may have been removed meanwhile. */
  isReplacing(name: string): boolean {
    return this.#creating.has(name) && this.#replacing.has(name)
  }

  /** What is wrong with how a re-creation was taken back. */
  offence(): string | undefined {
    return this.#offence
  }

  /** Whether it is the network-anchor, in its present life, that has led a container into the namespace that it is in. */
  hasLed(id: string): boolean {
    return this.#isPresent(this.#led.get(id))
  }

  /** Whether the network-anchor has replaced a container from the beginning to the end, in its present life. */
  hasReplaced(id: string): boolean {
    return this.#isPresent(this.#replaced.get(id))
  }

  #isPresent(by: Process | undefined): boolean {
    return by !== undefined && !by.isEnding() && by === this.#sim.process(NETWORK_ANCHOR)
  }

  noteEvent({ action, containerId: id = "", attributes }: DockerEvent): void {
    if (action === "create" && this.#creating.has(attributes["name"] ?? "")) this.#made.add(id)
    this.#noteName(action, attributes["name"] ?? "", id)
    if (!this.#calls.has(id) && !HARMLESS.test(action)) this.#meddled.add(id)
    if (action === "die" || action === "destroy") this.#running.delete(id)
    if (action === "start" && this.#leading.has(id)) this.#led.set(id, this.#leader.get(id))
    else if (action === "start" || action === "destroy") this.#led.delete(id)
  }

  #noteName(action: string, name: string, id: string): void {
    if (action === "rename" && name.includes(AWAY)) this.#replacing.add(lastingName(name))
    else if (action === "rename" || (action === "destroy" && this.#calls.has(id)))
      this.#replacing.delete(lastingName(name))
  }

  readonly watch = (actor: Role | undefined, real: ContainerLifecycle["Service"]): ContainerLifecycle["Service"] => {
    const isNetworkAnchor = actor?.name === NETWORK_ANCHOR
    const idOf = (ref: string) => this.#sim.docker.find(ref)?.id ?? ref
    const about = <A, E>(ref: string, call: Effect.Effect<A, E>, leads = false): Effect.Effect<A, E> =>
      Effect.suspend(() => {
        const id = idOf(ref)
        if (!leads || !isNetworkAnchor) return during([this.#calls], id, call)
        this.#leader.set(id, this.#sim.process(NETWORK_ANCHOR))
        return during([this.#calls, this.#leading], id, call)
      })
    return {
      ...real,
      create: (name, request) => during([this.#creating], name, real.create(name, request)),
      start: (ref) =>
        Effect.suspend(() => {
          this.#checkNews(actor, ref)
          const start = about(ref, real.start(ref), this.#made.has(idOf(ref)))
          return Effect.tap(start, (started) => Effect.sync(() => started || this.#noteRunning(actor, ref)))
        }),
      stop: (ref, grace) => about(ref, real.stop(ref, grace)),
      restart: (ref, grace) => about(ref, real.restart(ref, grace), true),
      rename: (ref, name) =>
        Effect.suspend(() => {
          this.#noteAway(actor, ref)
          return Effect.tapError(about(ref, real.rename(ref, name)), ({ status }) =>
            Effect.sync(() => status === CONFLICT && this.#checkOwnWay(ref, name))
          )
        }),
      remove: (ref) =>
        Effect.suspend(() => {
          const id = idOf(ref)
          return Effect.tap(about(ref, real.remove(ref)), () => Effect.sync(() => this.#noteRemoved(actor, id)))
        })
    }
  }

  #noteAway(actor: Role | undefined, ref: string): void {
    const before = this.#sim.docker.find(ref)
    if (before === undefined || before.name !== lastingName(before.name)) return
    this.#away.set(before.name, { before, by: this.#sim.process(actor?.name ?? "") })
    this.#meddled.delete(before.id)
  }

  #noteRemoved(actor: Role | undefined, id: string): void {
    const by = this.#sim.process(actor?.name ?? "")
    const isReplaced = this.#away.values().some((away) => away.before.id === id && away.by === by)
    if (isReplaced) this.#replaced.set(id, by)
  }

  #noteRunning(actor: Role | undefined, ref: string): void {
    const found = this.#sim.docker.find(ref)
    const news = { by: this.#sim.process(actor?.name ?? ""), at: this.#sim.time.now() }
    if (found !== undefined && !this.#running.has(found.id)) this.#running.set(found.id, news)
  }

  /** Who was told that a container runs does not start it again and again. While it takes one's place, it may be put back more than once. */
  #checkNews(actor: Role | undefined, ref: string): void {
    const { docker, excuses } = this.#sim
    const { id = "", name = "" } = docker.find(ref) ?? {}
    const news = this.#running.get(id)
    if (news === undefined || news.by !== this.#sim.process(actor?.name ?? "")) return
    if (this.#sim.time.now() - news.at < HEEDED_MILLIS) return
    if (name !== lastingName(name) || excuses.covers("engine") || excuses.covers("tables")) return
    this.#offence ??= `${name} is started by ${actor?.name}, which was told that it runs`
  }

  /** Nobody is refused a name for his predecessor that he has given away himself. */
  #checkOwnWay(ref: string, name: string): void {
    const { docker } = this.#sim
    const holder = docker.find(name)
    if (holder === undefined || holder.status !== "created" || !this.#made.has(holder.id)) return
    this.#offence ??= `${docker.find(ref)?.name ?? ref} is to be ${name} again, which anchord itself has created meanwhile`
  }

  /** A program says something: that a container is as it was is so, unless somebody else has had his hands on it. */
  hear(message: string): void {
    const [, name = ""] = UNDONE.exec(message) ?? []
    const before = this.#away.get(name)?.before
    if (before === undefined || this.#meddled.has(before.id)) return
    const now = this.#sim.docker.find(before.id)
    if (now?.name === name && isUp(now) === isUp(before)) return
    this.#offence ??= `${name} is said to be as it was, and is ${now === undefined ? "gone" : `called ${now.name}, and ${now.status}`}`
  }
}

const during = <A, E>(
  counts: ReadonlyArray<Map<string, number>>,
  key: string,
  call: Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    for (const one of counts) count(one, key, 1)
    return Effect.ensuring(
      call,
      Effect.sync(() => {
        for (const one of counts) count(one, key, -1)
      })
    )
  })
