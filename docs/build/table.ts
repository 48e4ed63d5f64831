const cell = (text: string): string => text.replaceAll("|", "\\|")

/** A table of Markdown, in the form that the formatter leaves alone. */
export const table = (
  heading: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>
): ReadonlyArray<string> => {
  const line = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`.replaceAll(/\|  (?=\|)/g, "| ")
  return [line(heading), `|${"---|".repeat(heading.length)}`, ...rows.map((row) => line(row.map(cell)))]
}

export const code = (text: string): string => `\`${text}\``
