/** Where in a tree of data: keys of maps, and indices of lists. */
export type Path = ReadonlyArray<string>

/** What a YAML document says beside its data. */
export interface Annotation {
  readonly path: Path
  /** Lines before the key. */
  readonly comment?: ReadonlyArray<string>
  /** The name that repetitions of this map refer to. */
  readonly anchor?: string
  /** A tag on the value, such as `!reset`. */
  readonly tag?: string
}

/** A YAML document to be printed: a map that is there twice, the same object, is printed once and referred to. */
export interface CommentedData {
  /** Lines at the top. */
  readonly header: ReadonlyArray<string>
  readonly data: Readonly<Record<string, unknown>>
  readonly annotations: ReadonlyArray<Annotation>
}

/** Breaks a text between words into lines of at most `width` characters; a longer word has a line of its own. */
export const fill = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const word of text.split(" ")) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
