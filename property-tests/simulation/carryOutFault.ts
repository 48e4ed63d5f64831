import { families, type Family } from "../../src/domain/Address.ts"
import { nftFamily, parseTable, tableName } from "../../src/domain/NftJson.ts"
import type { Action, ContainerAction } from "./actions.ts"
import { advertise } from "./building.ts"
import { NETWORK_ANCHOR } from "./cast.ts"
import { routesOf } from "./excuses.ts"
import { UNTIL_POLL } from "./Faults.ts"
import { serveLeases, serveRivalLeases } from "./leases.ts"
import { replug } from "./replug.ts"
import type { Simulation } from "./Simulation.ts"
import { outsidePorts } from "./truth.ts"

const flushRuleset = (sim: Simulation): void => {
  const kernel = sim.namespace(NETWORK_ANCHOR)?.kernel
  if (kernel === undefined) return
  kernel.ruleset.execute([{ flush: { ruleset: null } }])
  sim.strangers.forget(kernel)
  sim.excuses.for("nat", UNTIL_POLL)
  // The poll first asks Docker.
  sim.excuses.touched("nat")
  sim.faults.tampered()
}

const deleteElement = (sim: Simulation, index: number): void => {
  const ruleset = sim.namespace(NETWORK_ANCHOR)?.kernel.ruleset
  const entries = families.flatMap((family) => {
    const answer = ruleset?.list(nftFamily[family], tableName[family])
    return answer === undefined ? [] : parseTable(answer, family).entries
  })
  const entry = entries[index % Math.max(1, entries.length)]
  if (entry === undefined) return
  const { family, protocol } = entry
  const [name, key] =
    entry._tag === "Port"
      ? [`dnat_${protocol}`, entry.port]
      : [`dnat_range_${protocol}`, { range: [entry.from, entry.to] }]
  const value = entry._tag === "Port" ? { concat: [entry.address, entry.backendPort] } : entry.address
  const element = { family: nftFamily[family], table: tableName[family], name, elem: [[key, value]] }
  ruleset?.execute([{ delete: { element } }])
  sim.faults.tampered()
  const [from, to] = entry._tag === "Port" ? [entry.port, entry.port] : [entry.from, entry.to]
  for (const one of outsidePorts) {
    if (one.protocol === protocol && from <= one.port && one.port <= to) {
      sim.excuses.for(`port:${protocol}/${one.port}`, UNTIL_POLL)
      sim.excuses.touched(`port:${protocol}/${one.port}`)
    }
  }
}

type Spoiling = Extract<Action, { readonly _tag: "SpoilDefaultRoute" }>

/** Somebody deletes a default route, replaces it by one that Docker would have set, or puts another one beside it. */
const spoilDefaultRoute = (sim: Simulation, { name, family, how }: Spoiling): void => {
  const namespace = sim.namespace(name)
  const [present] = namespace?.kernel.netns.defaultRoutes(family) ?? []
  const bridge = [...(namespace?.links ?? [])].find(([, { driver }]) => driver === "bridge")
  const gateway = bridge?.[1].pools[family]?.router
  if (namespace === undefined || bridge === undefined || gateway === undefined) return
  const { netns } = namespace.kernel
  const other = { family, gateway, link: bridge[0] }
  const metric = present?.metric === undefined ? {} : { metric: present.metric }
  if (how === "delete" && present !== undefined) netns.apply({ _tag: "Delete", route: present })
  if (how === "replace") netns.apply({ _tag: "Replace", route: { ...other, ...metric } })
  if (how === "add") netns.apply({ _tag: "Append", route: { ...other, metric: 5 } })
  sim.standing.spoil(namespace.kernel)
  sim.strangers.forget(namespace.kernel)
  sim.excuses.for(routesOf(namespace.kernel), 2_000)
}

const deleteAddress = (sim: Simulation, family: Family): void => {
  const address = sim.external()[family]
  const kernel = sim.namespace(NETWORK_ANCHOR)?.kernel
  const netns = kernel?.netns
  const link = netns?.addresses().find((one) => one.address === address)?.link
  if (kernel === undefined || netns === undefined || address === undefined || link === undefined) return
  sim.excuses.for("external", 2_000)
  sim.excuses.for("addresses", 2_000)
  sim.excuses.for(routesOf(kernel), 2_000)
  netns.removeAddress(link, address)
}

type Fault = Exclude<
  Action,
  {
    readonly _tag:
      | ContainerAction
      | "Open"
      | "Quiet"
      | "NetworkReborn"
      | "ComposeUp"
      | "ComposeDown"
      | "ComposeRecreate"
  }
>

/** Makes something go wrong, and says what that excuses. */
export const carryOutFault = (sim: Simulation, action: Fault): void => {
  const { faults } = sim
  switch (action._tag) {
    case "StreamCut":
      return faults.cutStream()
    case "EngineRestart":
      return faults.restartEngine(action.how)
    case "EngineAway":
      return faults.engineAway(action.millis)
    case "EngineHangs":
      return faults.engineHangs(action.millis)
    case "ApiSlow":
      return faults.slowApi(action.millis)
    case "ApiFails":
      return faults.failApi(action.times)
    case "AnswersLost":
      return faults.loseAnswers(action.times, action.call)
    case "EventsLost":
      return faults.loseEvents(action.count)
    case "EventsDoubled":
      return faults.doubleEvents(action.count)
    case "EventsLate":
      return faults.delayEvents(action.of, action.millis)
    case "NftDies":
      return faults.nftDies(action.when)
    case "NftRefuses":
      return faults.nftRefuses()
    case "ConntrackFails":
      return faults.conntrackFails(action.millis)
    case "MonitorLosesLines":
      return faults.monitorLoses(action.count)
    case "FlushRuleset":
      return flushRuleset(sim)
    case "DeleteElement":
      return deleteElement(sim, action.index)
    case "SpoilDefaultRoute":
      return spoilDefaultRoute(sim, action)
    case "DiesAtCall":
      return sim.process(action.name)?.dieAtCall(action.calls, action.signal)
    case "StartFails":
      return faults.startFails(action.name, action.times)
    case "GoneAfter":
      return faults.goneAfter(action.call, action.name)
    case "DeleteAddress":
      return deleteAddress(sim, action.family)
    case "RouterAdvertises":
      return advertise(sim, action.lives)
    case "DhcpSilent":
      sim.dhcp.isExhausted = false
      return sim.dhcp.offers.clear()
    case "DhcpRefuses":
      sim.dhcp.isExhausted = true
      return
    case "DhcpServes":
      return serveLeases(sim, 0)
    case "DhcpDies":
      return sim.dhcp.killAll()
    case "DhcpForgets":
      return sim.dhcp.forget()
    case "DhcpRival":
      sim.dhcp.rivalIsFirst = action.isFirst
      return serveRivalLeases(sim, action.serves)
    case "Replug":
      return replug(sim, action.gapMillis, action.renamed)
    case "DhcpRotates":
      return serveLeases(sim, action.index)
    case "DnsFails":
      return faults.dnsFails(action.millis)
    case "DnsFlaps":
      return faults.dnsFlaps(action.millis)
  }
}
