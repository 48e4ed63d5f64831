import { expect } from "vitest"
import { run } from "./command.ts"
import { inNetns, makeNetns } from "./lan.ts"
import { eventually } from "./steps.ts"

/** The server's addresses on the cable. */
export const SERVER = { v4: "10.1.0.1", v6: "fd01::1" }

/** Two namespaces with a cable between them: a server's end `lan` with {@link SERVER}, and a client's end `eth0` without an address. */
export const makeCable = async () => {
  const [server, client] = [await makeNetns(), await makeNetns()]
  for (const { name } of [server, client]) {
    // A link-local address that is tested for duplicates cannot be used for a second or two.
    await run(inNetns(name, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0"))
  }
  const ip = (netns: string, ...args: ReadonlyArray<string>) => run(["ip", "-n", netns, ...args])
  await ip(server.name, "link", "add", "name", "lan", "type", "veth", "peer", "name", "eth0", "netns", client.name)
  await ip(server.name, "address", "add", `${SERVER.v4}/24`, "dev", "lan")
  await ip(server.name, "-6", "address", "add", `${SERVER.v6}/64`, "dev", "lan", "nodad")
  await ip(server.name, "link", "set", "lan", "up")
  await ip(client.name, "link", "set", "eth0", "up")
  await eventually("a link-local address", 10_000, async () =>
    expect(await ip(client.name, "-6", "address", "show", "dev", "eth0", "scope", "link")).toContain("fe80:")
  )
  const dispose = async () => {
    await client.dispose()
    await server.dispose()
  }
  return { server: server.name, client: client.name, ip, dispose }
}
