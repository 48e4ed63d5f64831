import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect, it } from "vitest"
import { families } from "../../../src/domain/Address.ts"
import { unpainted } from "../../../src/domain/Columns.ts"
import { DoctorReport, type Check } from "../../../src/domain/Findings.ts"
import type { Endpoint } from "../../../src/domain/NeededEndpoints.ts"
import type { Status } from "../../../src/domain/Status.ts"
import * as SimDockerPermissions from "../../../src/layers/sim/docker/SimDockerPermissions.ts"
import { SimResolver } from "../../../src/layers/sim/lan/SimResolver.ts"
import { SimLocalSystem } from "../../../src/layers/sim/kernel/SimLocalSystem.ts"
import { doctorCommand, type DoctorOptions } from "../../../src/main/doctor/DoctorCommand.ts"
import { EXTERNAL, GATEWAY, layersOf, makeWorld, PROJECT, TRANSIT, type Environment } from "../networkAnchor/world.ts"

const running = (mode: Status["mode"], more: Partial<Status> = {}): Status => ({
  mode,
  version: "3.0.0",
  commit: "abc",
  started: "2026-11-24T09:00:00.000Z",
  ready: true,
  missing: [],
  recent: [],
  ...more
})

const networkAnchor = running("network-anchor", {
  networkAnchor: {
    docker: { connected: true, since: "2026-11-24T09:00:00.000Z" },
    external: { interface: "eth0", network: EXTERNAL },
    leases: [],
    gateways: families.map((family) => ({ family, address: GATEWAY[family], why: "Docker knows it" })),
    containers: [],
    entries: 0
  }
})

/** A project with a backend in which all is well. */
const makeHealthy = Effect.gen(function* () {
  const world = yield* makeWorld
  const system = new SimLocalSystem(world.netns)
  const forbidden = new Set<Endpoint>()
  const resolver = new SimResolver()
  const labels = { "com.docker.compose.project": PROJECT, "anchord.expose": "tcp/80" }
  world.docker.run({ name: "web", network: TRANSIT, labels })
  const web = world.docker.network(TRANSIT)?.members.get(world.docker.find("web")?.id ?? "")
  for (const family of families) {
    world.netns.answering.add(GATEWAY[family])
    system.hosts.set(web?.[family] ?? "", "answers")
  }
  const env: Environment = { ANCHORD_PROJECT: PROJECT, ANCHORD_EXT_NETWORK: EXTERNAL }
  const layers = Layer.mergeAll(layersOf(world), SimDockerPermissions.layer(forbidden), system.layer, resolver.layer)
  const command = (options: Partial<DoctorOptions>, more: Environment, status: Status | undefined) =>
    doctorCommand(
      { mode: undefined, json: false, ...options },
      { env: { ...env, ...more }, ownRef: "anchor", running: status, paint: unpainted }
    ).pipe(Effect.provide(layers))
  const decode = Schema.decodeUnknownSync(Schema.fromJsonString(DoctorReport))
  /** What is found, by check: `verdict finding → fix`. */
  const look = (more: Environment = {}, status: Status | "none" = networkAnchor) =>
    Effect.map(command({ json: true }, more, status === "none" ? undefined : status), ({ text, status: exit }) => ({
      exit,
      of: (check: Check) =>
        decode(text)
          .findings.filter((one) => one.check === check)
          .map(({ verdict, finding, fix }) => `${verdict} ${finding}${fix === undefined ? "" : ` → ${fix}`}`),
      verdicts: new Set(decode(text).findings.map(({ verdict }) => verdict))
    }))
  return { ...world, system, forbidden, resolver, command, look, web }
})

/** What a network-anchor needs means nothing to the other modes. */
const noMore: Environment = { ANCHORD_PROJECT: "", ANCHORD_EXT_NETWORK: "" }

type Healthy = Effect.Success<typeof makeHealthy>

const inProject = (body: (project: Healthy) => Effect.Effect<void, unknown>): Promise<void> =>
  Effect.runPromise(Effect.provide(Effect.flatMap(makeHealthy, body), TestClock.layer()) as Effect.Effect<void>)

