import { styleText } from "node:util"
import type { Paint, Style } from "../../domain/Columns.ts"

const formats: Readonly<Record<Style, Parameters<typeof styleText>[0]>> = {
  good: "green",
  bad: "red",
  warning: "yellow",
  faint: "dim",
  title: "bold"
}

/** Colours on a terminal that has them, and unless NO_COLOR says otherwise (no-color.org); plain text elsewhere. */
export const paintOnStdout: Paint = (style, text) => styleText(formats[style], text, { stream: process.stdout })

export const stdoutIsTerminal = (): boolean => process.stdout.isTTY === true

/** Clears a terminal and puts the cursor into its corner (ECMA-48: CUP, ED). */
export const CLEAR = "\u001B[H\u001B[2J"
