import { fail, notLookedAt, ok, warn, type Finding } from "./Findings.ts"
import type { Settings } from "./Settings.ts"
import { sentence } from "./Sentence.ts"

/** Capabilities by their numbers: capabilities(7), and linux/capability.h. */
const names = `
  CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
  NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
  SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
  MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
`
  .trim()
  .split(/\s+/)

/** The effective capabilities of a process by its `/proc/<pid>/status` (proc(5)); nothing when they are not told there. */
export const capabilitiesIn = (status: string): ReadonlyArray<string> | undefined => {
  const hex = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1]
  if (hex === undefined) return undefined
  const bits = BigInt(`0x${hex}`)
  return names.filter((_, number) => ((bits >> BigInt(number)) & 1n) === 1n)
}

/** What a mode cannot do without (SPEC §15). */
const neededBy = (settings: Settings): ReadonlyArray<string> => {
  switch (settings.mode) {
    case "network-anchor":
      return settings.addressMode === "dhcp-refresh" ? ["NET_ADMIN", "NET_RAW"] : ["NET_ADMIN"]
    case "service-anchor":
      return ["NET_ADMIN"]
    case "external-rebinder":
    case "wrap-rebinder":
      return []
  }
}

const purposes: Readonly<Record<string, string>> = {
  NET_ADMIN: "nothing of the network can be changed",
  NET_RAW: "no address can be had by DHCP: the project stays on Docker's addresses"
}

/** Whether the process may do what its mode needs, and whether it may do more than that (SPEC §15). */
export const capabilityFindings = (
  settings: Settings,
  effective: ReadonlyArray<string> | undefined
): ReadonlyArray<Finding> => {
  if (effective === undefined) return [notLookedAt("capabilities", "/proc/self/status does not tell them")]
  const needed = neededBy(settings)
  const missing = needed.filter((name) => !effective.includes(name))
  const needless = effective.filter((name) => !needed.includes(name))
  const compose = `cap_drop: [ALL], cap_add: [${needed.join(", ")}]`
  if (missing.length > 0)
    return missing.map((name) =>
      fail(
        "capabilities",
        sentence`${name} is missing, so ${purposes[name] ?? "something does not work"}`,
        `in the compose file: ${compose}`
      )
    )
  const held = needed.length === 0 ? "none is needed" : needed.join(", ")
  if (needless.length === 0) return [ok("capabilities", needed.length === 0 ? held : `${held}, and no other`)]
  return [
    warn(
      "capabilities",
      sentence`${held}; not needed: ${needless.join(", ")}`,
      needed.length === 0 ? "in the compose file: cap_drop: [ALL]" : `in the compose file: ${compose}`
    )
  ]
}
