import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { createRequest, type CreateRequest } from "../../src/domain/CreateRequest.ts"
import { type Inspection, type Json, nanosOf } from "../../src/domain/Inspection.ts"
import { ContainerLifecycle } from "../../src/services/ContainerLifecycle.ts"
import type { DockerError } from "../../src/services/DockerEngine.ts"

/** What a test needs besides the service: networks, and what is in files. */
export interface LifecycleWorld {
  /** A bridge with an IPv4 and an IPv6 subnet. */
  readonly createNetwork: (name: string, v4: string, v6: string) => Promise<unknown>
  readonly removeNetwork: (name: string) => Promise<unknown>
  /** Writes a file in a container that runs. */
  readonly write: (container: string, path: string, text: string) => Promise<unknown>
  /** What is in a file of a container that runs; nothing when there is none. */
  readonly read: (container: string, path: string) => Promise<string>
  readonly removeVolumes: (names: ReadonlyArray<string>) => Promise<unknown>
  /** Containers of it have `/data` for a volume, expose `tcp/80`, and have an entrypoint and a label `from=image`. */
  readonly image: string
  /** `Entrypoint` and `Cmd` of a process that ends when it is told to. */
  readonly program: { readonly Entrypoint: ReadonlyArray<string>; readonly Cmd: ReadonlyArray<string> }
}

export interface LifecycleSetup {
  readonly layer: Layer.Layer<ContainerLifecycle>
  readonly world: LifecycleWorld
}

const [A, B, C] = ["lifecycle-a", "lifecycle-b", "lifecycle-c"] as const
const [FIRST, SECOND] = ["lifecycle_first", "lifecycle_second"] as const
const GRACE = 5

