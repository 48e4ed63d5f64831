import * as Effect from "effect/Effect"
import { Netlink } from "../../services/Netlink.ts"

const RETRANSMISSION_MILLIS = 100

/**
 * Lets the kernel ask for a backend's link-layer address ten times a second instead of once. A port is mapped before its container runs
 * (SPEC §4), so a client that keeps sending is forwarded to an address that nobody has yet; the kernel would ask for it again only a second
 * later.
 */
export const findNeighboursSoon = Effect.fnUntraced(
  function* (externalLink: string) {
    const netlink = yield* Netlink
    const inward = (yield* netlink.links).filter(
      ({ name, mac }) => name !== externalLink && name !== "lo" && mac !== ""
    )
    yield* Effect.forEach(inward, ({ name }) => netlink.setNeighbourRetransmission(name, RETRANSMISSION_MILLIS), {
      discard: true
    })
  },
  Effect.catch((error) =>
    Effect.logDebug("cannot quicken the neighbour tables").pipe(Effect.annotateLogs({ error: error.message }))
  )
)
