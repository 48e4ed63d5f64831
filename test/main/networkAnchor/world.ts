import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"
import * as TestClock from "effect/testing/TestClock"
import { families, type AddressPair, type Family } from "../../../src/domain/Address.ts"
import type { DnatEntry, Flow, FlowSelector, Protocol } from "../../../src/domain/Dnat.ts"
import { nftFamily, parseTable, tableName, type NftCommand } from "../../../src/domain/NftJson.ts"
import { parseSettings, type NetworkAnchorSettings } from "../../../src/domain/Settings.ts"
import * as Readiness from "../../../src/layers/observability/Readiness.ts"
import { makeStatusBoard } from "../../../src/layers/observability/StatusBoard.ts"
import { SimConntrack } from "../../../src/layers/sim/kernel/SimConntrack.ts"
import type { SimContainerSpec } from "../../../src/layers/sim/docker/SimDocker.ts"
import { make, type SimEndpoint } from "../../../src/layers/sim/docker/SimDockerEngine.ts"
import * as SimContainerLifecycle from "../../../src/layers/sim/docker/SimContainerLifecycle.ts"
import { SimDhcp } from "../../../src/layers/sim/lan/SimDhcp.ts"
import * as SimNetlink from "../../../src/layers/sim/kernel/SimNetlink.ts"
import { SimNetns } from "../../../src/layers/sim/kernel/SimNetns.ts"
import { SimNftables } from "../../../src/layers/sim/kernel/SimNftables.ts"
import { SimRuleset } from "../../../src/layers/sim/kernel/SimRuleset.ts"
import { makeDhcpLeases } from "../../../src/main/networkAnchor/DhcpLeases.ts"
import { conditions, networkAnchor } from "../../../src/main/networkAnchor/NetworkAnchor.ts"
import { Conntrack } from "../../../src/services/Conntrack.ts"
import { DockerEngine } from "../../../src/services/DockerEngine.ts"
import { Netlink } from "../../../src/services/Netlink.ts"

export const PROJECT = "shop"
export const EXTERNAL = "dmz"
export const TRANSIT = "shop_transit"
export const OWN: Required<AddressPair> = { v4: "10.99.0.7", v6: "fd99::7" }
export const GATEWAY: Required<AddressPair> = { v4: "10.99.0.1", v6: "fd99::1" }
/** What Docker makes the default of a container that is on the transit network alone. */
export const BRIDGE: Required<AddressPair> = { v4: "172.20.0.1", v6: "fd20::1" }

const endpoints: ReadonlyArray<SimEndpoint> = [
  "GET /_ping",
  "GET /containers/json",
  "GET /containers/json?id",
  "GET /containers/{id}/json",
  "GET /networks/{id}",
  "GET /events"
]

const ABOUT = { mode: "network-anchor", version: "1", commit: "c", started: "1970-01-01T00:00:00.000Z" }

