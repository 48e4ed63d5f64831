import type { NetworkAnchorSettings } from "./Settings.ts"
import { sentence, type Sentence } from "./Sentence.ts"

/** The kernel parameters that decide whether a network-anchor can work, as read; `undefined` where this kernel does not have one. */
export interface KernelSettings {
  readonly ipForward: string | undefined
  readonly ipv6Forwarding: string | undefined
  /** `accept_ra` of the external interface itself. */
  readonly acceptRa: string | undefined
}

export interface KernelFinding {
  readonly level: "ERROR" | "WARN"
  readonly finding: Sentence
  readonly fix: string
}

const inCompose = (name: string, value: string): string =>
  `set it in the compose file: sysctls: { ${name}: "${value}" }`

/**
 * What is wrong with the kernel parameters, and where to set them (SPEC §15): they cannot be changed from inside a container. Without
 * forwarding nothing is routed; with it, router advertisements are heard only where the interface's own `accept_ra` is 2.
 */
export const kernelFindings = (
  { ipForward, ipv6Forwarding, acceptRa }: KernelSettings,
  link: string,
  addressMode: NetworkAnchorSettings["addressMode"]
): ReadonlyArray<KernelFinding> => {
  const findings: Array<KernelFinding> = []
  if (ipForward !== "1") {
    findings.push({
      level: "ERROR",
      finding: sentence`net.ipv4.ip_forward is off, so no IPv4 packet reaches a backend`,
      fix: inCompose("net.ipv4.ip_forward", "1")
    })
  }
  if (ipv6Forwarding !== undefined && ipv6Forwarding !== "1") {
    findings.push({
      level: "WARN",
      finding: sentence`net.ipv6.conf.all.forwarding is off, so no IPv6 packet reaches a backend`,
      fix: inCompose("net.ipv6.conf.all.forwarding", "1")
    })
  }
  if (addressMode === "slaac-ra-only" && acceptRa !== "2") {
    const name = `net.ipv6.conf.${link}.accept_ra`
    findings.push({
      level: "WARN",
      finding: sentence`${name} is ${acceptRa ?? "not there"}, so router advertisements are ignored while forwarding is on`,
      fix: inCompose(name, "2")
    })
  }
  return findings
}