/** The contract of {@link ContainerLifecycle}: what holds for a real engine, and must hold for what stands in for one. */
export const lifecycleContract = (title: string, setUp: () => Promise<LifecycleSetup>): void => {
  describe(`${title}: the contract of ContainerLifecycle`, () => {
    let layer: Layer.Layer<ContainerLifecycle>
    let world: LifecycleWorld
    beforeAll(async () => {
      ;({ layer, world } = await setUp())
      await world.createNetwork(FIRST, "172.30.78.0/24", "fd00:78::/64")
      await world.createNetwork(SECOND, "172.30.79.0/24", "fd00:79::/64")
      return async () => {
        await world.removeNetwork(FIRST)
        await world.removeNetwork(SECOND)
      }
    })

    type Use<A_, E> = (lifecycle: ContainerLifecycle["Service"]) => Effect.Effect<A_, E>
    const ask = <R, E>(use: Use<R, E>): Promise<R> =>
      Effect.runPromise(Effect.provide(Effect.flatMap(ContainerLifecycle, use), layer))
    const failure = <R>(use: Use<R, DockerError>): Promise<DockerError> =>
      ask((lifecycle) => Effect.flip(use(lifecycle)))
    const inspect = (ref: string) => ask((lifecycle) => lifecycle.inspect(ref))

    const made = new Set<string>()
    const volumesOf = ({ Mounts }: Inspection) => (Mounts ?? []).flatMap(({ Name }) => (Name ? [Name] : []))
    afterEach(async () => {
      const volumes = new Set<string>()
      for (const id of made) {
        const known = await ask((lifecycle) =>
          lifecycle.inspect(id).pipe(
            Effect.tap(() => lifecycle.stop(id, GRACE)),
            Effect.tap(() => Effect.ignore(lifecycle.remove(id))),
            Effect.catch(() => Effect.succeed(undefined))
          )
        )
        for (const volume of known === undefined ? [] : volumesOf(known)) volumes.add(volume)
      }
      made.clear()
      await world.removeVolumes([...volumes])
    })

    type Parts = {
      readonly config?: Json
      readonly host?: Json
      readonly networks?: CreateRequest["networks"]
      readonly leave?: string
    }
    const request = ({ config = {}, host = {}, networks = [], leave }: Parts = {}): CreateRequest => ({
      body: {
        Image: world.image,
        ...world.program,
        ...config,
        HostConfig: { NetworkMode: networks[0]?.name ?? "bridge", ...host }
      },
      networks,
      ...(leave === undefined ? {} : { leave })
    })
    const createAs = async (name: string, wanted: CreateRequest) => {
      const id = await ask((lifecycle) => lifecycle.create(name, wanted))
      made.add(id)
      return id
    }
    const create = (name: string, parts?: Parts) => createAs(name, request(parts))
    const start = (ref: string) => ask((lifecycle) => lifecycle.start(ref))
    const stop = (ref: string) => ask((lifecycle) => lifecycle.stop(ref, GRACE))
    const run = async (name: string, parts?: Parts) => {
      const id = await create(name, parts)
      await start(id)
      return id
    }
    const endpoints = ({ NetworkSettings }: Inspection) => NetworkSettings.Networks ?? {}

    describe("a container", () => {
      it("is created, not started, and known by name, ID and short ID", async () => {
        const id = await create(A, { config: { Labels: { own: "1" } } })
        expect(id).toMatch(/^[0-9a-f]{64}$/)
        for (const ref of [A, id, id.slice(0, 12)]) {
          const found = await inspect(ref)
          expect(found).toMatchObject({ Id: id, Name: `/${A}`, State: { Status: "created" } })
          expect(found.Config).toMatchObject({
            Image: world.image,
            Labels: { own: "1", from: "image" },
            ...world.program
          })
          expect(found.Config.Hostname).toBe(id.slice(0, 12))
          expect(found.State.StartedAt).toMatch(/^0001-01-01T/)
        }
      })

      it("runs when it is started, ends when it is stopped, and runs again, keeping its ID", async () => {
        const id = await create(A)
        expect(await start(id), "this call has started it").toBe(true)
        const running = await inspect(id)
        expect(running.State.Status).toBe("running")
        expect(nanosOf(running.State.StartedAt!)).toBeGreaterThanOrEqual(nanosOf(running.Created))
        expect(await start(id), "it ran already").toBe(false)
        expect((await inspect(id)).State.StartedAt).toBe(running.State.StartedAt)
        await stop(id)
        const ended = await inspect(id)
        expect(ended.State.Status).toBe("exited")
        expect(nanosOf(ended.State.FinishedAt!)).toBeGreaterThan(nanosOf(running.State.StartedAt!))
        await stop(id)
        await ask((lifecycle) => lifecycle.restart(id, GRACE))
        const again = await inspect(id)
        expect(again.State.Status).toBe("running")
        expect(nanosOf(again.State.StartedAt!)).toBeGreaterThan(nanosOf(ended.State.FinishedAt!))
      })

      it("has another name when it is renamed, but not one that is taken, or that it has", async () => {
        const id = await run(A)
        await create(B)
        await ask((lifecycle) => lifecycle.rename(A, C))
        expect(await inspect(C)).toMatchObject({ Id: id, State: { Status: "running" } })
        expect(await failure((lifecycle) => lifecycle.inspect(A))).toMatchObject({ reason: "not-found" })
        expect(await failure((lifecycle) => lifecycle.rename(id, B))).toMatchObject({ reason: "failed", status: 409 })
        expect(await failure((lifecycle) => lifecycle.rename(id, C))).toMatchObject({ reason: "failed", status: 400 })
      })

      it("is removed when it does not run, and not when it does", async () => {
        const id = await run(A)
        expect(await failure((lifecycle) => lifecycle.remove(id))).toMatchObject({ reason: "failed", status: 409 })
        await stop(id)
        await ask((lifecycle) => lifecycle.remove(id))
        expect(await failure((lifecycle) => lifecycle.inspect(id))).toMatchObject({ reason: "not-found", status: 404 })
      })

      it("that was started with AutoRemove is gone once it is stopped", async () => {
        const id = await run(A, { host: { AutoRemove: true } })
        await stop(id)
        await expect
          .poll(() => ask((lifecycle) => Effect.isFailure(lifecycle.inspect(id))), { timeout: 10_000 })
          .toBe(true)
      })

      it("has the restart policy that it is given, also while it runs", async () => {
        const id = await run(A, { host: { RestartPolicy: { Name: "always" } } })
        const policy = async () => (await inspect(id)).HostConfig.RestartPolicy
        expect(await policy()).toEqual({ Name: "always", MaximumRetryCount: 0 })
        await ask((lifecycle) => lifecycle.setRestartPolicy(id, { Name: "no" }))
        expect(await policy()).toEqual({ Name: "no", MaximumRetryCount: 0 })
        await ask((lifecycle) => lifecycle.setRestartPolicy(id, { Name: "on-failure", MaximumRetryCount: 7 }))
        expect(await policy()).toEqual({ Name: "on-failure", MaximumRetryCount: 7 })
      })

      it("that does not exist is not found, whatever is to be done with it", async () => {
        const uses: ReadonlyArray<Use<unknown, DockerError>> = [
          (lifecycle) => lifecycle.inspect(A),
          (lifecycle) => lifecycle.start(A),
          (lifecycle) => lifecycle.stop(A, GRACE),
          (lifecycle) => lifecycle.restart(A, GRACE),
          (lifecycle) => lifecycle.rename(A, B),
          (lifecycle) => lifecycle.remove(A),
          (lifecycle) => lifecycle.setRestartPolicy(A, { Name: "no" }),
          (lifecycle) => lifecycle.connect(FIRST, A)
        ]
        for (const use of uses) expect(await failure(use)).toMatchObject({ reason: "not-found", status: 404 })
      })

      it("is refused under a name that is taken, and of an image that is not there", async () => {
        const id = await create(A)
        const refused = { endpoint: "POST /containers/create", reason: "failed", status: 409 }
        expect(await failure((lifecycle) => lifecycle.create(A, request()))).toMatchObject(refused)
        expect((await inspect(A)).Id).toBe(id)
        const nowhere = request({ config: { Image: "lifecycle-nowhere:latest" } })
        expect(await failure((lifecycle) => lifecycle.create(B, nowhere))).toMatchObject({ reason: "not-found" })
        expect(await failure((lifecycle) => lifecycle.inspect(B))).toMatchObject({ reason: "not-found" })
      })

      it("has its image's program unless it has one of its own; an empty one overrides that, too", async () => {
        const image = await ask((lifecycle) => lifecycle.imageConfig(world.image))
        expect(image).toMatchObject({
          Labels: { from: "image" },
          Volumes: { "/data": {} },
          ExposedPorts: { "80/tcp": {} }
        })
        expect(image.Entrypoint).not.toEqual([])
        const left = await inspect(await create(A, { config: { Entrypoint: null, Cmd: null } }))
        expect(left.Config.Entrypoint).toEqual(image.Entrypoint)
        const { Entrypoint, Cmd } = world.program
        const overridden = await inspect(
          await create(B, { config: { Entrypoint: [""], Cmd: [...Entrypoint, ...Cmd] } })
        )
        expect(overridden.Config.Entrypoint).toBeNull()
        expect(overridden.Config.Cmd).toEqual([...Entrypoint, ...Cmd])
      })
    })

    describe("volumes", () => {
      it("without a name have one of their own, and outlive the container with their data", async () => {
        const id = await run(A, {
          config: { Volumes: { "/own": {} } },
          host: { Mounts: [{ Type: "volume", Target: "/typed" }] }
        })
        const mounts = (await inspect(id)).Mounts ?? []
        expect(mounts.map(({ Destination }) => Destination).toSorted()).toEqual(["/data", "/own", "/typed"])
        for (const { Type, Name } of mounts)
          expect([Type, Name]).toEqual(["volume", expect.stringMatching(/^[0-9a-f]{64}$/)])
        await world.write(id, "/data/file", "kept")
        await stop(id)
        await ask((lifecycle) => lifecycle.remove(id))
        const Source = mounts.find(({ Destination }) => Destination === "/data")?.Name
        const next = await run(B, { host: { Mounts: [{ Type: "volume", Source, Target: "/data" }] } })
        expect(await world.read(next, "/data/file")).toBe("kept")
        await world.removeVolumes([])
        for (const name of mounts.map(({ Name }) => Name!)) if (name !== Source) await world.removeVolumes([name])
      })

      it("are those of another container where it asks for that", async () => {
        const id = await run(A)
        const borrowed = await inspect(await run(B, { host: { VolumesFrom: [`${A}:ro`] } }))
        const [volume] = volumesOf(await inspect(id))
        expect(borrowed.Mounts).toMatchObject([{ Type: "volume", Name: volume, Destination: "/data", RW: false }])
      })

      it("are not mounted twice at one place", async () => {
        const twice = request({ host: { Binds: ["lifecycle-one:/x", "lifecycle-two:/x"] } })
        expect(await failure((lifecycle) => lifecycle.create(A, twice))).toMatchObject({ status: 400 })
      })
    })

    describe("networks", () => {
      const first = { name: FIRST, endpoint: { IPAMConfig: { IPv4Address: "172.30.78.9", IPv6Address: "fd00:78::9" } } }
      const second = { name: SECOND, endpoint: { Aliases: ["there"], IPAMConfig: { IPv4Address: "172.30.79.9" } } }

      it("are all joined that were asked for, with fixed addresses, aliases and a pinned MAC address", async () => {
        const MacAddress = "02:aa:00:00:00:78"
        const pinned = { ...first, endpoint: { ...first.endpoint, MacAddress } }
        const id = await run(A, { config: { MacAddress }, networks: [pinned, second] })
        const joined = endpoints(await inspect(id))
        expect(Object.keys(joined).toSorted()).toEqual([FIRST, SECOND])
        expect(joined[FIRST]).toMatchObject({
          IPAddress: "172.30.78.9",
          GlobalIPv6Address: "fd00:78::9",
          MacAddress,
          ...first.endpoint
        })
        expect(joined[SECOND]).toMatchObject({ IPAddress: "172.30.79.9" })
        expect(joined[SECOND]?.Aliases).toContain("there")
        await stop(id)
        expect(endpoints(await inspect(id))[FIRST]?.IPAddress).toBe("")
      })

      it("do not include that of its mode when it is to be left", async () => {
        const id = await run(A, { host: { NetworkMode: FIRST }, networks: [second], leave: FIRST })
        const found = await inspect(id)
        expect(found.HostConfig.NetworkMode).toBe(FIRST)
        expect(Object.keys(endpoints(found))).toEqual([SECOND])
      })

      it("are joined and left at run time, and an address that is in use is Docker's refusal, not a proxy's", async () => {
        await run(A, { networks: [first] })
        const id = await run(B)
        const taken = await failure((lifecycle) => lifecycle.connect(FIRST, B, first.endpoint))
        expect(taken).toMatchObject({ reason: "failed" })
        expect(taken.message).toContain("Address already in use")
        expect(endpoints(await inspect(id))[FIRST], "what was refused is kept for the next start").toMatchObject({
          ...first.endpoint,
          IPAddress: ""
        })
        await stop(A)
        await ask((lifecycle) => lifecycle.connect(FIRST, B, first.endpoint))
        expect(endpoints(await inspect(id))[FIRST]).toMatchObject({ IPAddress: "172.30.78.9" })
        await ask((lifecycle) => lifecycle.disconnect(FIRST, B))
        await ask((lifecycle) => lifecycle.connect(SECOND, B, second.endpoint))
        expect(endpoints(await inspect(id))[SECOND]).toMatchObject({ IPAddress: "172.30.79.9" })
        await ask((lifecycle) => lifecycle.disconnect(SECOND, B))
        expect(Object.keys(endpoints(await inspect(id)))).toEqual(["bridge"])
        expect(await failure((lifecycle) => lifecycle.disconnect(SECOND, B))).toMatchObject({ reason: "failed" })
        const nowhere = await failure((lifecycle) => lifecycle.connect("lifecycle_nowhere", B))
        expect(nowhere).toMatchObject({ reason: "not-found" })
      })

      describe("that are gone, or were made anew under their name", () => {
        const [NAME, V4, V6] = ["lifecycle_anew", "172.30.77.0/24", "fd00:77::/64"] as const
        const asks = { Aliases: ["there"], IPAMConfig: { IPv4Address: "172.30.77.9", IPv6Address: "fd00:77::9" } }
        const endpointOn = async (ref: string) => endpoints(await inspect(ref))[NAME]
        beforeEach(async () => {
          await world.createNetwork(NAME, V4, V6)
          return async () => {
            for (const id of made) await ask((lifecycle) => Effect.ignore(lifecycle.stop(id, GRACE)))
            await world.removeNetwork(NAME)
          }
        })
        const makeAnew = async () => {
          await world.removeNetwork(NAME)
          await world.createNetwork(NAME, V4, V6)
        }

        it("hold a stopped container until it leaves by name; then it is connected to the new one", async () => {
          const id = await run(A, { networks: [{ name: NAME, endpoint: asks }] })
          await stop(id)
          const before = (await endpointOn(id))?.NetworkID
          await makeAnew()
          expect((await endpointOn(id))?.NetworkID).toBe(before)
          expect(await failure((lifecycle) => lifecycle.start(id))).toMatchObject({ reason: "not-found" })
          await ask((lifecycle) => lifecycle.disconnect(NAME, id, true))
          expect(await endpointOn(id)).toBeUndefined()
          await ask((lifecycle) => lifecycle.connect(NAME, id, asks))
          await start(id)
          const after = await endpointOn(id)
          expect(after).toMatchObject({ IPAddress: "172.30.77.9", GlobalIPv6Address: "fd00:77::9" })
          expect(after?.Aliases).toContain("there")
          expect(after?.NetworkID).toMatch(/^[0-9a-f]{64}$/)
          expect(after?.NetworkID).not.toBe(before)
        })

        it("are found by name by a container that never was on them", async () => {
          const id = await create(A, { networks: [{ name: NAME, endpoint: asks }] })
          expect((await endpointOn(id))?.NetworkID).toBe("")
          await makeAnew()
          await start(id)
          expect(await endpointOn(id)).toMatchObject({ IPAddress: "172.30.77.9" })
        })

        it("keep what a stopped container asked for, when it is connected once more to the same one", async () => {
          const id = await run(A, { networks: [{ name: NAME, endpoint: asks }] })
          await stop(id)
          await ask((lifecycle) => lifecycle.connect(NAME, id, { IPAMConfig: { IPv4Address: "172.30.77.99" } }))
          expect(await endpointOn(id)).toMatchObject(asks)
          await makeAnew()
          await ask((lifecycle) => lifecycle.connect(NAME, id, { IPAMConfig: { IPv4Address: "172.30.77.99" } }))
          await start(id)
          expect(await endpointOn(id)).toMatchObject({ IPAddress: "172.30.77.99" })
        })

        it("hold a container that runs and was refused there: nothing is to be left on the new one, and it can be connected", async () => {
          const holder = await run(A, { networks: [{ name: NAME, endpoint: asks }] })
          const id = await run(B)
          await failure((lifecycle) => lifecycle.connect(NAME, id, asks))
          expect(await endpointOn(id)).toMatchObject({ ...asks, NetworkID: "" })
          for (const force of [false, true])
            expect(await failure((lifecycle) => lifecycle.disconnect(NAME, id, force))).toMatchObject({
              reason: "failed"
            })
          await stop(holder)
          await makeAnew()
          await ask((lifecycle) => lifecycle.connect(NAME, id, asks))
          expect(await endpointOn(id)).toMatchObject({ IPAddress: "172.30.77.9" })
        })

        it("let a container that was created on them by ID neither start nor join others; by name it can once there is one", async () => {
          const { NetworkID } = (await endpointOn(await run(C, { networks: [{ name: NAME, endpoint: {} }] })))!
          await stop(C)
          for (const [ref, mode] of [
            [A, NetworkID!],
            [B, NAME]
          ] as const) {
            await run(ref, { host: { NetworkMode: mode } })
            await ask((lifecycle) => lifecycle.connect(SECOND, ref))
            await ask((lifecycle) => lifecycle.disconnect(NAME, ref, true))
          }
          await world.removeNetwork(NAME)
          for (const ref of [A, B]) {
            const refused = await failure((lifecycle) => lifecycle.connect(FIRST, ref))
            expect(refused).toMatchObject({ reason: "not-found" })
            expect(refused.message).toContain("network mode")
            await stop(ref)
            expect(await failure((lifecycle) => lifecycle.start(ref))).toMatchObject({ reason: "not-found" })
          }
          await world.createNetwork(NAME, V4, V6)
          expect(await failure((lifecycle) => lifecycle.start(A))).toMatchObject({ reason: "not-found" })
          await start(B)
          await ask((lifecycle) => lifecycle.connect(NAME, B, asks))
          expect(await endpointOn(B)).toMatchObject({ IPAddress: "172.30.77.9" })
        })

        it("are left by force only while they are gone, by a container that runs", async () => {
          const holder = await run(A, { networks: [{ name: NAME, endpoint: asks }] })
          const id = await run(B)
          await failure((lifecycle) => lifecycle.connect(NAME, id, asks))
          await stop(holder)
          await world.removeNetwork(NAME)
          expect(await failure((lifecycle) => lifecycle.disconnect(NAME, id))).toMatchObject({ reason: "not-found" })
          await ask((lifecycle) => lifecycle.disconnect(NAME, id, true))
          expect(await endpointOn(id)).toBeUndefined()
          await world.createNetwork(NAME, V4, V6)
        })
      })

      it("refuse to start what wants an address that is in use, and let it start when that is free", async () => {
        const id = await run(A, { networks: [first] })
        const waiting = await create(B, { networks: [first] })
        expect(await failure((lifecycle) => lifecycle.start(waiting))).toMatchObject({ reason: "failed" })
        expect((await inspect(waiting)).State.Status).toBe("created")
        await stop(id)
        await start(waiting)
        expect((await inspect(waiting)).State.Status).toBe("running")
      })
    })

    describe("another container's namespace", () => {
      it("is joined by name, which becomes its ID, and gives the host name", async () => {
        const owner = await run(A, { config: { Hostname: "owner" } })
        const id = await run(B, { host: { NetworkMode: `container:${A}` } })
        const joined = await inspect(id)
        expect(joined.HostConfig.NetworkMode).toBe(`container:${owner}`)
        expect(joined.Config).toMatchObject({ Hostname: "owner", ExposedPorts: { "80/tcp": {} } })
        expect(endpoints(joined)).toEqual({})
      })

      it("is refused with what only its owner may have", async () => {
        await run(A)
        const NetworkMode = `container:${A}`
        const refused: ReadonlyArray<Parts> = [
          { config: { Hostname: "own" } },
          { config: { ExposedPorts: { "80/tcp": {} } } },
          { host: { PortBindings: { "80/tcp": [{ HostPort: "18099" }] } } },
          { host: { PublishAllPorts: true } },
          { host: { Dns: ["192.0.2.53"] } },
          { host: { ExtraHosts: ["other:192.0.2.1"] } },
          { host: { Links: [`${A}:a`] } }
        ]
        for (const { config = {}, host = {} } of refused) {
          const wanted = request({ config, host: { ...host, NetworkMode } })
          expect(await failure((lifecycle) => lifecycle.create(B, wanted))).toMatchObject({
            reason: "failed",
            status: 400
          })
        }
      })

      it("that is not there can be asked for, but not started in", async () => {
        const id = await create(A, { host: { NetworkMode: "container:lifecycle-nobody" } })
        expect((await inspect(id)).HostConfig.NetworkMode).toBe("container:lifecycle-nobody")
        expect(await failure((lifecycle) => lifecycle.start(id))).toMatchObject({ reason: "not-found" })
        expect((await inspect(id)).State.Status).toBe("created")
      })

      it("is told as the reason why a container did not start in it: it does not run, or is gone", async () => {
        const owner = await run(A)
        const id = await run(B, { host: { NetworkMode: `container:${A}` } })
        await stop(B)
        await stop(A)
        const notRunning = await failure((lifecycle) => lifecycle.start(B))
        expect(notRunning.status).toBeLessThan(500)
        expect((await inspect(id)).State["Error"]).toMatch(/join/)
        await ask((lifecycle) => lifecycle.remove(owner))
        expect(await failure((lifecycle) => lifecycle.start(B))).toMatchObject({ reason: "not-found" })
        expect((await inspect(id)).State).toMatchObject({ Status: "exited", Error: `No such container: ${owner}` })
      })
    })

    describe("the request that follows from an inspection", () => {
      it("makes a container of which the same request follows", async () => {
        const first = { name: FIRST, endpoint: { Aliases: ["here"], IPAMConfig: { IPv6Address: "fd00:78::a" } } }
        const variants: ReadonlyArray<Parts> = [
          { config: { Volumes: { "/own": {} }, Env: ["A=1"] }, host: { Binds: ["lifecycle-named:/named"] } },
          { networks: [first, { name: SECOND, endpoint: {} }], host: { RestartPolicy: { Name: "unless-stopped" } } },
          { config: { Entrypoint: [""], Cmd: [...world.program.Entrypoint, ...world.program.Cmd], Hostname: "own" } },
          { host: { NetworkMode: "none" } },
          { host: { NetworkMode: "host" } }
        ]
        for (const parts of variants) {
          const before = createRequest(await inspect(await run(A, parts)))
          await stop(A)
          await ask((lifecycle) => lifecycle.remove(A))
          const id = await createAs(A, before)
          await start(id)
          expect(createRequest(await inspect(id))).toEqual(before)
          await stop(A)
          await ask((lifecycle) => lifecycle.remove(A))
        }
        await world.removeVolumes(["lifecycle-named"])
      })
    })
  })
}
