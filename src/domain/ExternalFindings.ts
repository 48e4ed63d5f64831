import type { OwnAttachment } from "./DockerState.ts"
import type { ExternalInterface } from "./ExternalInterface.ts"
import { fail, notLookedAt, ok, warn, type Finding } from "./Findings.ts"
import { kernelFindings, type KernelSettings } from "./KernelSettings.ts"
import type { NetworkAnchorSettings } from "./Settings.ts"
import { sentence } from "./Sentence.ts"

const fixFor = ({ external }: NetworkAnchorSettings): string =>
  external._tag === "Network"
    ? `attach the service to it in the compose file (networks, with external: true and name: ${external.network}), or set ANCHORD_EXT_NETWORK to the one that it is`
    : "set ANCHORD_EXT_NETWORK to the Docker name of the external network"

/** Whether the external network is attached, and by what it is found (SPEC §8.1). */
export const externalFindings = (
  settings: NetworkAnchorSettings,
  external: ExternalInterface | undefined,
  attachments: ReadonlyArray<OwnAttachment>
): ReadonlyArray<Finding> => {
  if (external === undefined) return [notLookedAt("external-network", "Docker does not tell of this container")]
  if (external._tag === "Missing") return [fail("external-network", external.message, fixFor(settings))]
  const { v4, v6 } = external.addresses
  const addresses = [v4, v6].filter((one) => one !== undefined).join(", ") || "no address of Docker's"
  const attachment = attachments.find(({ networkId }) => networkId === external.networkId)
  const name = attachment?.networkName ?? "a network that Docker does not know"
  if (settings.external._tag === "Interface" && attachments.length > 1) {
    return [
      warn(
        "external-network",
        sentence`${external.link} is taken, which is ${name}: with several networks Docker does not promise which interface is which`,
        "set ANCHORD_EXT_NETWORK to the Docker name of the external network"
      )
    ]
  }
  return [ok("external-network", `${name} is attached as ${external.link}: ${addresses}`)]
}

/** Whether the kernel forwards, and hears router advertisements where an address comes from them (SPEC §15). */
export const forwardingFindings = (
  kernel: KernelSettings,
  link: string | undefined,
  addressMode: NetworkAnchorSettings["addressMode"]
): ReadonlyArray<Finding> => {
  const hears = addressMode === "slaac-ra-only"
  const problems = kernelFindings(kernel, link ?? "", hears && link === undefined ? "bootstrap" : addressMode)
  const unseen = hears && link === undefined ? [notLookedAt("forwarding", "accept_ra of the external interface")] : []
  if (problems.length > 0)
    return [
      ...problems.map(({ level, finding, fix }) => (level === "ERROR" ? fail : warn)("forwarding", finding, fix)),
      ...unseen
    ]
  const both =
    kernel.ipv6Forwarding === undefined ? "IPv4 is forwarded; the kernel has no IPv6" : "IPv4 and IPv6 are forwarded"
  return [
    ok("forwarding", hears && link !== undefined ? `${both}, and router advertisements are heard` : both),
    ...unseen
  ]
}
