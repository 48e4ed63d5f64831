const OBJECT = /^(\S+ \/(?:containers|networks|images)\/)([^/]+)/

/** What stands where an ID or a name would stand. */
const verbs: ReadonlySet<string> = new Set(["create", "json"])

/**
 * A call to Docker as a list of permissions has it: `POST /containers/{id}/start`, whatever the container. What names no object stays as it
 * is.
 */
export const endpointPattern = (endpoint: string): string =>
  endpoint.replace(OBJECT, (all, before: string, ref: string) => {
    const isCall = verbs.has(ref) && all.length === endpoint.length && !endpoint.startsWith("DELETE ")
    return isCall ? all : `${before}{id}`
  })
