import { expect } from "vitest"
import type { Family } from "../../src/domain/Address.ts"
import { ask } from "./client.ts"
import { run } from "./command.ts"
import { composeProject, externalDmz, networkAnchor, routedApp, transit, type Service } from "./composeProject.ts"
import type { Lab } from "./lab.ts"
import { inNetns, type Host } from "./lan.ts"
import { eventually } from "./steps.ts"

export interface DhcpProjectOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Laid over the network-anchor's service. */
  readonly anchor?: Service
}

interface ShownLink {
  readonly ifname: string
  readonly mtu: number
  readonly addr_info: ReadonlyArray<{ readonly family: string; readonly local: string; readonly scope: string }>
}

interface ShownRoute {
  readonly gateway: string
  readonly protocol: string
  readonly metric?: number
}

const familyOf = (address: string): Family => (address.includes(":") ? "v6" : "v4")

/** Every address that a host of the LAN has. */
export const addressesOfHost = async ({ netns }: Host): Promise<ReadonlyArray<string>> => {
  const links: ReadonlyArray<ShownLink> = JSON.parse(await run(["ip", "-n", netns, "-j", "address"]))
  return links.flatMap(({ addr_info }) => addr_info.map(({ local }) => local))
}

/**
 * A project in `dhcp-refresh`, with a web server on tcp/80 that leaves it through its network-anchor. Docker's addresses are
 * `10.99.0.<number>` and `fd99::<number>`, and the transit network has the same number.
 */
export const dhcpProject = (lab: Lab, name: string, number: number, { env, anchor }: DhcpProjectOptions = {}) => {
  const bootstrap = { v4: `10.99.0.${number}`, v6: `fd99::${number}` }
  const gateway = { v4: `172.31.${number}.200`, v6: `fd00:a2c0:${number}::200` }
  const project = composeProject(lab, name, {
    services: {
      anchord: {
        ...networkAnchor(lab, {
          ...bootstrap,
          transitV4: gateway.v4,
          transitV6: gateway.v6,
          env: { ANCHORD_ADDRESS_MODE: "dhcp-refresh", ...env }
        }),
        cap_add: ["NET_ADMIN", "NET_RAW"],
        ...anchor
      },
      web: routedApp(lab, "web", ["tcp/80"], gateway, { labels: { "anchord.expose": "tcp/80" } })
    },
    networks: { dmz: externalDmz, transit: transit(number) }
  })

  const ip = (...args: ReadonlyArray<string>) => project.exec("anchord", "ip", ...args)

  /** The external interface as it is now: Docker does not promise what it is called. */
  const external = async () => {
    const links: ReadonlyArray<ShownLink> = JSON.parse(await ip("-j", "address"))
    const link = links.find(({ addr_info }) => addr_info.some(({ local }) => local.startsWith("10.99.0.")))
    if (link === undefined) throw new Error("no interface has an address of the LAN")
    const global = (family: string) =>
      link.addr_info.filter((one) => one.family === family && one.scope === "global").map(({ local }) => local)
    return { name: link.ifname, mtu: link.mtu, v4: global("inet"), v6: global("inet6") }
  }

  return {
    project,
    bootstrap,
    ip,
    external,
    /** Waits until the external interface has this address and no other one of its family. */
    onlyAddress: (address: string) =>
      eventually(`the only address is ${address}`, 40_000, async () =>
        expect((await external())[familyOf(address)]).toEqual([address])
      ),
    /** The default routes of a family: who made each, and its gateway. */
    defaults: async (family: Family): Promise<ReadonlyArray<readonly [protocol: string, gateway: string]>> => {
      const shown = await ip("-j", family === "v4" ? "-4" : "-6", "route", "show", "default")
      const routes: ReadonlyArray<ShownRoute> = JSON.parse(shown)
      return routes.map(({ protocol, gateway: via }) => [protocol, via])
    },
    /** Waits until a client on the LAN reaches the web server on an address, and is seen as itself. */
    answersOn: (address: string, from: Host = lab.alice) =>
      eventually(`an answer on ${address}`, 40_000, async () => {
        const { name: who, client } = await ask(from, "tcp", address, 80)
        expect(who).toBe("web")
        expect(await addressesOfHost(from)).toContain(client)
      }),
    /** The address that a service's connection to a listener outside has there. */
    seenFrom: async (service: string, host: string, port: number): Promise<string> => {
      const said = await project.exec(service, "node", "/app/client.mjs", "tcp", host, `${port}`)
      return JSON.parse(said).client
    },
    /** The last line of the network-anchor's log that says this, or an error. */
    lastSaid: async (text: string) => {
      const line = (await project.logs("anchord")).findLast(({ msg }) => msg.includes(text))
      if (line === undefined) throw new Error(`nothing said of "${text}"`)
      return line
    },
    warnings: async () =>
      (await project.logs("anchord")).filter(({ level }) => level === "WARN" || level === "ERROR").map(({ msg }) => msg)
  }
}

export const SILENCE =
  "no DHCP server answers; the project stays on the address it has, and asking goes on; see whether a server on this LAN has an address left, and whether parent of the external network is the right interface"

/** The machine that {@link rememberAnother} is about. */
export const ANOTHER = "02:00:00:00:00:77"

/** Makes a host remember another machine under an address, as one does that has talked to its last owner a while ago. */
export const rememberAnother = ({ netns }: Host, address: string) =>
  run(inNetns(netns, "ip", "neigh", "replace", address, "lladdr", ANOTHER, "dev", "eth0", "nud", "stale"))

/** Makes a host forget what router advertisements have told it, and its neighbours. */
export const forgetLan = async ({ netns }: Host, prefix?: string) => {
  if (prefix !== undefined) await run(inNetns(netns, "ip", "-6", "address", "flush", "dev", "eth0", "to", prefix))
  await run(inNetns(netns, "ip", "-6", "route", "flush", "proto", "ra"))
  await run(inNetns(netns, "ip", "neigh", "flush", "dev", "eth0"))
}
