import * as Effect from "effect/Effect"
import { Netlink } from "../../services/Netlink.ts"

const RETRANSMISSION_MILLIS = 100

/**
 * Lets the kernel ask for a backend's link-layer address ten times a second instead of once. A port is mapped before its container runs
 * (SPEC §4), so a client that keeps sending is forwarded to an address that nobody has yet; the kernel would ask for it again only a second
 * later.
 */
const askNeighboursOften = Effect.fnUntraced(function* (externalLink: string) {
  const netlink = yield* Netlink
  const inward = (yield* netlink.links).filter(({ name, mac }) => name !== externalLink && name !== "lo" && mac !== "")
  yield* Effect.forEach(inward, ({ name }) => netlink.setNeighbourRetransmission(name, RETRANSMISSION_MILLIS), {
    discard: true
  })
})

/**
 * Ends the duplicate address detection of link-local addresses. While it lasts, for one to two seconds, the kernel cannot ask for the
 * neighbours of forwarded IPv6 packets; and Docker has made these addresses of MAC addresses that it keeps unique.
 */
const useLinkLocalAddresses = Effect.fnUntraced(function* () {
  const netlink = yield* Netlink
  const tentative = (yield* netlink.addresses).filter(
    ({ family, scope, tentative: isTentative }) => family === "v6" && scope === "link" && isTentative
  )
  yield* Effect.forEach(tentative, netlink.endAddressDetection, { discard: true })
})

/** Makes the links of this namespace forward from the first moment on. What cannot be done costs a second or two, and nothing else. */
export const prepareLinks = Effect.fnUntraced(
  function* (externalLink: string) {
    yield* askNeighboursOften(externalLink)
    yield* useLinkLocalAddresses()
  },
  Effect.catch((error) =>
    Effect.logDebug("cannot prepare the links for forwarding").pipe(Effect.annotateLogs({ error: error.message }))
  )
)