const makeNetns = (): SimNetns => {
  const netns = new SimNetns()
    .addLink("lo", "127.0.0.1/8", "::1/128")
    .addLink("eth0", `${OWN.v4}/24`, `${OWN.v6}/64`)
    .addLink("eth1", "172.20.0.2/16", "fd20::2/64")
  for (const name of ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"]) netns.setSysctl(name, "1")
  for (const family of families) netns.add({ family, gateway: BRIDGE[family] })
  return netns
}

/** An engine with two networks and anchord's own container on both, a namespace with two links, and everything that writes to them. */
export const makeWorld = Effect.gen(function* () {
  const engine = yield* make
  const { docker } = engine
  docker.createNetwork({ name: EXTERNAL, driver: "macvlan", v4: "10.99.0.0/24", v6: "fd99::/64", gateway: GATEWAY })
  docker.createNetwork({ name: TRANSIT, v4: "172.20.0.0/16", v6: "fd20::/64" })
  docker.addImage("anchord", { Entrypoint: ["tini", "--", "anchord"] })
  docker.run({ name: "anchor", image: "anchord", network: TRANSIT, also: [EXTERNAL], addresses: { [EXTERNAL]: OWN } })
  const lines: Array<string> = []
  const readiness = Readiness.make(conditions)
  return {
    engine,
    docker,
    netns: makeNetns(),
    nft: new SimNftables(new SimRuleset()),
    conntrack: new SimConntrack(),
    dhcp: new SimDhcp(),
    readiness,
    board: makeStatusBoard({ about: ABOUT, readiness, recent: () => [] }),
    /** Which Docker network each link belongs to: a link has the MAC address that Docker reports there. */
    plumbing: new Map([
      ["eth0", EXTERNAL],
      ["eth1", TRANSIT]
    ]),
    lines,
    logger: Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${String(message)}`)),
    /** Set: what is asked of this service dies of a bug. */
    defect: { of: undefined as "docker" | "conntrack" | undefined }
  }
})

export type World = Effect.Success<typeof makeWorld>

const netlinkOf = ({ netns, docker, plumbing }: World): Layer.Layer<Netlink> =>
  Layer.effect(Netlink)(
    Effect.map(Netlink, (netlink) => ({
      ...netlink,
      links: Effect.map(netlink.links, (links) =>
        links.map((link) => {
          const network = plumbing.get(link.name)
          const own = docker.inspect("anchor")?.attachments.find(({ networkName }) => networkName === network)
          return own?.mac === undefined ? link : { ...link, mac: own.mac }
        })
      )
    }))
  ).pipe(Layer.provide(SimNetlink.layer(netns)))

const bug = Effect.die(new Error("a bug"))

const conntrackOf = ({ conntrack, defect }: World): Layer.Layer<Conntrack> =>
  Layer.effect(Conntrack)(
    Effect.map(Conntrack, (service) => ({
      ...service,
      flush: (selectors: ReadonlyArray<FlowSelector>) =>
        Effect.suspend(() => (defect.of === "conntrack" ? bug : service.flush(selectors)))
    }))
  ).pipe(Layer.provide(conntrack.layer))

const dockerOf = ({ engine, defect }: World): Layer.Layer<DockerEngine> =>
  Layer.effect(DockerEngine)(
    Effect.map(DockerEngine, (service) => ({
      ...service,
      containersById: (ids: ReadonlyArray<string>) =>
        Effect.suspend(() => (defect.of === "docker" ? bug : service.containersById(ids)))
    }))
  ).pipe(Layer.provide(engine.layer))

export const layersOf = (world: World) =>
  Layer.mergeAll(
    dockerOf(world),
    SimContainerLifecycle.layer(world.docker),
    netlinkOf(world),
    world.nft.layer,
    conntrackOf(world)
  )

export type Environment = Readonly<Record<string, string>>

const settingsOf = (env: Environment): NetworkAnchorSettings => {
  const parsed = parseSettings("network-anchor", { ANCHORD_PROJECT: PROJECT, ANCHORD_EXT_NETWORK: EXTERNAL, ...env })
  if (Result.isFailure(parsed)) throw new Error(JSON.stringify(parsed.failure))
  if (parsed.success.settings.mode !== "network-anchor") throw new Error("another mode")
  return parsed.success.settings
}

/** Lets everything happen that does not wait for time to pass; costs 10 ms. */
export const settle = Effect.replicateEffect(TestClock.adjust("1 millis"), 10, { discard: true })

export interface Running {
  /** Ends it as a signal does. */
  readonly stop: Effect.Effect<void>
  /** What ended it, once it has ended by itself. */
  readonly ending: Effect.Effect<unknown>
  readonly hasEnded: () => boolean
}

const leasesOf = ({ dhcp }: World, settings: NetworkAnchorSettings) =>
  settings.addressMode === "dhcp-refresh"
    ? Effect.map(makeDhcpLeases(settings.dhcp).pipe(Effect.provide(dhcp.layer)), ({ makeLeases }) => makeLeases)
    : Effect.succeed(undefined)

export const start = Effect.fnUntraced(function* (world: World, env: Environment = {}) {
  const settings = settingsOf(env)
  const makeLeases = yield* leasesOf(world, settings)
  const fiber = yield* Effect.scoped(
    networkAnchor(settings, "anchor", world.readiness, { makeLeases, tell: world.board.tell })
  ).pipe(Effect.provide(layersOf(world)), Effect.forkDetach)
  yield* settle
  return {
    stop: Fiber.interrupt(fiber),
    ending: Effect.map(Fiber.await(fiber), (exit) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined)),
    hasEnded: () => fiber.pollUnsafe() !== undefined
  } satisfies Running
})

/** A world of its own, whose time passes only when the body says so. */
export const simulation = <A, E>(body: (world: World) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.gen(function* () {
    const world = yield* makeWorld
    return yield* body(world).pipe(Effect.provide(Logger.layer([world.logger])))
  }).pipe(Effect.provide(TestClock.layer()))

/** Runs a test in a world of its own. */
export const inWorld = <A, E>(body: (world: World) => Effect.Effect<A, E>): Promise<A> =>
  Effect.runPromise(simulation(body))

/** The addresses that Docker has given to anchord's container on the external network. */
export const bootstrapOf = ({ docker }: World): AddressPair =>
  docker.inspect("anchor")?.attachments.find(({ networkName }) => networkName === EXTERNAL) ?? {}

/** The link on the external network, or nothing while it is plugged out. */
export const externalLink = ({ netns, plumbing }: World): string | undefined =>
  netns.links().find(({ name }) => plumbing.get(name) === EXTERNAL)?.name

/** `docker network disconnect`: the link goes, and with it what runs on it. */
export const plugOut = (world: World): void => {
  const link = externalLink(world)
  if (link === undefined) return
  world.docker.disconnect(EXTERNAL, "anchor")
  world.netns.removeLink(link)
  world.plumbing.delete(link)
  world.dhcp.linked = false
  world.dhcp.killAll()
}

/** `docker network connect`: another link, whatever it is called. */
export const plugIn = (world: World, name: string): void => {
  world.docker.connect(EXTERNAL, "anchor", { IPAMConfig: { IPv4Address: OWN.v4, IPv6Address: OWN.v6 } })
  const { v4, v6 } = bootstrapOf(world)
  world.plumbing.set(name, EXTERNAL)
  world.dhcp.linked = true
  world.netns.addLink(name, `${v4}/24`, `${v6}/64`)
}

/** A container of the project on the transit network that asks for ports. */
export const backend = (name: string, expose: string, more: Partial<SimContainerSpec> = {}): SimContainerSpec => ({
  name,
  network: TRANSIT,
  ...more,
  labels: { "com.docker.compose.project": PROJECT, "anchord.expose": expose, ...more.labels }
})

/** The address of a container on the transit network. */
export const addressOf = ({ docker }: World, name: string, family: Family): string => {
  const address = docker.inspect(name)?.attachments.find(({ networkName }) => networkName === TRANSIT)?.[family]
  if (address === undefined) throw new Error(`${name} has no ${family} address`)
  return address
}

const text = (entry: DnatEntry): string =>
  entry._tag === "Port"
    ? `${entry.family} ${entry.protocol} ${entry.port} > ${entry.address} ${entry.backendPort}`
    : `${entry.family} ${entry.protocol} ${entry.from}-${entry.to} > ${entry.address}`

const contentOf = ({ nft }: World) =>
  families.flatMap((family) => {
    const answer = nft.ruleset.list(nftFamily[family], tableName[family])
    return answer === undefined ? [] : [parseTable(answer, family)]
  })

/** What the maps of the kernel hold. */
export const mapped = (world: World): ReadonlyArray<string> =>
  contentOf(world)
    .flatMap(({ entries }) => entries.map(text))
    .toSorted()

/** The chains and declarations in the kernel. */
export const rulesOf = (world: World): ReadonlyArray<string> => contentOf(world).map(({ rules }) => rules)

/** How a single port is {@link mapped} to a container, in both families. */
export const both = (world: World, name: string, protocol: Protocol, port: number, backendPort = port) =>
  families.map((family) => `${family} ${protocol} ${port} > ${addressOf(world, name, family)} ${backendPort}`)

export const sorted = (...texts: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => texts.flat().toSorted()

export const dockerCalls = ({ engine }: World): number =>
  endpoints.reduce((sum, endpoint) => sum + engine.calls(endpoint), 0)

/** Somebody else's nft. */
export const interfere = ({ nft }: World, ...commands: ReadonlyArray<NftCommand>): void => {
  const refusal = nft.ruleset.execute(commands)
  if (refusal !== undefined) throw new Error(refusal)
}

export const linesWith = ({ lines }: World, words: string): ReadonlyArray<string> =>
  lines.filter((line) => line.includes(words))

export const gateways = ({ netns }: World) =>
  Object.fromEntries(families.map((family) => [family, netns.defaultRoutes(family).map(({ gateway }) => gateway)]))

/** A client's flow to anchord's own address, as the kernel tracks it; without a target it was not DNATed. */
export const flowTo = (
  family: Family,
  protocol: Protocol,
  port: number,
  sourcePort: number,
  target?: readonly [address: string, port: number],
  destination = OWN[family]
): Flow => ({
  family,
  protocol,
  source: family === "v4" ? "10.99.0.201" : "fd99::201",
  sourcePort,
  destination,
  destinationPort: port,
  replySource: target?.[0] ?? destination,
  replySourcePort: target?.[1] ?? port
})
