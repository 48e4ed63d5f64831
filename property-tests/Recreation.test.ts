import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { createRequest } from "../src/domain/CreateRequest.ts"
import { Inspection, type Json } from "../src/domain/Inspection.ts"
import * as Schema from "effect/Schema"
import { inspections } from "../test/domain/inspections.ts"
import type { Fault } from "../test/main/lifecycle/faults.ts"
import { inSimulation, listing, type Made, type Simulated } from "../test/main/lifecycle/simulated.ts"
import { madeContainers, unheardOf } from "./arbitraries/madeContainers.ts"

const decode = Schema.decodeUnknownSync(Inspection)
const numRuns = 150

const states = fc.constantFrom("running" as const, "running" as const, "created" as const, "exited" as const)

const look = ({ docker }: Simulated, ref = "web"): Inspection => decode(docker.inspection(ref))

interface Mount {
  readonly Type: string
  readonly Source?: string
  readonly Target: string
}

/** What must be the same, whichever container has the name: all but ID, times and state; and volumes by name, asked for by it or not. */
const lasting = (inspection: Inspection): Json => {
  const text = JSON.stringify(inspection)
    .replaceAll(inspection.Id, "<id>")
    .replaceAll(inspection.Id.slice(0, 12), "<id>")
  const { Created: _created, State: _state, HostConfig, Mounts, NetworkSettings, Config, ...rest } = JSON.parse(text)
  const { Binds, Mounts: asked, ...host } = HostConfig
  const byName = (asked ?? []).filter(({ Type, Source }: Mount) => Type !== "volume" || Source === "named")
  const networks = Object.entries(NetworkSettings.Networks as Record<string, Json>).map(([name, endpoint]) => {
    const { NetworkID: _id, IPAddress: _v4, GlobalIPv6Address: _v6, MacAddress: _mac, ...wanted } = endpoint
    return [name, wanted]
  })
  return {
    ...rest,
    // Docker shows the host name of the owner only when it has been started in its namespace.
    Config: host.NetworkMode.startsWith("container:") ? { ...Config, Hostname: "", Domainname: "" } : Config,
    host: { ...host, binds: (Binds ?? []).filter((bind: string) => bind.includes(":")), byName },
    mounts: Mounts.map((mount: Json) => [
      mount["Destination"],
      mount["Type"],
      mount["Name"],
      mount["Source"],
      mount["RW"]
    ]).toSorted(),
    networks: Object.fromEntries(networks)
  }
}

const withOwner = ({ docker }: Simulated) => docker.run({ name: "owner", network: "transit" })

/** A world with a container `web` in it. */
const inWorld = <A>(
  made: Made,
  state: "running" | "created" | "exited",
  body: (world: Simulated, id: string) => Effect.Effect<A, unknown>
) =>
  inSimulation((world) =>
    Effect.suspend(() => {
      withOwner(world)
      return body(world, world.web(made, state))
    })
  )

const volumesOf = ({ docker }: Simulated) => docker.files.names().toSorted()

describe("the request for the same container", () => {
  it("keeps what nobody has heard of yet, wherever it is", () => {
    const cases = fc.tuple(fc.constantFrom(...inspections.values()), unheardOf, unheardOf, unheardOf)
    fc.assert(
      fc.property(cases, ([found, config, host, endpoint]) => {
        const networks = Object.entries(found.NetworkSettings.Networks ?? {})
        const newer = decode({
          ...found,
          Config: { ...found.Config, ...config },
          HostConfig: { ...found.HostConfig, ...host },
          NetworkSettings: {
            Networks: Object.fromEntries(networks.map(([name, one]) => [name, { ...one, ...endpoint }]))
          }
        })
        const request = createRequest(newer)
        expect(request.body).toMatchObject(config)
        expect(request.body["HostConfig"]).toMatchObject(host)
        for (const network of request.networks) expect(network.endpoint).toMatchObject(endpoint)
        expect(request.networks).toHaveLength(networks.length)
      })
    )
  })

  it("differs in nothing but the namespace, and what only its owner may have, when another is joined", () => {
    const owned = ["Hostname", "Domainname", "ExposedPorts", "MacAddress"]
    const network = [
      "NetworkMode",
      "PortBindings",
      "PublishAllPorts",
      "Links",
      "Dns",
      "ExtraHosts",
      "PidMode",
      "IpcMode"
    ]
    const but = (json: unknown, keys: ReadonlyArray<string>) =>
      Object.fromEntries(Object.entries(json as Json).filter(([key]) => !keys.includes(key)))
    for (const found of inspections.values()) {
      const [before, after] = [createRequest(found), createRequest(found, { networkMode: "container:other" })]
      expect(but(after.body, [...owned, "HostConfig"])).toEqual(but(before.body, [...owned, "HostConfig"]))
      expect(but(after.body["HostConfig"], network)).toEqual(but(before.body["HostConfig"], network))
    }
  })
})

