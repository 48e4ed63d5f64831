import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import { createReadStream } from "node:fs"

/** A text could not be read. */
export class UnreadableText extends Data.TaggedError("UnreadableText")<{
  readonly message: string
}> {}

const plainly: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file (ENOENT)",
  EISDIR: "it is a folder (EISDIR)",
  EACCES: "it may not be read (EACCES)"
}

const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return ("code" in error ? plainly[String(error.code)] : undefined) ?? error.message
}

const LARGEST = 16 * 1024 * 1024

/** A whole file, or standard input when it is called `-`; 16 MiB at most. */
export const readText = (path: string): Effect.Effect<string, UnreadableText> =>
  NodeStream.toString(() => (path === "-" ? process.stdin : createReadStream(path)), {
    maxBytes: LARGEST,
    onError: (error) => new UnreadableText({ message: messageOf(error) })
  })
