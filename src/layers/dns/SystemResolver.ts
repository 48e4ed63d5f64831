import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Resolver, type ResolverOptions } from "node:dns"
import { parseAddress, type Family } from "../../domain/Address.ts"
import { NameResolver, ResolveError } from "../../services/NameResolver.ts"

/**
 * Short, because Docker passes on a name that it does not know: a look-up that waits for a server far away would miss the name's return,
 * and all service-anchors are to follow within a second (SPEC §10). A failed one is simply made again.
 */
const defaults = { timeout: 400, tries: 1 }

export interface ResolverSettings {
  /** Instead of the servers in /etc/resolv.conf: `address` or `address:port`. */
  readonly servers?: ReadonlyArray<string>
  /** `timeout` is in milliseconds, for each try. */
  readonly options?: ResolverOptions
}

/** c-ares' codes for "asked and answered: there is no such record". */
const noRecord = new Set(["ENOTFOUND", "ENODATA"])

/**
 * The first address of a family, whatever order the server gave them in: a name with several addresses, which Docker's server shuffles,
 * does not change its meaning from one look-up to the next.
 */
const firstOf = (addresses: ReadonlyArray<string>, family: Family): string | undefined =>
  addresses
    .map(parseAddress)
    .flatMap((parsed) => (parsed?.family === family ? [parsed.address] : []))
    .toSorted()[0]

/** Look-ups through the servers of /etc/resolv.conf, without /etc/hosts, search domains or a cache. */
export const layer = ({ servers, options = defaults }: ResolverSettings = {}): Layer.Layer<NameResolver> =>
  Layer.succeed(NameResolver)({
    resolve: (hostname: string, family: Family) =>
      Effect.callback<string, ResolveError>((resume) => {
        const resolver = new Resolver(options)
        if (servers !== undefined) resolver.setServers(servers)
        const fail = (reason: ResolveError["reason"], message: string) =>
          resume(Effect.fail(new ResolveError({ hostname, family, reason, message })))
        const answer = (error: NodeJS.ErrnoException | null, addresses: ReadonlyArray<string> = []) => {
          if (error) return fail(noRecord.has(error.code ?? "") ? "no-record" : "unavailable", error.message)
          const found = firstOf(addresses, family)
          return found === undefined
            ? fail("no-record", `${hostname} has no ${family} address`)
            : resume(Effect.succeed(found))
        }
        if (family === "v4") resolver.resolve4(hostname, answer)
        else resolver.resolve6(hostname, answer)
        return Effect.sync(() => resolver.cancel())
      })
  })