describe("the doctor of a network-anchor", () => {
  it("finds all well in a healthy project, tells it for people, and leaves nothing behind", () =>
    inProject(({ command, netns, system }) =>
      Effect.gen(function* () {
        const before = netns.addresses()
        const { text, status } = yield* command({}, {}, networkAnchor)
        const lines = text.split("\n")
        expect(status).toBe(0)
        expect(lines[0]).toBe("network-anchor development (none)")
        expect(lines.filter((line) => /^(warn|fail)/.test(line))).toEqual([])
        expect(lines.find((line) => line.includes("ports"))).toMatch(/^ok +ports +web can be reached from outside$/)
        expect(lines.filter((line) => line.includes("foreign-sources"))).toHaveLength(2)
        expect(netns.addresses()).toEqual(before)
        expect(system.sources.filter((source) => source !== undefined)).toHaveLength(2)
      })
    ))

  const broken: ReadonlyArray<readonly [what: string, check: Check, said: RegExp, (project: Healthy) => void]> = [
    [
      "NET_ADMIN is missing",
      "capabilities",
      /^fail NET_ADMIN is missing/,
      ({ system }) => {
        system.capabilities = []
      }
    ],
    [
      "IPv4 is not forwarded",
      "forwarding",
      /^fail net\.ipv4\.ip_forward is off/,
      ({ netns }) => netns.setSysctl("net.ipv4.ip_forward", "0")
    ],
    [
      "nft is old",
      "tools",
      /^fail nft 1\.0\.6 is too old/,
      ({ system }) => void system.tools.set("nft", { _tag: "Runs", text: "nftables v1.0.6" })
    ],
    [
      "a program is missing",
      "tools",
      /^ok ip 6\.15\.0, conntrack 1\.4\.8\nfail nft cannot be run, so no port can be mapped: spawn nft ENOENT/,
      ({ system }) => void system.tools.set("nft", { _tag: "Fails", message: "spawn nft ENOENT" })
    ],
    [
      "the kernel is old",
      "nftables",
      /^fail the kernel is 4\.9/,
      ({ system }) => {
        system.kernelRelease = "4.9.0"
      }
    ],
    [
      "a call is forbidden",
      "endpoints",
      /^fail GET \/networks\/\{id\} is forbidden/,
      ({ forbidden }) => void forbidden.add("GET /networks/{id}")
    ],
    [
      "the external network is not attached",
      "external-network",
      /^fail ANCHORD_EXT_NETWORK names dmz/,
      ({ docker }) => docker.disconnect(EXTERNAL, "anchor")
    ],
    [
      "a gateway is silent",
      "gateway",
      /^fail IPv4 10\.99\.0\.1 does not answer/,
      ({ netns }) => void netns.answering.delete(GATEWAY.v4)
    ],
    [
      "there is only the external network",
      "shared-network",
      /^fail only the external network/,
      ({ docker }) => docker.disconnect(TRANSIT, "anchor")
    ],
    [
      "a label is wrong",
      "ports",
      /^fail bad: label anchord\.expose/,
      ({ docker }) =>
        void docker.run({
          name: "bad",
          network: TRANSIT,
          labels: { "com.docker.compose.project": PROJECT, "anchord.expose": "tcp/0" }
        })
    ],
    [
      "foreign sources do not come back",
      "foreign-sources",
      /^fail IPv4: this container's own address is answered by web/,
      ({ system, web }) => void system.hosts.set(web?.v4 ?? "", "answers-neighbours")
    ]
  ]

  for (const [what, check, said, breakIt] of broken) {
    it(`fails when ${what}, and finds the thing`, () =>
      inProject((project) =>
        Effect.gen(function* () {
          breakIt(project)
          const { exit, of } = yield* project.look()
          expect(of(check).join("\n")).toMatch(new RegExp(said, "m"))
          expect(exit).toBe(1)
          expect(project.netns.addresses().filter(({ address }) => /^(192\.0\.2|2001:db8)/.test(address))).toEqual([])
        })
      ))
  }

  it("says of each check that it could not look while Docker is away, and still looks at the rest", () =>
    inProject(({ engine, look }) =>
      Effect.gen(function* () {
        engine.down()
        const { exit, of } = yield* look()
        expect(exit).toBe(1)
        expect(of("docker")).toEqual([expect.stringMatching(/^fail the API does not answer: .* → DOCKER_HOST says/)])
        for (const check of [
          "endpoints",
          "external-network",
          "gateway",
          "shared-network",
          "ports",
          "foreign-sources"
        ] as const)
          expect(of(check)).toEqual([expect.stringMatching(/^warn not looked at: .*(?:Docker|ECONNREFUSED)/)])
        expect(of("capabilities")).toEqual(["ok NET_ADMIN, and no other"])
        expect(of("forwarding")).toEqual(["ok IPv4 and IPv6 are forwarded"])
      })
    ))

  it("sends nothing where no network-anchor runs, and says so; warnings alone are worth the status 0", () =>
    inProject(({ look, system }) =>
      Effect.gen(function* () {
        const { exit, of } = yield* look({}, "none")
        expect(exit).toBe(0)
        expect(of("anchor")).toEqual([expect.stringMatching(/^warn no network-anchor runs in this container/)])
        expect(of("foreign-sources")).toEqual([expect.stringMatching(/^warn not looked at: .* → .*docker exec/)])
        expect(system.sources).toEqual([])
      })
    ))

  it("asks the gateways that it would choose where no network-anchor runs", () =>
    inProject(({ look, netns }) =>
      Effect.gen(function* () {
        netns.answering.delete(GATEWAY.v6)
        const { of } = yield* look({}, "none")
        expect(of("gateway")).toEqual([
          "ok IPv4 10.99.0.1 answers on eth0 (Docker knows it as the gateway of the external network)",
          expect.stringMatching(/^fail IPv6 fd99::1 does not answer on eth0/)
        ])
      })
    ))

  it("leaves a gateway alone whose MAC address somebody has told the kernel for ever", () =>
    inProject(({ look, netns }) =>
      Effect.gen(function* () {
        netns.answering.delete(GATEWAY.v4)
        netns.setNeighbour("eth0", GATEWAY.v4, "permanent")
        const { exit, of } = yield* look()
        expect(exit).toBe(0)
        expect(of("gateway")[0]).toMatch(/^ok IPv4 10\.99\.0\.1 answers on eth0/)
        expect(netns.neighbours("v4").find(({ address }) => address === GATEWAY.v4)?.state).toBe("permanent")
      })
    ))

  it("takes the shared network that a running network-anchor has settled on, whatever it would choose itself", () =>
    inProject(({ docker, look }) =>
      Effect.gen(function* () {
        docker.createNetwork({ name: "shop_other", v4: "172.21.0.0/16" })
        docker.connect("shop_other", "anchor")
        const shared = (network: string, settled: boolean) =>
          running("network-anchor", {
            networkAnchor: { ...networkAnchor.networkAnchor!, shared: { network, settled, why: "it was first" } }
          })
        const told = (status: Status) => Effect.map(look({}, status), ({ of }) => of("shared-network"))
        expect(yield* told(shared("shop_other", true))).toEqual(["ok shop_other: it was first"])
        const chosen = ["ok shop_transit: it has the most backends attached (1)"]
        expect(yield* told(shared("shop_other", false))).toEqual(chosen)
        expect(yield* told(shared("shop_gone", true))).toEqual(chosen)
      })
    ))

  it("gives the borrowed address back when it is interrupted", () =>
    inProject(({ command, netns, system }) =>
      Effect.gen(function* () {
        const borrowed = () => netns.addresses().some(({ address }) => address.startsWith("192.0.2."))
        const asked = yield* Deferred.make<void>()
        system.delay = Effect.andThen(
          Effect.sync(() => void (borrowed() && Deferred.doneUnsafe(asked, Effect.void))),
          Effect.never
        )
        const fiber = yield* Effect.forkChild(command({}, {}, networkAnchor))
        yield* Deferred.await(asked)
        expect(borrowed()).toBe(true)
        yield* Fiber.interrupt(fiber)
        expect(borrowed()).toBe(false)
      })
    ))

  it("looks at the MAC address where the address follows from it", () =>
    inProject(({ look }) =>
      Effect.gen(function* () {
        expect((yield* look()).of("mac-address")).toEqual([])
        const { of } = yield* look({ ANCHORD_ADDRESS_MODE: "dhcp-refresh" })
        expect(of("mac-address")).toHaveLength(1)
        expect(of("capabilities")).toEqual([expect.stringMatching(/^fail NET_RAW is missing/)])
      })
    ))

  it("tells wrong settings apart from findings", () =>
    inProject(({ command }) =>
      Effect.gen(function* () {
        const answer = yield* Effect.result(command({}, { ANCHORD_POLL_INTERVAL: "soon" }, networkAnchor))
        expect(Result.getOrThrow(Result.flip(answer))).toMatchObject({
          violations: [{ variable: "ANCHORD_POLL_INTERVAL", value: "soon" }]
        })
      })
    ))
})

