/** Styles that a text for people may have; how they look, and whether at all, is the terminal's business. */
export type Style = "good" | "bad" | "warning" | "faint" | "title"

export type Paint = (style: Style, text: string) => string

export const unpainted: Paint = (_style, text) => text

/** A piece of a line, painted after it was padded: escape sequences have no width. */
export interface Cell {
  readonly text: string
  readonly style?: Style
}

const GAP = "  "

/** Rows as lines, each column as wide as its widest cell; what would only be blanks at the end is left out. */
export const columns = (rows: ReadonlyArray<ReadonlyArray<Cell>>, paint: Paint = unpainted): ReadonlyArray<string> => {
  const widths: Array<number> = []
  for (const row of rows)
    for (const [index, { text }] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, text.length)
  return rows.map((row) => {
    const last = row.findLastIndex(({ text }) => text !== "")
    return row
      .slice(0, last + 1)
      .map(({ text, style }, index) => {
        const padded = index === last ? text : text.padEnd(widths[index] ?? 0)
        return style === undefined ? padded : paint(style, padded)
      })
      .join(GAP)
  })
}
