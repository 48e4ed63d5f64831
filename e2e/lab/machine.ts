import { existsSync } from "node:fs"
import { attempt, run } from "./command.ts"

/** Why this machine cannot run the lab, or nothing. */
export const cannotRun = (): string | undefined => {
  if (process.platform !== "linux") return `needs Linux; this is ${process.platform}`
  if (!existsSync("/usr/bin/apt-get"))
    return "needs Debian's packages, or those of a relative of it; there is no apt-get"
  if (process.getuid?.() !== 0) return "needs root, for network namespaces and a Docker engine of its own"
  return undefined
}

/** What the lab uses of Debian, by the program that tells whether it is there. */
const packages: Readonly<Record<string, string>> = {
  mmdebstrap: "mmdebstrap",
  ip: "iproute2",
  nsenter: "util-linux",
  radvd: "radvd",
  dnsmasq: "dnsmasq-base",
  "kea-dhcp4": "kea-dhcp4-server",
  "kea-dhcp6": "kea-dhcp6-server",
  haproxy: "haproxy",
  curl: "curl",
  prometheus: "prometheus",
  zsh: "zsh",
  fish: "fish"
}

const folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]

const isThere = (program: string): boolean => folders.some((folder) => existsSync(`${folder}/${program}`))

/** Installs the Debian packages that are missing, and says so. */
export const installPackages = async (say: (text: string) => void): Promise<void> => {
  const missing = Object.entries(packages).flatMap(([program, name]) => (isThere(program) ? [] : [name]))
  if (missing.length === 0) return
  say(`installing Debian packages: ${missing.join(", ")}`)
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" }
  await run(["apt-get", "update", "-qq"], { env })
  // A package's service must not start: the lab runs what it needs itself, in its own namespaces.
  const policy = "/usr/sbin/policy-rc.d"
  const mine = !existsSync(policy)
  if (mine) await run(["sh", "-c", `printf '#!/bin/sh\\nexit 101\\n' > ${policy} && chmod 755 ${policy}`])
  try {
    await run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", ...missing], { env })
  } finally {
    if (mine) await attempt(["rm", "-f", policy])
  }
}
