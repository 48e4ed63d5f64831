import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest"
import type { DockerEvent } from "../../src/domain/DockerState.ts"
import { watchedWithSignals } from "../../src/domain/EventScope.ts"
import { DockerEngine } from "../../src/services/DockerEngine.ts"

export interface NewNetwork {
  readonly name: string
  /** Subnets. */
  readonly v4: string
  readonly v6: string
  readonly gateway?: { readonly v4: string; readonly v6: string }
}

export interface NewContainer {
  readonly name: string
  readonly labels?: Readonly<Record<string, string>>
  /** A network's name, or `container:<name>`. */
  readonly network: string
}

/** What a test does to Docker, by names. Containers do nothing but run until they are stopped. */
export interface DockerWorld {
  /** A bridge; answers with its ID. */
  readonly createNetwork: (network: NewNetwork) => Promise<string>
  readonly removeNetwork: (name: string) => Promise<void>
  /** Answers with the ID; the container is not started. */
  readonly create: (container: NewContainer) => Promise<string>
  readonly start: (name: string) => Promise<void>
  readonly stop: (name: string) => Promise<void>
  readonly remove: (name: string) => Promise<void>
  readonly rename: (name: string, to: string) => Promise<void>
  readonly pause: (name: string) => Promise<void>
  readonly unpause: (name: string) => Promise<void>
  readonly connect: (network: string, name: string) => Promise<void>
  readonly disconnect: (network: string, name: string) => Promise<void>
  /** Runs a command in the container that ends at once. */
  readonly exec: (name: string) => Promise<void>
}

export interface DockerSetup {
  readonly layer: Layer.Layer<DockerEngine>
  readonly world: DockerWorld
}

const NET = "contract_transit"
const subnets = { name: NET, v4: "172.30.77.0/24", v6: "fd00:77::/64" }
const gateway = { v4: "172.30.77.9", v6: "fd00:77::9" }
const names = ["contract-a", "contract-b", "contract-c"] as const
const [A, B, C] = names
const patience = { timeout: 20_000, interval: 20 }

