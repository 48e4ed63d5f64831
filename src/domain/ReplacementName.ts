import { AWAY } from "./Recreation.ts"

const ASIDE = new RegExp(`^(.+)${AWAY}[0-9a-f]{12}(?:-[0-9a-f]{12})?$`)
const INTERIM = /^[0-9a-f]{12}_(.+)$/

/** The name that anchord took from a container to put a new one into its place; nothing for a name that anchord did not give. */
export const asideOf = (name: string): string | undefined => ASIDE.exec(name)?.[1]

/**
 * The name that a container is to get: Compose makes the new one as `<12 characters of the old ID>_<name>`, and renames it when the old one is
 * gone. Nothing for a name of another form.
 */
export const interimOf = (name: string): string | undefined => INTERIM.exec(name)?.[1]

/** What a container is called when nobody is replacing it. */
export const lastingName = (name: string): string => asideOf(name) ?? interimOf(name) ?? name
