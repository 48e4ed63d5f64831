import type { Action, Step } from "./actions.ts"

interface Line {
  readonly millis: number
  readonly who: string
  readonly what: string
}

const seconds = (millis: number): string => (millis / 1_000).toFixed(3).padStart(10)

/** An action as a person would tell it. */
export const told = ({ _tag, ...about }: Action): string => {
  const words = _tag.replaceAll(/(?<=.)([A-Z])/g, (letter) => ` ${letter.toLowerCase()}`)
  const details = Object.entries(about).map(([key, value]) => (key === "name" ? `${value}` : `${key}=${value}`))
  return [words, ...details].join(" ")
}

/** Everything that happened, for a person to read: what was done, and what the programs and Docker said to it. */
export class History {
  readonly #now: () => number
  readonly #lines: Array<Line> = []

  constructor(now: () => number) {
    this.#now = now
  }

  step({ action }: Step): void {
    this.note(">>>", told(action))
  }

  note(who: string, what: string): void {
    this.#lines.push({ millis: this.#now(), who, what })
  }

  text(): string {
    return this.#lines.map(({ millis, who, what }) => `${seconds(millis)}  ${who.padEnd(24)} ${what}\n`).join("")
  }
}
