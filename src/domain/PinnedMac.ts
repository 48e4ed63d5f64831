import { generatedFrom } from "./ContainerNetworks.ts"
import { fail, notLookedAt, ok, warn, type Finding } from "./Findings.ts"
import type { Inspection } from "./Inspection.ts"
import type { NetworkAnchorSettings } from "./Settings.ts"
import { sentence } from "./Sentence.ts"

const PIN = "in the compose file: mac_address on the service, and priority: 1000 on its external network"

/** That of Docker 28.0, which was the first to make MAC addresses up at random. */
const RANDOM_SINCE = [1, 48] as const

/** Whether an engine that offers this API version makes a MAC address of the IPv4 address; one that hides its version may not. */
const generatesFromAddress = (apiVersion: string | undefined): boolean => {
  const [, major = "", minor = ""] = /^(\d+)\.(\d+)$/.exec(apiVersion ?? "") ?? []
  return Number(major) === RANDOM_SINCE[0] && Number(minor) < RANDOM_SINCE[1]
}

export interface MacFacts {
  /** anchord's own container; absent when Docker does not tell of it. */
  readonly inspection: Inspection | undefined
  /** The name of the external network, once that is found. */
  readonly network: string | undefined
  readonly apiVersion: string | undefined
}

const consequence: Readonly<Record<NetworkAnchorSettings["addressMode"], string>> = {
  bootstrap: "",
  "dhcp-refresh": "a re-created container is another machine to DHCPv6, and to reservations by MAC address",
  "slaac-ra-only": "a re-created container gets another IPv6 address"
}

/**
 * Whether the MAC address of the external network stays when the container is made anew; asked where an address follows from it. Docker tells a pinned one
 * for the network of the container's mode (`Config.MacAddress`). Before Docker 28 what is not pinned is made of the IPv4 address;
 * since then at random, and looks like a pinned one.
 */
export const macFindings = (
  { addressMode }: Pick<NetworkAnchorSettings, "addressMode">,
  { inspection, network, apiVersion }: MacFacts
): ReadonlyArray<Finding> => {
  if (addressMode === "bootstrap") return []
  if (inspection === undefined) return [notLookedAt("mac-address", "Docker does not tell of this container")]
  const endpoint = network === undefined ? undefined : inspection.NetworkSettings.Networks?.[network]
  const mac = endpoint?.MacAddress?.toLowerCase()
  if (!endpoint || !mac) return [notLookedAt("mac-address", "the external network is not attached")]
  const pinned = inspection.Config.MacAddress?.toLowerCase()
  if (pinned === mac) return [ok("mac-address", `${mac} is pinned`)]
  if (!endpoint.IPAddress || mac !== generatedFrom(endpoint.IPAddress)) {
    if (generatesFromAddress(apiVersion)) return [ok("mac-address", `${mac} is pinned`)]
    return [
      warn(
        "mac-address",
        sentence`cannot tell whether ${mac} is pinned: Docker 28 and later make one up at random`,
        PIN
      )
    ]
  }
  if (endpoint.IPAMConfig?.IPv4Address) {
    return [
      warn("mac-address", sentence`${mac} follows from the fixed IPv4 address; with Docker 28 it would be random`, PIN)
    ]
  }
  const verdict = addressMode === "dhcp-refresh" ? fail : warn
  return pinned
    ? [verdict("mac-address", sentence`${pinned} is pinned, but the external network has ${mac}`, PIN)]
    : [verdict("mac-address", sentence`${mac} is not pinned: ${consequence[addressMode]}`, PIN)]
}
