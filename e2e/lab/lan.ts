import { readdirSync, readFileSync } from "node:fs"
import { attempt, run } from "./command.ts"
import { isAlive } from "./processes.ts"

/** The LAN of the lab, its router, and the documentation address behind the router that stands for the internet. */
export const LAN = { v4: "10.99.0.1", v6: "fd99::1", subnet4: "10.99.0.0/24", subnet6: "fd99::/64" }
export const INTERNET = { v4: "203.0.113.1", v6: "2001:db8::1" }

const PREFIX = "anchord-lab"

export const lanNetns = `${PREFIX}-${process.pid}-lan`
export const engineNetns = `${PREFIX}-${process.pid}-engine`

/** Namespaces of a lab whose process was killed before it could tidy up. */
export const removeStaleNetns = async (): Promise<void> => {
  const names = await run(["ip", "netns", "list"]).then(
    (output) => output.split("\n").map((line) => line.split(" ")[0] ?? ""),
    () => []
  )
  for (const name of names) {
    const owner = new RegExp(`^${PREFIX}-(\\d+)-`).exec(name)?.[1]
    if (owner !== undefined && !isAlive(Number(owner))) await attempt(["ip", "netns", "delete", name])
  }
}

let netnsMade = 0

/** A network namespace of its own, without anything but a loopback link that is up. */
export const makeNetns = async () => {
  netnsMade += 1
  const name = `${PREFIX}-${process.pid}-test${netnsMade}`
  await run(["ip", "netns", "add", name])
  await run(["ip", "-n", name, "link", "set", "lo", "up"])
  return { name, dispose: () => attempt(["ip", "netns", "delete", name]) }
}

export const inNetns = (netns: string, ...command: ReadonlyArray<string>): ReadonlyArray<string> => [
  "nsenter",
  `--net=/run/netns/${netns}`,
  ...command
]

/** Plugs a namespace into the LAN's switch by a veth that is called `link` inside of it. */
const plug = async (netns: string, link: string, port: string): Promise<void> => {
  await run([
    "ip",
    "link",
    "add",
    "name",
    link,
    "netns",
    netns,
    "type",
    "veth",
    "peer",
    "name",
    port,
    "netns",
    lanNetns
  ])
  await run(["ip", "-n", lanNetns, "link", "set", "dev", port, "master", "lan", "up"])
  await run(["ip", "-n", netns, "link", "set", "dev", link, "up"])
}

const addAddress = (netns: string, link: string, address: string) => {
  const v6 = address.includes(":")
  const flags = v6 ? ["nodad"] : []
  return run(["ip", "-n", netns, v6 ? "-6" : "-4", "address", "add", address, "dev", link, ...flags])
}

const NETNS_FOLDER = "/run/netns"

const isMounted = (): boolean =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .some((line) => line.split(" ")[4] === NETNS_FOLDER)

/** `ip netns add` mounts the folder of the namespaces on itself, and nothing takes that back. */
let wasMounted = true

/** The switch with the router's addresses, and the engine's namespace plugged into it at `vlan0`. */
export const makeLan = async (): Promise<void> => {
  wasMounted = isMounted()
  for (const netns of [lanNetns, engineNetns]) {
    await run(["ip", "netns", "add", netns])
    await run(["ip", "-n", netns, "link", "set", "lo", "up"])
  }
  await run(["ip", "-n", lanNetns, "link", "add", "name", "lan", "type", "bridge"])
  await run(["ip", "-n", lanNetns, "link", "set", "lan", "up"])
  for (const address of [`${LAN.v4}/24`, `${LAN.v6}/64`, `${INTERNET.v4}/32`, `${INTERNET.v6}/128`]) {
    await addAddress(lanNetns, "lan", address)
  }
  await plug(engineNetns, "vlan0", "engine")
}

export const removeLan = async (): Promise<void> => {
  const mine = readdirSync(NETNS_FOLDER).filter((name) => name.startsWith(`${PREFIX}-${process.pid}-`))
  for (const netns of mine) await attempt(["ip", "netns", "delete", netns])
  if (!wasMounted && readdirSync(NETNS_FOLDER).length === 0) await attempt(["umount", NETNS_FOLDER])
}

export interface Host {
  readonly netns: string
  readonly v4: string
  readonly v6: string
}

/** A host on the LAN with addresses `10.99.0.<number>` and `fd99::<number>`. */
export const addHost = async (number: number): Promise<Host> => {
  const netns = `${PREFIX}-${process.pid}-host${number}`
  const host = { netns, v4: `10.99.0.${number}`, v6: `fd99::${number}` }
  await run(["ip", "netns", "add", netns])
  await run(["ip", "-n", netns, "link", "set", "lo", "up"])
  await plug(netns, "eth0", `host${number}`)
  await addAddress(netns, "eth0", `${host.v4}/24`)
  await addAddress(netns, "eth0", `${host.v6}/64`)
  for (const [flag, router] of [
    ["-4", LAN.v4],
    ["-6", LAN.v6]
  ] as const) {
    await run(["ip", "-n", netns, flag, "route", "add", "default", "via", router])
  }
  return host
}