describe("the doctor of other modes", () => {
  it("looks at a service-anchor's name, gateway and default route, and at nothing of Docker", () =>
    inProject(({ look, resolver, netns, engine }) =>
      Effect.gen(function* () {
        resolver.set("anchord", { v4: "172.20.0.1" })
        netns.answering.add("172.20.0.1")
        const { exit, of, verdicts } = yield* look(
          { ANCHORD_MODE: "service-anchor", ...noMore },
          running("service-anchor")
        )
        expect({ exit, verdicts: [...verdicts] }).toEqual({ exit: 0, verdicts: ["ok"] })
        expect(of("gateway-name")).toEqual(["ok anchord is 172.20.0.1"])
        expect(of("gateway")).toEqual(["ok IPv4 172.20.0.1 answers on eth1 (the name anchord)"])
        expect(of("default-route")).toEqual(["ok leads to the network-anchor for IPv4"])
        expect(of("docker")).toEqual([])
        expect(engine.calls("GET /_ping")).toBe(0)
      })
    ))

  it("fails for a service-anchor whose name is not known, whose gateway is silent, or whose route leads elsewhere", () =>
    inProject(({ look, resolver }) =>
      Effect.gen(function* () {
        const serviceAnchor = running("service-anchor")
        expect((yield* look(noMore, serviceAnchor)).of("gateway-name")).toEqual([
          expect.stringMatching(/^fail anchord does not resolve/)
        ])
        resolver.set("anchord", { v4: "172.20.0.9" })
        const { exit, of } = yield* look(noMore, serviceAnchor)
        expect(exit).toBe(1)
        expect(of("gateway")).toEqual([expect.stringMatching(/^fail IPv4 172\.20\.0\.9 does not answer on eth1/)])
        expect(of("default-route")).toEqual([expect.stringMatching(/^fail IPv4: no default route leads to 172/)])
      })
    ))

  it("looks at a rebinder's calls", () =>
    inProject(({ look, forbidden, system }) =>
      Effect.gen(function* () {
        system.capabilities = []
        forbidden.add("POST /containers/{id}/rename")
        const { of } = yield* look({ ANCHORD_MODE: "wrap-rebinder", ...noMore }, "none")
        expect(of("endpoints")).toEqual([expect.stringMatching(/^fail POST \/containers\/\{id\}\/rename is forbidden/)])
        expect(of("capabilities")).toEqual(["ok none is needed"])
        expect(of("forwarding")).toEqual([])
      })
    ))

  it("is that of the anchor that runs, unless another one is asked for", () =>
    inProject(({ command }) =>
      Effect.gen(function* () {
        const first = (text: string) => text.split(" ")[0]
        const named = { ANCHORD_MODE: "wrap-rebinder" }
        expect(first((yield* command({}, named, undefined)).text)).toBe("wrap-rebinder")
        expect(first((yield* command({}, named, networkAnchor)).text)).toBe("network-anchor")
        expect(first((yield* command({ mode: "service-anchor" }, named, networkAnchor)).text)).toBe("service-anchor")
        expect(first((yield* command({}, { ANCHORD_MODE: "doctor" }, undefined)).text)).toBe("network-anchor")
      })
    ))
})
