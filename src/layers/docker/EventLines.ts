import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { DockerEvent } from "../../domain/DockerState.ts"
import type { DockerError } from "../../services/DockerEngine.ts"
import { notUnderstood } from "./DockerFailure.ts"

/** A line of the event stream holds one event; no set of labels makes it this long. */
const LONGEST_LINE = 4 * 1024 * 1024
const ENDPOINT = "GET /events"

const watchedTypes = ["container", "network"] as const

/**
 * The filters for the engine: exact types and actions. Docker matches actions by prefix as soon as `health_status` is among them, so it
 * must not be; and network events carry no labels, so scope cannot be filtered here.
 */
export const eventFilters = (actions: ReadonlyArray<string>) => ({ type: watchedTypes, event: actions })

/** Nanoseconds since the epoch, as the `since` of `GET /events` wants them: `seconds.nanoseconds`. */
export const sinceText = (nanos: bigint): string => {
  const digits = nanos.toString().padStart(10, "0")
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`
}

const Event = Schema.Struct({
  Type: Schema.String,
  Action: Schema.String,
  Actor: Schema.Struct({
    ID: Schema.String,
    Attributes: Schema.optionalKey(Schema.NullOr(Schema.Record(Schema.String, Schema.String)))
  }),
  timeNano: Schema.BigInt
})

const decode = Schema.decodeUnknownEffect(Event)

/** `timeNano` is past what a number can hold exactly, so it is read from its digits. */
const exactTime = (key: string, value: unknown, context?: { readonly source?: string }): unknown =>
  key === "timeNano" && typeof value === "number" && context?.source !== undefined && /^\d+$/.test(context.source)
    ? BigInt(context.source)
    : value

const toEvent = (
  { Type, Action, Actor, timeNano }: typeof Event.Type,
  actions: ReadonlyArray<string>
): DockerEvent | undefined => {
  const type = watchedTypes.find((watched) => watched === Type)
  if (type === undefined || !actions.includes(Action)) return undefined
  const attributes = Actor.Attributes ?? {}
  if (type === "container") return { type, action: Action, containerId: Actor.ID, attributes, timeNano }
  const joined = attributes["container"]
  const who = joined === undefined || joined === "" ? {} : { containerId: joined }
  return { type, action: Action, networkId: Actor.ID, ...who, attributes, timeNano }
}

/** The event of one line, or nothing when it is of a kind that nobody asked for. Refuses what is no event at all. */
const eventOfLine = (
  line: string,
  actions: ReadonlyArray<string>
): Effect.Effect<DockerEvent | undefined, DockerError> =>
  Effect.try({
    try: (): unknown => JSON.parse(line, exactTime as (key: string, value: unknown) => unknown),
    catch: () => notUnderstood(ENDPOINT, `not JSON: ${line.slice(0, 200)}`)
  }).pipe(
    Effect.flatMap((event) =>
      Effect.mapError(decode(event), (error) => notUnderstood(ENDPOINT, `${error.message}: ${line.slice(0, 200)}`))
    ),
    Effect.map((event) => toEvent(event, actions))
  )

/** Events out of text that comes in pieces of any size. What remains after the last line break is an event cut short, and dropped. */
export const decodeEvents = <R>(
  text: Stream.Stream<string, DockerError, R>,
  actions: ReadonlyArray<string>
): Stream.Stream<DockerEvent, DockerError, R> =>
  text.pipe(
    Stream.mapAccumEffect(
      () => "",
      (rest, piece: string) => {
        const lines = (rest + piece).split("\n")
        const next = lines.pop() ?? ""
        if (next.length > LONGEST_LINE) return Effect.fail(notUnderstood(ENDPOINT, "a line without an end"))
        return Effect.succeed([next, lines.filter((line) => line.trim() !== "")] as const)
      }
    ),
    Stream.mapEffect((line) => eventOfLine(line, actions)),
    Stream.filter((event) => event !== undefined)
  )
