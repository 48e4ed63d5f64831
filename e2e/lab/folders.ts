import { fileURLToPath } from "node:url"

/** The repository. */
export const project = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "")

/** Everything that the lab leaves on disk, none of it committed. */
export const labFolder = `${project}/.lab`
export const cache = `${labFolder}/cache`
export const dist = `${project}/dist`
