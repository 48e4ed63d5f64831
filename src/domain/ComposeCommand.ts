const FOLDER_LABEL = "com.docker.compose.project.working_dir"
const FILES_LABEL = "com.docker.compose.project.config_files"
const ENV_FILES_LABEL = "com.docker.compose.project.environment_file"

/** The files that Compose finds by itself in its folder: one of the first kind, and with it perhaps one of the second. */
const COMPOSE_FILE = /^(?:docker-)?compose\.ya?ml$/
const OVERRIDE_FILE = /^(?:docker-)?compose\.override\.ya?ml$/

/** What `docker compose -f -` leaves as the name of its file: nobody can read it again. */
const STANDARD_INPUT = "-"

/** The paths of a label. Compose writes whole paths, which may hold commas; old versions wrote bare names. */
const pathsOf = (label: string | undefined): ReadonlyArray<string> =>
  (label ?? "").split(label?.startsWith("/") === true ? /,(?=\/)/ : ",").filter((path) => path !== "")

/** A path as one types it in a folder. */
const seenFrom = (folder: string | undefined, path: string): string => {
  const start = folder === undefined ? undefined : `${folder.replace(/\/$/, "")}/`
  return start !== undefined && path.startsWith(start) ? path.slice(start.length) : path
}

const PLAIN_WORD = /^[\w@%+=:,./-]+$/

/** A word as a POSIX shell takes it. */
export const shellWord = (word: string): string => (PLAIN_WORD.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)

const isFoundAnyway = ([first = "", second, ...more]: ReadonlyArray<string>): boolean =>
  COMPOSE_FILE.test(first) && (second === undefined || OVERRIDE_FILE.test(second)) && more.length === 0

const options = (option: string, values: ReadonlyArray<string>): ReadonlyArray<string> =>
  values.flatMap((value) => [option, value])

/** Where Compose looks for what files name: the folder of the first of them, unless it was told another. */
const folderOptions = (folder: string | undefined, [first]: ReadonlyArray<string>): ReadonlyArray<string> =>
  folder === undefined || first === undefined || !first.includes("/") ? [] : ["--project-directory", folder]

export interface ComposeCall {
  /** `docker compose` with everything that says which project is meant; the words of a shell's command line. */
  readonly words: ReadonlyArray<string>
  /** The folder to type it in; absent when Compose did not leave it. */
  readonly folder?: string
}

/**
 * How Docker Compose is called so that it reads the project as whoever made a container of it did, by the labels that it left on that:
 * folder, files and files of variables. Left out is what Compose finds by itself in the folder. Nothing when the project came through standard
 * input.
 */
export const composeCall = (project: string, labels: Readonly<Record<string, string>>): ComposeCall | undefined => {
  const folder = labels[FOLDER_LABEL] || undefined
  const paths = pathsOf(labels[FILES_LABEL])
  if (paths.includes(STANDARD_INPUT)) return undefined
  const files = paths.map((path) => seenFrom(folder, path))
  const named = isFoundAnyway(files) ? [] : files
  const variables = pathsOf(labels[ENV_FILES_LABEL]).map((path) => seenFrom(folder, path))
  return {
    words: [
      "docker",
      "compose",
      "-p",
      project,
      ...folderOptions(folder, named),
      ...options("-f", named),
      ...options("--env-file", variables)
    ],
    ...(folder === undefined ? {} : { folder })
  }
}
