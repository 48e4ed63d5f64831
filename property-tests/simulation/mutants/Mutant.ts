/** One place of the source that a mutant changes. */
export interface Change {
  /** From the root of the repository. */
  readonly file: string
  /** Occurs in the file exactly once. */
  readonly find: string
  readonly replace: string
}

/** A bug that somebody could have written, as data. */
export interface Mutant {
  readonly name: string
  /** What is wrong with the program then. */
  readonly about: string
  readonly changes: ReadonlyArray<Change>
}

/** A mutant of one place. */
export const mutant = (name: string, about: string, file: string, find: string, replace: string): Mutant => ({
  name,
  about,
  changes: [{ file, find, replace }]
})

/** The text with one change made. Throws when there is not exactly one place for it. */
export const changed = (text: string, { file, find, replace }: Change): string => {
  const [before = "", after, ...more] = text.split(find)
  if (after === undefined || more.length > 0) {
    throw new Error(`${file}: the text to change occurs ${after === undefined ? 0 : more.length + 1} times:\n${find}`)
  }
  return before + replace + after
}

/** The files that a mutant changes, as they are with it. */
export const mutated = ({ changes }: Mutant, read: (file: string) => string): ReadonlyMap<string, string> => {
  const files = new Map<string, string>()
  for (const change of changes) files.set(change.file, changed(files.get(change.file) ?? read(change.file), change))
  return files
}
