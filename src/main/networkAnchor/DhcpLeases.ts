import * as Effect from "effect/Effect"
import { families, type Family } from "../../domain/Address.ts"
import type { Prefixed } from "../../domain/AddressPlan.ts"
import type { DhcpSettings } from "../../domain/Settings.ts"
import * as Metrics from "../../layers/observability/DhcpMetrics.ts"
import { DhcpClient } from "../../services/DhcpClient.ts"
import { Netlink } from "../../services/Netlink.ts"
import type { FoundExternal } from "./ExternalLink.ts"
import { makeLeaseHolder } from "./LeaseHolder.ts"
import { keepLease } from "./LeaseKeeper.ts"
import type { MakeLeases } from "./Leases.ts"

const ETHERNET_MTU = 1_500

/** What Docker gave the external interface, as the kernel shows it; nothing when the kernel cannot be asked. */
const bootstrapOf = Effect.fnUntraced(
  function* (external: FoundExternal) {
    const netlink = yield* Netlink
    const addresses = yield* netlink.addresses
    const mtu = (yield* netlink.links).find(({ name }) => name === external.link)?.mtu ?? ETHERNET_MTU
    const of = (family: Family): Prefixed | undefined =>
      addresses.find(({ link, address }) => link === external.link && address === external.addresses[family])
    return { mtu, of }
  },
  Effect.catch(() => Effect.succeed({ mtu: ETHERNET_MTU, of: (_family: Family): Prefixed | undefined => undefined }))
)

/** Leases of both families, each kept by its own client; neither waits for the other (SPEC §8.2, §9). */
export const makeDhcpLeases = Effect.fnUntraced(function* ({ hostname, backoffMax }: DhcpSettings) {
  const client = yield* DhcpClient
  yield* Metrics.initialise
  const make: MakeLeases = Effect.fnUntraced(function* ({ external, onChange }) {
    const bootstrap = yield* bootstrapOf(external.current())
    const link = () => external.current().link
    const holders = families.map((family) => ({
      family,
      holder: makeLeaseHolder({ family, link, bootstrap: bootstrap.of(family), bootstrapMtu: bootstrap.mtu, onChange })
    }))
    const keep = Effect.all(
      holders.map(({ family, holder }) => keepLease({ family, hostname, backoffMax, link }, holder)),
      { concurrency: "unbounded", discard: true }
    ).pipe(Effect.andThen(Effect.never), Effect.provideService(DhcpClient, client))
    const router = () => holders.find(({ family }) => family === "v4")?.holder.held()?.lease.router
    return { router, keep }
  })
  return { makeLeases: make, beforeScrape: Metrics.beforeScrape }
})