describe("re-creating a container", () => {
  it("changes nothing but its ID, times and state, and makes no volume", () =>
    fc.assert(
      fc.asyncProperty(madeContainers, states, (made, state) =>
        inWorld(made, state, (world, id) =>
          Effect.gen(function* () {
            const [before, volumes] = [lasting(look(world)), volumesOf(world)]
            const newId = yield* (yield* world.process()).run(({ recreate }) => recreate(id))
            expect(newId).not.toBe(id)
            expect(lasting(look(world))).toEqual(before)
            expect(volumesOf(world)).toEqual(volumes)
            const status = state === "running" ? "running" : "created"
            expect(listing(world)["web"]).toBe(`${newId!.slice(0, 12)} ${status}`)
            expect(Object.keys(listing(world)).toSorted()).toEqual(["owner", "web"])
          })
        )
      ),
      { numRuns }
    ))

  it("that was re-created changes nothing at all", () =>
    fc.assert(
      fc.asyncProperty(madeContainers, states, (made, state) =>
        inWorld(made, state, (world, id) =>
          Effect.gen(function* () {
            const { run } = yield* world.process()
            const once = yield* run(({ recreate }) => recreate(id))
            const first = createRequest(look(world))
            yield* run(({ recreate }) => recreate(once!))
            expect(createRequest(look(world))).toEqual(first)
          })
        )
      ),
      { numRuns }
    ))
})

const faults = <F extends Fault>(...kinds: ReadonlyArray<F>) =>
  fc
    .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 16 }), fc.constantFrom(...kinds)), {
      selector: ([call]) => call,
      maxLength: 8
    })
    .map((all) => new Map(all))

/** Whatever happened to it: one container that is as it was, has its data and runs if it did. */
const mustBeWhole = (world: Simulated, state: string, before: Json, volumes: ReadonlyArray<string>) => {
  expect(Object.keys(listing(world)).toSorted()).toEqual(["owner", "web"])
  expect(lasting(look(world))).toEqual(before)
  expect(listing(world)["web"]?.endsWith(" running")).toBe(state === "running")
  expect(volumes.filter((name) => !volumesOf(world).includes(name))).toEqual([])
}

describe("whatever fails while a container is re-created", () => {
  it("there is the new one, or the old one as it was; or what is left is made so by who looks after it", () =>
    fc.assert(
      fc.asyncProperty(madeContainers, states, faults("refused", "lost before", "lost after"), (made, state, met) =>
        inWorld(made, state, (world, id) =>
          Effect.gen(function* () {
            const [before, volumes] = [lasting(look(world)), volumesOf(world)]
            const { run } = yield* world.process(met)
            const done = yield* Effect.match(
              run(({ recreate }) => recreate(id)),
              {
                onFailure: (error) => ("undone" in error && error.undone ? "undone" : "left"),
                onSuccess: () => "done"
              }
            )
            if (done === "undone") {
              expect(look(world).Id).toBe(id)
              mustBeWhole(world, state, before, volumes)
            }
            yield* (yield* world.process()).run(({ recover }) => recover(world.docker.containers()))
            mustBeWhole(world, state, before, volumes)
            if (done !== "left") expect(look(world).Id === id).toBe(done === "undone")
          })
        )
      ),
      { numRuns }
    ))

  it("though processes end at any time, one after the other, the last makes it whole", () =>
    fc.assert(
      fc.asyncProperty(
        madeContainers,
        states,
        fc.array(faults("died before", "died after", "refused", "lost after"), { minLength: 1, maxLength: 4 }),
        (made, state, lives) =>
          inWorld(made, state, (world, id) =>
            Effect.gen(function* () {
              const [before, volumes] = [lasting(look(world)), volumesOf(world)]
              const [first = new Map(), ...others] = lives
              yield* Effect.ignore((yield* world.process(first)).run(({ recreate }) => recreate(id)))
              for (const life of [...others, new Map()]) {
                yield* (yield* world.process(life)).run(({ recover }) => recover(world.docker.containers()))
              }
              mustBeWhole(world, state, before, volumes)
            })
          )
      ),
      { numRuns: 300 }
    ))
})