/** The contract of {@link DockerEngine}: what holds for a real engine, and must hold for everything that stands in for one. */
export const dockerEngineContract = (title: string, setUp: () => Promise<DockerSetup>): void => {
  describe(`${title}: the contract of DockerEngine`, () => {
    let layer: Layer.Layer<DockerEngine>
    let world: DockerWorld
    beforeAll(async () => {
      ;({ layer, world } = await setUp())
    })

    const made = { containers: new Set<string>(), networks: new Set<string>() }
    afterEach(async () => {
      for (const name of made.containers) await world.remove(name)
      for (const name of made.networks) await world.removeNetwork(name)
      made.containers.clear()
      made.networks.clear()
    })

    const network = async (more: Partial<NewNetwork> = {}) => {
      const id = await world.createNetwork({ ...subnets, ...more })
      made.networks.add(NET)
      return id
    }
    const create = async (name: string, more: Partial<NewContainer> = {}) => {
      const id = await world.create({ name, network: NET, ...more })
      made.containers.add(name)
      return id
    }
    const run = async (name: string, more: Partial<NewContainer> = {}) => {
      const id = await create(name, more)
      await world.start(name)
      return id
    }
    const remove = async (name: string) => {
      await world.remove(name)
      made.containers.delete(name)
    }

    const ask = <R, E>(use: (engine: DockerEngine["Service"]) => Effect.Effect<R, E>): Promise<R> =>
      Effect.runPromise(Effect.provide(Effect.flatMap(DockerEngine, use), layer))
    const failure = <R, E>(use: (engine: DockerEngine["Service"]) => Effect.Effect<R, E>): Promise<E> =>
      ask((engine) => Effect.flip(use(engine)))
    const snapshot = async (id: string) => (await ask((engine) => engine.containersById([id])))[0]
    const member = async (id: string) => (await ask((engine) => engine.network(NET))).members.get(id)

    /** Follows the events from now on while `act` runs, until those that were seen satisfy `enough`. */
    const during = (
      act: (seen: ReadonlyArray<DockerEvent>) => Promise<void>,
      enough: (seen: ReadonlyArray<DockerEvent>) => void,
      actions?: ReadonlyArray<string>
    ): Promise<ReadonlyArray<DockerEvent>> =>
      ask((engine) =>
        Effect.gen(function* () {
          const seen: Array<DockerEvent> = []
          const since = yield* Clock.currentTimeNanos
          yield* Effect.forkChild(
            Stream.runForEach(engine.events(since, actions), (event) => Effect.sync(() => void seen.push(event)))
          )
          yield* Effect.promise(() => act(seen))
          yield* Effect.promise(() => vi.waitFor(() => enough(seen), patience))
          return seen
        })
      )

    const told = (seen: ReadonlyArray<DockerEvent>, about: string) =>
      seen
        .filter(({ containerId }) => containerId === about)
        .map(({ type, action }) => (type === "container" ? action : `${type} ${action}`))

    describe("containers", () => {
      it("answers a ping", async () => {
        await ask((engine) => engine.ping)
      })

      it("are listed in every state, with labels, mode and the networks they are configured for", async () => {
        await network()
        const before = Math.floor((await Effect.runPromise(Clock.currentTimeMillis)) / 1000)
        const id = await create(A, { labels: { "anchord.expose": "tcp/25, udp/53", empty: "" } })
        const created = (await ask((engine) => engine.containers)).find((container) => container.id === id)
        expect(id).toMatch(/^[0-9a-f]{64}$/)
        expect(created).toMatchObject({
          name: A,
          status: "created",
          labels: { "anchord.expose": "tcp/25, udp/53", empty: "" },
          networkMode: NET,
          networks: [NET]
        })
        expect(created?.createdAt).toBeGreaterThanOrEqual(before - 2)
        expect(created?.createdAt).toBeLessThanOrEqual(before + 60)

        for (const [step, status] of [
          [world.start, "running"],
          [world.pause, "paused"],
          [world.unpause, "running"],
          [world.stop, "exited"]
        ] as const) {
          await step(A)
          // The engine answers a stop a moment before its listing tells of it.
          await vi.waitFor(async () => expect((await snapshot(id))?.status).toBe(status), patience)
        }
      })

      it("are told by ID: only those that were asked for, and what is gone is left out", async () => {
        await network()
        const [a, , c] = [await create(A), await create(B), await create(C)]
        const gone = "0123456789abcdef".repeat(4)
        const many = Array.from({ length: 200 }, (_, index) => index.toString(16).padStart(64, "f"))
        const found = await ask((engine) => engine.containersById([a, gone, ...many, c, a]))
        expect(found.map(({ id }) => id).toSorted()).toEqual([a, c].toSorted())
        expect(await ask((engine) => engine.containersById([]))).toEqual([])
        expect(await ask((engine) => engine.containersById([gone]))).toEqual([])
        await remove(C)
        expect((await ask((engine) => engine.containersById([a, c]))).map(({ id }) => id)).toEqual([a])
      })

      it("keep their ID under another name", async () => {
        await network()
        const id = await create(A)
        await world.rename(A, B)
        made.containers.delete(A)
        made.containers.add(B)
        expect(await snapshot(id)).toMatchObject({ id, name: B })
      })

      it("in another's network are members of none", async () => {
        await network()
        const owner = await run(A)
        const id = await run(B, { network: `container:${A}` })
        const dependent = await snapshot(id)
        expect(dependent?.networkMode).toBe(`container:${owner}`)
        expect(dependent?.networks).toEqual([])
        expect(await member(id)).toBeUndefined()
        expect((await ask((engine) => engine.inspectSelf(id))).attachments).toEqual([])
      })
    })

    describe("networks", () => {
      it("are found by name and by ID, with the gateways they were made with", async () => {
        const id = await network({ gateway })
        const byName = await ask((engine) => engine.network(NET))
        expect(byName).toEqual({
          id,
          name: NET,
          gateway,
          members: new Map()
        })
        expect(await ask((engine) => engine.network(id))).toEqual(byName)
      })

      it("tell how they are set up: driver, subnets, and the addresses that are taken", async () => {
        await network({ gateway })
        const id = await run(A)
        const { taken, ...configured } = await ask((engine) => engine.networkConfiguration(NET))
        expect(configured).toEqual({
          name: NET,
          driver: "bridge",
          internal: false,
          subnets: [
            { address: "172.30.77.0", prefixLength: 24 },
            { address: "fd00:77::", prefixLength: 64 }
          ]
        })
        const { v4, v6 } = (await member(id)) ?? {}
        expect(taken.toSorted()).toEqual([gateway.v4, gateway.v6, v4, v6].toSorted())
      })

      it("have a container for a member from its start to its stop, with its addresses", async () => {
        await network()
        const id = await create(A)
        expect(await member(id)).toBeUndefined()
        await world.start(A)
        const running = await member(id)
        expect(running).toMatchObject({ containerId: id, v4: "172.30.77.2", v6: "fd00:77::2" })
        expect(running?.mac).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)
        await world.stop(A)
        expect(await member(id)).toBeUndefined()
      })

      it("give an address that has become free to the next", async () => {
        await network()
        await run(A)
        await run(B)
        await remove(A)
        expect(await member(await run(C))).toMatchObject({ v4: "172.30.77.2", v6: "fd00:77::2" })
      })

      it("that do not exist are not found, by name and by ID", async () => {
        for (const ref of ["contract-nowhere", "0123456789abcdef".repeat(4)]) {
          for (const asked of [
            failure((engine) => engine.network(ref)),
            failure((engine) => engine.networkConfiguration(ref))
          ])
            expect(await asked).toMatchObject({ reason: "not-found", status: 404 })
        }
      })
    })

    describe("anchord's own container", () => {
      it("is found by name, full and short ID, with every network that it is attached to", async () => {
        const networkId = await network()
        const id = await run(A)
        const { v4, v6, mac } = (await member(id))!
        for (const ref of [id, id.slice(0, 12), A]) {
          const own = await ask((engine) => engine.inspectSelf(ref))
          expect(own).toMatchObject({ id, name: A })
          expect(own.imageId).toMatch(/^sha256:[0-9a-f]{64}$/)
          expect(own.attachments).toEqual([{ networkId, networkName: NET, v4, v6, mac }])
        }
        await world.connect("bridge", A)
        const both = await ask((engine) => engine.inspectSelf(id))
        expect(both.attachments.map(({ networkName }) => networkName).toSorted()).toEqual(["bridge", NET])
        await world.disconnect(NET, A)
        const left = await ask((engine) => engine.inspectSelf(id))
        expect(left.attachments.map(({ networkName }) => networkName)).toEqual(["bridge"])
      })

      it("is not found when there is none", async () => {
        expect(await failure((engine) => engine.inspectSelf("contract-nobody"))).toMatchObject({ reason: "not-found" })
      })
    })

    describe("events", () => {
      it("tell a container's life in order: on the network before it starts, off it before it is destroyed", async () => {
        const networkId = await network()
        let id = ""
        const seen = await during(
          async () => {
            id = await run(A, { labels: { "anchord.expose": "tcp/25" } })
            await world.stop(A)
            await remove(A)
          },
          (events) => expect(told(events, id)).toContain("destroy")
        )
        const life = told(seen, id)
        expect(life.slice(0, 3)).toEqual(["create", "network connect", "start"])
        expect(life.slice(3, -1).toSorted()).toEqual(["die", "network disconnect", "stop"])
        expect(life.at(-1)).toBe("destroy")
        const connect = seen.find((event) => event.containerId === id && event.action === "connect")
        expect(connect).toMatchObject({ type: "network", networkId, attributes: { name: NET, type: "bridge" } })
        expect(seen.find((event) => event.containerId === id)?.attributes).toMatchObject({
          name: A,
          "anchord.expose": "tcp/25"
        })
        const times = seen.map((event) => event.timeNano)
        expect(times).toEqual(times.toSorted((a, b) => (a < b ? -1 : 1)))
      })

      it("come when the network already knows the addresses of who joined it", async () => {
        await network()
        const id = await create(A)
        await during(
          async (seen) => {
            const started = world.start(A)
            await vi.waitFor(() => expect(told(seen, id)).toContain("network connect"), patience)
            expect(await member(id)).toMatchObject({ v4: "172.30.77.2", v6: "fd00:77::2" })
            await started
          },
          (seen) => expect(told(seen, id)).toContain("start")
        )
      })

      it("tell of joining and leaving at run time (maybe twice), of pausing, and of a new name", async () => {
        await network()
        const id = await run(A, { network: "bridge" })
        const seen = await during(
          async () => {
            await world.connect(NET, A)
            await world.disconnect(NET, A)
            await world.pause(A)
            await world.unpause(A)
            await world.rename(A, B)
            made.containers.delete(A)
            made.containers.add(B)
          },
          (events) => expect(told(events, id)).toContain("rename")
        )
        const announced = told(seen, id).filter((action, index, all) => action !== all[index - 1])
        expect(announced.slice(-5)).toEqual(["network connect", "network disconnect", "pause", "unpause", "rename"])
        expect(seen.at(-1)?.attributes).toMatchObject({ name: B, oldName: `/${A}` })
      })

      it("do not tell what causes no work: what is run in a container, and signals", async () => {
        await network()
        const id = await run(A)
        const seen = await during(
          async () => {
            await world.exec(A)
            await world.stop(A)
          },
          (events) => expect(told(events, id)).toEqual(expect.arrayContaining(["stop", "die"]))
        )
        const wanted = ["create", "network connect", "start", "network disconnect", "stop", "die"]
        expect(told(seen, id).filter((action) => !wanted.includes(action))).toEqual([])
      })

      it("tell signals where they are asked for, before what comes of them", async () => {
        await network()
        const id = await run(A)
        const seen = await during(
          () => world.stop(A),
          (events) => expect(told(events, id)).toContain("die"),
          [...watchedWithSignals]
        )
        expect(told(seen, id).slice(0, 2)).toEqual(["kill", "network disconnect"])
        expect(seen.find(({ action }) => action === "kill")?.attributes).toMatchObject({ name: A, signal: "15" })
      })

      it("tell of networks that are made and removed", async () => {
        let id = ""
        const about = (seen: ReadonlyArray<DockerEvent>) =>
          seen.filter((event) => event.networkId === id).map((event) => event.action)
        await during(
          async () => {
            id = await network()
            await world.removeNetwork(NET)
            made.networks.clear()
          },
          (seen) => expect(about(seen)).toEqual(["create", "destroy"])
        )
      })

      it("are told again from a moment on, that moment included, and none from after the last", async () => {
        await network()
        let id = ""
        const first = await during(
          async () => {
            id = await run(A)
          },
          (seen) => expect(told(seen, id)).toContain("start")
        )
        const of = (events: ReadonlyArray<DockerEvent>) => events.filter(({ containerId }) => containerId === id)
        const again = (since: bigint, count: number) =>
          ask((engine) =>
            engine.events(since).pipe(
              Stream.filter((event) => event.containerId === id),
              Stream.take(count),
              Stream.runCollect
            )
          )
        const [created, joined, started] = of(first)
        expect(await again(created!.timeNano, 3)).toEqual([created, joined, started])
        expect(await again(joined!.timeNano, 2)).toEqual([joined, started])

        const later: Array<DockerEvent> = []
        await ask((engine) =>
          Effect.gen(function* () {
            yield* Effect.forkChild(
              Stream.runForEach(engine.events(started!.timeNano + 1n), (event) =>
                Effect.sync(() => void later.push(event))
              )
            )
            yield* Effect.promise(() => world.pause(A))
            yield* Effect.promise(() => vi.waitFor(() => expect(of(later)).not.toEqual([]), patience))
          })
        )
        expect(told(later, id)).toEqual(["pause"])
        await world.unpause(A)
      })

      it("of before are told in order, of what is gone as well, without waiting for more", async () => {
        await network()
        const id = await run(A)
        await remove(A)
        const past = await ask((engine) => engine.pastEvents)
        const life = told(past, id)
        expect([...life.slice(0, 3), life.at(-1)]).toEqual(["create", "network connect", "start", "destroy"])
        expect(past.find(({ containerId }) => containerId === id)?.attributes["name"]).toBe(A)
        const times = past.map(({ timeNano }) => timeNano)
        expect(times).toEqual(times.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0)))
      })
    })
  })
}
