import type { Operation, Ref } from "./dockerOperation.ts"

/** A container as it is compared; every ID is one that {@link Names} gives. */
export interface SeenContainer {
  readonly who: string
  readonly name: string
  readonly status: string
  readonly mode: string
  readonly networks: ReadonlyArray<string>
  readonly labels: Readonly<Record<string, string>>
  readonly policy: string
  readonly exitCode: number
  readonly restartCount: number
  readonly error: string
}

/** What there is: containers in the order of a listing, and by network its members with their addresses. */
export interface Seen {
  readonly containers: ReadonlyArray<SeenContainer>
  readonly networks: Readonly<Record<string, Readonly<Record<string, string>>>>
}

export interface SeenEvent {
  readonly type: "container" | "network"
  readonly action: string
  readonly who: string
  readonly network: string
  readonly words: string
}

/** An event as an engine tells it. */
export interface RawEvent {
  readonly type: "container" | "network"
  readonly action: string
  readonly containerId: string
  readonly attributes: Readonly<Record<string, string>>
}

/** An engine, real or not, on which operations are carried out. */
export interface OperatedDocker {
  /** Answers with `ok`, or with the status of HTTP by which it was refused. */
  readonly apply: (operation: Operation) => Promise<string>
  readonly seen: () => Promise<Seen>
  /** Everything that was announced since the last operation began. */
  readonly events: () => ReadonlyArray<SeenEvent>
}

export const statusText = (status: number): string => (status >= 200 && status < 300 ? "ok" : String(status))

const SHORT = 12
/** An ID that nothing has. */
const NOBODY = "0123456789abcdef".repeat(4)

/** Names for IDs, in the order in which things were made: `c1`, `n1`. */
export class Names {
  readonly #byId = new Map<string, string>()
  readonly #last = new Map<string, string>()
  readonly #counts = { c: 0, n: 0 }

  made(kind: "c" | "n", name: string, id: string): void {
    this.#counts[kind] += 1
    this.#byId.set(id, `${kind}${this.#counts[kind]}`)
    this.#last.set(name, id)
  }

  renamed(id: string, name: string): void {
    this.#last.set(name, id)
  }

  of(id: string): string {
    return this.#byId.get(id) ?? id
  }

  isKnown(id: string): boolean {
    return this.#byId.has(id)
  }

  /** What is said in a call. */
  ref({ name, by }: Ref): string {
    const id = this.#last.get(name) ?? NOBODY
    return by === "name" ? name : by === "id" ? id : id.slice(0, SHORT)
  }

  /** A text with names in the place of IDs. */
  text(said: string): string {
    // Which of two reasons is told depends on the network that is plugged in first.
    const reason = said.replace(/^could not find a network matching network mode \S+: /, "")
    const short = (beginning: string) => [...this.#byId].find(([id]) => id.startsWith(beginning))?.[1] ?? beginning
    return reason.replaceAll(/[0-9a-f]{64}/g, (id) => this.of(id)).replaceAll(/\b[0-9a-f]{12}\b/g, short)
  }
}

/** An event without IDs and times. */
export const seenEvent = ({ type, action, containerId, attributes }: RawEvent, names: Names): SeenEvent => {
  const { name = "", oldName = "", signal = "", exitCode = "" } = attributes
  const network = type === "network" ? name : ""
  const words = type === "network" ? "" : [name, oldName, signal, exitCode].join(" ")
  return { type, action, who: names.of(containerId), network, words }
}

/** The addresses of a member; of a network whose subnet is the engine's own choice only what is not. */
export const addressText = (network: string, v4: string, v6: string): string =>
  ["bridge", "ops-pool"].includes(network) ? (v4.split(".").at(-1) ?? "") : `${v4} ${v6}`.trim()

const orderOf = ({ action, who, network, words }: SeenEvent): string => `${action} ${who} ${network} ${words}`

/** Pairs that a real engine announces in any order: endpoints of one container, and the end that `stop` waited for. */
const areUnordered = (a: SeenEvent, b: SeenEvent): boolean =>
  a.who === b.who &&
  ((a.type === "network" && a.action === b.action) ||
    (["kill", "unpause"].includes(a.action) && ["kill", "unpause"].includes(b.action)))

/** The call that stops a container is answered by one part of an engine, its end noted by another: that may be late, when the next call is on already. */
const endsFirst = (events: ReadonlyArray<SeenEvent>): ReadonlyArray<SeenEvent> => {
  const ordered: Array<SeenEvent> = []
  for (const event of events) {
    const last = ordered.findLastIndex(({ who, action }) => who === event.who && ["stop", "start"].includes(action))
    const isLate = event.action === "die" && ordered[last]?.action === "stop"
    ordered.splice(isLate ? last : ordered.length, 0, event)
  }
  return ordered
}

/** The events of one type, in an order that does not depend on what a real engine leaves to chance. */
export const inOrder = (events: ReadonlyArray<SeenEvent>, type: SeenEvent["type"]): ReadonlyArray<string> => {
  const sorted: Array<SeenEvent> = []
  for (const event of endsFirst(events.filter((each) => each.type === type))) {
    let place = sorted.length
    for (; place > 0; place--) {
      const before = sorted[place - 1]
      if (before === undefined || !areUnordered(before, event) || orderOf(before) <= orderOf(event)) break
    }
    sorted.splice(place, 0, event)
  }
  return sorted.map(orderOf)
}
