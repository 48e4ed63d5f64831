import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

export const MESSAGES = "docs/messages.md"

/** One bullet of the document: messages that share their cause and what mends them. */
export interface MessageEntry {
  /** With `<>` wherever something is filled in. */
  readonly messages: ReadonlyArray<string>
  /** For each message the levels, or verdicts, that it is told with. */
  readonly levels: ReadonlyArray<ReadonlyArray<string>>
  readonly cause: string
  readonly fix: string
}

const MESSAGE = /^\*\*(ERROR|WARN|INFO|ERROR, WARN|fail|warn|fail, warn)\*\* `(.+)`$/

const after = (label: string, parts: ReadonlyArray<string>): string => {
  const text = parts.find((part) => part.startsWith(`*${label}:*`)) ?? ""
  return text.slice(label.length + 3).trim()
}

const entryOf = (bullet: string): MessageEntry => {
  const parts = bullet.split("\\\n").map((part) => part.replaceAll(/\s*\n\s*/g, " ").trim())
  const heads = parts.flatMap((part) => {
    const [, levels = "", message = ""] = MESSAGE.exec(part) ?? []
    return message === "" ? [] : [{ levels: levels.split(", "), message: message.replaceAll(/<[^>]+>/g, "<>") }]
  })
  return {
    messages: heads.map(({ message }) => message),
    levels: heads.map(({ levels }) => levels),
    cause: after("Cause", parts),
    fix: after("Fix", parts)
  }
}

/** The entries of a text in the form of docs/messages.md, where each bullet is one. */
export const messageEntries = (text: string): ReadonlyArray<MessageEntry> =>
  [...text.matchAll(/^- ((?:.*\n)(?: {2}.*\n)*)/gm)].map(([, bullet = ""]) => entryOf(bullet))

export const readMessages = (): ReadonlyArray<MessageEntry> =>
  messageEntries(readFileSync(fileURLToPath(new URL(`../../${MESSAGES}`, import.meta.url)), "utf8"))
