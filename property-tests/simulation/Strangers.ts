import { families } from "../../src/domain/Address.ts"
import { tableName } from "../../src/domain/NftJson.ts"
import type { SimNamespace } from "../../src/layers/sim/lan/SimHost.ts"
import type { SimKernel } from "../../src/layers/sim/kernel/SimKernel.ts"
import type { SimTable } from "../../src/layers/sim/kernel/SimRuleset.ts"
import { DMZ, NETWORK_ANCHOR } from "./cast.ts"
import type { Process } from "./processes.ts"
import type { Simulation } from "./Simulation.ts"
import { Violation } from "./Violation.ts"

const TABLE = { family: "ip", name: "somebody_elses" }

const ownTables: ReadonlyArray<string> = Object.values(tableName)

/** Each part of a namespace in one word. */
type Stack = Readonly<Record<"links" | "addresses" | "routes on a link" | "routes" | "default routes", string>>

/** What a namespace looked like when it was last looked at. */
interface Seen {
  readonly netns: number
  readonly ruleset: number
  /** What has changed of it in a way that only Docker can: who lives there, and what it is plugged into. */
  readonly setting: string
  readonly stack: Stack
  readonly tables: ReadonlyArray<SimTable>
}

type Mode = Process["mode"]

/**
 * What anchord has nothing to do with, in any namespace: links, addresses, routes and tables that are not its own to set (SPEC §6, §10). Its own
 * are, beside its two tables, the default routes of both kinds of anchor, and everything on the external interface.
 */
export class Strangers {
  readonly #sim: Simulation
  readonly #seen = new WeakMap<SimKernel, Seen>()
  readonly #modes = new WeakMap<SimKernel, Set<Mode>>()
  #kernel: SimKernel | undefined

  constructor(sim: Simulation) {
    this.#sim = sim
  }

  /** Somebody puts a table of his own into the namespace that the network-anchor lives in. */
  settle(): void {
    const kernel = this.#sim.namespace(NETWORK_ANCHOR)?.kernel
    if (kernel === undefined || kernel === this.#kernel) return
    const map = { family: TABLE.family, table: TABLE.name, name: "ports" }
    kernel.ruleset.execute([
      { add: { table: TABLE } },
      { add: { map: { ...map, type: "inet_service", map: "ipv4_addr" } } },
      { add: { element: { ...map, elem: [[80, "192.0.2.1"]] } } }
    ])
    this.#kernel = kernel
    this.forget(kernel)
  }

  /** A program begins in a container. */
  began(id: string, mode: Mode): void {
    const kernel = this.#sim.host.namespaceOf(id)?.kernel
    if (kernel === undefined) return
    this.#modes.set(kernel, (this.#modes.get(kernel) ?? new Set()).add(mode))
  }

  /** Somebody who is not anchord changes a namespace. */
  forget(kernel: SimKernel): void {
    this.#seen.delete(kernel)
  }

  check(): void {
    const { host, lan } = this.#sim
    for (const kernel of [host.kernel, lan.router, ...lan.clients]) this.#look(kernel, undefined)
    for (const namespace of host.namespaces()) this.#look(namespace.kernel, namespace)
  }

  #look(kernel: SimKernel, namespace: SimNamespace | undefined): void {
    const before = this.#seen.get(kernel)
    const [netns, ruleset] = [kernel.netns.generation, kernel.ruleset.generation]
    if (before !== undefined && before.netns === netns && before.ruleset === ruleset) return
    const modes = this.#modesIn(kernel)
    const setting = this.#settingOf(kernel, namespace, modes)
    const stack = this.#stackOf(kernel, namespace, modes)
    const tables = [...kernel.ruleset.content()].filter(
      ({ declaration }) => !(modes.includes("network-anchor") && ownTables.includes(String(declaration["name"])))
    )
    this.#seen.set(kernel, { netns, ruleset, setting, stack, tables })
    if (before === undefined || before.setting !== setting) return
    const whose = `of ${this.#sim.nameOf(kernel)}, with which anchord has nothing to do`
    for (const part of Object.keys(stack) as ReadonlyArray<keyof Stack>) {
      if (before.stack[part] === stack[part]) continue
      throw new Violation(`the ${part} ${whose}, were ${before.stack[part]}, and are ${stack[part]}`)
    }
    // Tables never change in place: one that is another one was changed.
    const isSame = tables.length === before.tables.length && tables.every((table, at) => table === before.tables[at])
    if (!isSame) throw new Violation(`the tables ${whose}, have changed`)
  }

  /** Which programs live in a namespace, or did: what they have set there may be left. */
  #modesIn(kernel: SimKernel): ReadonlyArray<Mode> {
    return [...(this.#modes.get(kernel) ?? [])]
  }

  #settingOf({ netns }: SimKernel, namespace: SimNamespace | undefined, modes: ReadonlyArray<Mode>): string {
    // The host has an end of every bridge, and a rule for those that it masquerades.
    if (namespace === undefined) return `${this.#sim.host.plugs}`
    const plugged = [...namespace.links].map(([link, { id }]) => `${netns.link(link)?.index} ${id}`)
    return [...modes, ...plugged].join(" ")
  }

  #stackOf({ netns }: SimKernel, namespace: SimNamespace | undefined, modes: ReadonlyArray<Mode>): Stack {
    const own = modes.includes("network-anchor")
      ? [...(namespace?.links ?? [])].find(([, { name }]) => name === DMZ)?.[0]
      : undefined
    const isTheirs = ({ link }: { readonly link: string }) => link !== own
    const setsDefaults = modes.some((mode) => mode === "network-anchor" || mode === "service-anchor")
    const routes = netns.otherRoutes()
    const links = netns
      .links()
      .map((link) => [link.name, link.index, link.up, link.mac, link.name === own ? 0 : link.mtu])
    return {
      links: JSON.stringify(links),
      addresses: JSON.stringify(netns.addresses().filter(isTheirs)),
      "routes on a link": JSON.stringify(routes.onLink.filter(isTheirs)),
      routes: JSON.stringify(routes.static.filter(isTheirs)),
      "default routes": setsDefaults ? "" : JSON.stringify(families.flatMap((family) => netns.defaultRoutes(family)))
    }
  }
}
