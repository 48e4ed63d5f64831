import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { describe, expect, it } from "vitest"
import type { Recreator } from "../../../src/main/lifecycle/Recreator.ts"
import type { ContainerLifecycle } from "../../../src/services/ContainerLifecycle.ts"
import { DockerError } from "../../../src/services/DockerEngine.ts"
import type { Fault, Faults } from "./faults.ts"
import { survivable } from "./faults.ts"
import { IMAGE, inSimulation, listing, type Made, NEXT, type Simulated } from "./simulated.ts"

const pinned = {
  config: { Hostname: "own", Env: ["A=1"], Labels: { own: "1" }, Volumes: { "/scratch": {} } },
  host: {
    RestartPolicy: { Name: "always" },
    PortBindings: { "80/tcp": [{ HostPort: "8080" }] },
    Binds: ["named:/named"],
    Mounts: [{ Type: "volume", Target: "/typed" }]
  },
  networks: {
    transit: { Aliases: ["web"], IPAMConfig: { IPv4Address: "172.20.0.9", IPv6Address: "fd00:20::9" } },
    back: { MacAddress: "02:aa:00:00:00:09" }
  }
} satisfies Made

const volumesOf = ({ docker }: Simulated, ref: string) => {
  const { Mounts } = docker.inspection(ref) as {
    readonly Mounts: ReadonlyArray<{ Name?: string; Destination: string }>
  }
  return Object.fromEntries(Mounts.map(({ Destination, Name }) => [Destination, Name]))
}

const whole = ["rename", "create", "setRestartPolicy", "stop", "start", "remove"]
const at = (call: number, fault: Fault): Faults => new Map([[call, fault]])

describe("re-creating a container", () => {
  it("puts another in its place that has its name, addresses and data, and runs", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const { docker } = world
        const id = world.web(pinned)
        const before = volumesOf(world, id)
        const { run, calls } = yield* world.process()
        const newId = yield* run(({ recreate }) => recreate(id))
        expect(calls).toEqual(whole)
        expect(newId).not.toBe(id)
        expect(listing(world)).toEqual({ web: `${newId!.slice(0, 12)} running` })
        expect(volumesOf(world, "web")).toEqual(before)
        expect(docker.read("web", "/data/file")).toBe("kept")
        expect(docker.network("transit")?.members.get(newId!)).toMatchObject({ v4: "172.20.0.9", v6: "fd00:20::9" })
        expect(docker.network("back")?.members.get(newId!)?.mac).toBe("02:aa:00:00:00:09")
        expect(world.lines).toEqual(["Info: container web was re-created"])
      })
    ))

  it("never lets two of it run", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const id = world.web(pinned)
        const running = new Set([id])
        let most = 1
        world.docker.log.listen(({ action, containerId = "" }) => {
          if (action === "connect" || action === "start") running.add(containerId)
          if (action === "die") running.delete(containerId)
          most = Math.max(most, running.size)
        })
        yield* (yield* world.process()).run(({ recreate }) => recreate(id))
        expect(most).toBe(1)
      })
    ))

  it("starts nothing that was stopped", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        for (const state of ["created", "exited"] as const) {
          const id = world.web(pinned, state)
          const { run, calls } = yield* world.process()
          const newId = yield* run(({ recreate }) => recreate(id))
          expect(calls).toEqual(["rename", "create", "remove"])
          expect(listing(world)).toEqual({ web: `${newId!.slice(0, 12)} created` })
          world.docker.remove("web")
        }
      })
    ))

  it("is refused, and nothing touched, where something would be lost", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const removing = world.web({ host: { AutoRemove: true } })
        const { run, calls } = yield* world.process()
        const error = yield* Effect.flip(run(({ recreate }) => recreate(removing)))
        expect(error).toMatchObject({ _tag: "RecreationRefused", container: "web" })
        expect(error.message).toContain("--rm")
        world.docker.stop(removing)
        const paused = world.web({}, "paused")
        expect((yield* Effect.flip(run(({ recreate }) => recreate(paused)))).message).toContain("unpause")
        expect(calls).toEqual([])
      })
    ))

  it("joins another namespace, or runs another image, when that is wanted", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const { docker } = world
        const owner = docker.run({ name: "owner", network: "transit" })
        const id = world.web({ ...pinned, host: { Mounts: pinned.host.Mounts } })
        const { run } = yield* world.process()
        const joined = yield* run(({ recreate }) => recreate(id, { networkMode: "container:owner" }))
        expect(docker.find("web")).toMatchObject({ id: joined, status: "running", networkMode: `container:${owner}` })
        expect(docker.read("web", "/data/file")).toBe("kept")
        const next = yield* run(({ recreate }) => recreate(joined!, { image: NEXT }))
        expect(docker.inspection(next!)).toMatchObject({
          Image: docker.image(NEXT)!.id,
          Config: { Image: NEXT, Entrypoint: ["serve-next"], Env: ["A=1", "PATH=/bin"], Labels: { own: "1" } }
        })
        expect(docker.read("web", "/data/file")).toBe("kept")
      })
    ))

  it("is of the image that the old one was of, when that name means another by now, or none", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const { docker } = world
        const { id: imageId, config } = docker.image(IMAGE)!
        const id = world.web()
        docker.addImage("untagged", config, imageId.slice("sha256:".length))
        docker.addImage(IMAGE, { ...config, Entrypoint: ["another"] })
        const { run, calls } = yield* world.process()
        const newId = yield* run(({ recreate }) => recreate(id))
        expect(docker.inspection(newId!)).toMatchObject({ Image: imageId, Config: { Entrypoint: ["serve"] } })
        expect(calls).toEqual(["rename", "create", "remove", "create", "stop", "start", "remove"])
        const again = yield* run(({ recreate }) => recreate(newId!))
        expect(docker.inspection(again!)).toMatchObject({ Image: imageId, Config: { Image: imageId } })
        expect(Object.keys(listing(world))).toEqual(["web"])
      })
    ))

  it("is done one after the other: who waited finds the ID gone", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const id = world.web()
        const { run, calls } = yield* world.process()
        const both = yield* run(({ recreate }) =>
          Effect.all([recreate(id), Effect.flip(recreate(id))], { concurrency: 2 })
        )
        expect(both?.[1]).toMatchObject({ _tag: "DockerError", reason: "not-found" })
        expect(calls.filter((call) => call === "create")).toHaveLength(1)
        expect(listing(world)).toEqual({ web: `${both![0].slice(0, 12)} running` })
      })
    ))

  it("is done by one of two processes that are at it at once; the other one leaves everything alone", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const id = world.web(pinned)
        const [one, two] = [yield* world.process(), yield* world.process()]
        const both = yield* Effect.all(
          [one, two].map(({ run }) => Effect.result(run(({ recreate }) => recreate(id)))),
          { concurrency: 2 }
        )
        const [done, overtaken] = both.toSorted((a, b) => Number(b._tag === "Success") - Number(a._tag === "Success"))
        expect(done).toMatchObject({ _tag: "Success" })
        expect(overtaken).toMatchObject({ _tag: "Failure", failure: { _tag: "DockerError", status: 400 } })
        expect([one.calls, two.calls].toSorted((a, b) => b.length - a.length)).toEqual([whole, ["rename"]])
        expect(Object.keys(listing(world))).toEqual(["web"])
        expect(world.docker.find("web")?.status).toBe("running")
      })
    ))
})

describe("a step that fails", () => {
  it("leaves the old container running under its name, with its address and data, whichever it is and however it fails", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const { docker } = world
        const id = world.web(pinned)
        const before = { listing: listing(world), inspection: { ...docker.inspection(id), State: undefined } }
        const messages: Array<string> = []
        for (const fault of survivable) {
          for (let call = 1; call < whole.length; call++) {
            const { run } = yield* world.process(at(call, fault))
            const error = yield* Effect.flip(run(({ recreate }) => recreate(id)))
            const what = `${whole[call - 1]} ${fault}`
            expect(error, what).toMatchObject({ _tag: "RecreationFailed", undone: true, container: "web" })
            messages.push(error.message)
            expect(listing(world), what).toEqual(before.listing)
            expect({ ...docker.inspection(id), State: undefined }, what).toEqual(before.inspection)
            expect(docker.read("web", "/data/file"), what).toBe("kept")
          }
        }
        expect(messages[0]).toBe(
          "container web could not be re-created, and is as it was: renaming the old container to web-anchord-old-" +
            `${id.slice(0, 12)}: refused by the test`
        )
        expect(messages).toHaveLength(15)
        expect(world.lines).toEqual([])
      })
    ))

  it("gives the old one its name back also when it cannot be started any more, because its namespace is gone", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const { docker } = world
        const owner = docker.run({ name: "owner", network: "transit" })
        const id = world.web({ host: { NetworkMode: "container:owner" } })
        docker.remove("owner")
        docker.create({ name: "owner", network: "transit" })
        const { run, calls } = yield* world.process()
        const error = yield* Effect.flip(run(({ recreate }) => recreate(id, { networkMode: "container:owner" })))
        expect(error).toMatchObject({ _tag: "RecreationFailed", undone: true })
        expect(error.message).toMatch(
          /^container web could not be re-created, and does not run, because the namespace that it was in is gone: starting the new container/
        )
        expect(Object.keys(listing(world)).toSorted()).toEqual(["owner", "web"])
        expect(docker.find("web")).toMatchObject({ id, status: "exited", networkMode: `container:${owner}` })
        expect(calls).toEqual(["rename", "create", "stop", "start", "stop", "start", "remove", "rename"])
      })
    ))

  it("does not stop what was stopped from being stopped", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const id = world.web(pinned, "exited")
        for (const fault of survivable) {
          for (const call of [1, 2]) {
            const { run } = yield* world.process(at(call, fault))
            yield* Effect.flip(run(({ recreate }) => recreate(id)))
            expect(listing(world)).toEqual({ web: `${id.slice(0, 12)} exited` })
          }
        }
      })
    ))

  it("does not end the old container after it was started again: a stop whose answer is lost may still be under way", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const id = world.web(pinned)
        let isFirst = true
        const late = (lifecycle: ContainerLifecycle["Service"]): ContainerLifecycle["Service"] => {
          const endsRun = Effect.fnUntraced(function* (ref: string, grace: number) {
            const before = yield* lifecycle.inspect(ref)
            yield* Effect.sleep("1 second")
            const now = yield* lifecycle.inspect(ref)
            if (now.State.StartedAt === before.State.StartedAt) yield* lifecycle.stop(ref, grace)
          })
          const stop = (ref: string, grace: number) => {
            if (!isFirst) return lifecycle.stop(ref, grace)
            isFirst = false
            const lost = new DockerError({ endpoint: "POST /", reason: "unreachable", message: "lost by the test" })
            return Effect.andThen(Effect.forkDetach(endsRun(ref, grace)), Effect.fail(lost))
          }
          return { ...lifecycle, stop }
        }
        const { run } = yield* world.process(new Map(), late)
        expect(yield* Effect.flip(run(({ recreate }) => recreate(id)))).toMatchObject({ undone: true })
        yield* TestClock.adjust("1 minute")
        expect(listing(world)).toEqual({ web: `${id.slice(0, 12)} running` })
      })
    ))

  it("is undone though undoing fails for a while", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const id = world.web(pinned)
        for (const fault of survivable) {
          // The start fails, and so does every second call of undoing that.
          const faults: Faults = new Map([5, 6, 8, 10, 12, 14].map((call) => [call, fault]))
          const { run, calls } = yield* world.process(faults)
          expect(yield* Effect.flip(run(({ recreate }) => recreate(id)))).toMatchObject({ undone: true })
          expect(calls.length).toBeGreaterThan(14)
          expect(listing(world)).toEqual({ web: `${id.slice(0, 12)} running` })
        }
      })
    ))

  it("is given up at once, and the new one removed, when somebody removes the old one meanwhile", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const id = world.web(pinned)
        let made = 0
        world.docker.log.listen(({ action }) => {
          made += action === "create" ? 1 : 0
          if (action === "create" && made === 1) world.docker.remove(id)
        })
        const { run, calls } = yield* world.process()
        const error = yield* Effect.flip(run(({ recreate }) => recreate(id)))
        expect(error).toMatchObject({ undone: true })
        expect(error.message).toContain("somebody has removed it meanwhile")
        expect(listing(world)).toEqual({})
        expect(calls.filter((call) => call === "remove")).toHaveLength(1)
      })
    ))

  it("that cannot be undone is told, with what is left, and undone when somebody looks after it", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const id = world.web(pinned)
        const faults: Faults = new Map(Array.from({ length: 100 }, (_, index) => [index + 4, "refused"]))
        const { run } = yield* world.process(faults)
        const error = yield* Effect.flip(run(({ recreate }) => recreate(id)))
        expect(error).toMatchObject({ undone: false })
        expect(error.message).toContain(`may be called web-anchord-old-${id.slice(0, 12)}`)
        expect(Object.keys(listing(world))).toHaveLength(2)
        yield* (yield* world.process()).run(({ recover }) => recover(world.docker.containers()))
        expect(listing(world)).toEqual({ web: `${id.slice(0, 12)} running` })
        expect(world.docker.inspection(id)["HostConfig"]).toMatchObject({ RestartPolicy: { Name: "always" } })
      })
    ))

  it("after which only the old one is to be removed changes nothing that runs; it is removed later", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const id = world.web(pinned)
        const newId = yield* (yield* world.process(at(6, "refused"))).run(({ recreate }) => recreate(id))
        const away = `web-anchord-old-${id.slice(0, 12)}`
        expect(listing(world)).toEqual({ web: `${newId!.slice(0, 12)} running`, [away]: `${id.slice(0, 12)} exited` })
        expect(world.lines[0]).toContain(`it is called ${away}`)
        yield* (yield* world.process()).run(({ recover }) => recover(world.docker.containers()))
        expect(listing(world)).toEqual({ web: `${newId!.slice(0, 12)} running` })
      })
    ))

  it("after which the old one cannot be removed is one warning, however often that is tried", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const id = world.web(pinned)
        const faults: Faults = new Map([6, 7, 8, 9].map((call) => [call, "refused"]))
        const { run, calls } = yield* world.process(faults)
        const newId = yield* run((recreator) =>
          Effect.gen(function* () {
            const made = yield* recreator.recreate(id)
            for (let look = 0; look < 4; look += 1) yield* recreator.recover(world.docker.containers())
            return made
          })
        )
        expect(calls.slice(5)).toEqual(Array.from({ length: 5 }, () => "remove"))
        expect(listing(world)).toEqual({ web: `${newId!.slice(0, 12)} running` })
        expect(world.lines.filter((line) => line.startsWith("Warn"))).toEqual([
          expect.stringContaining(`it is called web-anchord-old-${id.slice(0, 12)}`),
          expect.stringContaining("the old one is removed")
        ])
      })
    ))

  it("because somebody took the name is undone as far as that goes, and what has the name is not touched", async () => {
    const takes = {
      ran: ({ docker }: Simulated) => docker.run({ name: "web", network: "transit" }),
      created: ({ docker }: Simulated) => docker.create({ name: "web", network: "transit" }),
      "created the same": ({ web }: Simulated) => web(pinned, "created")
    }
    for (const [how, take] of Object.entries(takes)) {
      await inSimulation((world) =>
        Effect.gen(function* () {
          const id = world.web(pinned)
          yield* TestClock.adjust("1 second")
          let other = ""
          world.docker.log.listen(({ action }) => {
            if (action === "rename" && other === "") other = take(world)
          })
          const { run, calls } = yield* world.process()
          const error = yield* Effect.flip(run(({ recreate }) => recreate(id)))
          expect(error).toMatchObject({ undone: false })
          expect(calls.filter((call) => call === "rename")).toHaveLength(2)
          expect(listing(world)).toEqual({
            web: `${other.slice(0, 12)} ${how === "ran" ? "running" : "created"}`,
            [`web-anchord-old-${id.slice(0, 12)}`]: `${id.slice(0, 12)} running`
          })
        })
      )
    }
  })

  it("because an answer was lost leaves what somebody has made meanwhile, who has removed the old one", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const { docker, web } = world
        const id = web(pinned)
        yield* TestClock.adjust("1 second")
        let theirs = ""
        const takenDown = (lifecycle: ContainerLifecycle["Service"]): ContainerLifecycle["Service"] => ({
          ...lifecycle,
          create: (name, request) =>
            Effect.map(lifecycle.create(name, request), (made) => {
              for (const one of [made, id]) docker.remove(one)
              theirs = web(pinned, "created")
              return made
            })
        })
        const { run } = yield* world.process(at(2, "lost after"), takenDown)
        const error = yield* Effect.flip(run(({ recreate }) => recreate(id)))
        expect(error.message).toContain("somebody has removed it meanwhile")
        expect(listing(world)).toEqual({ web: `${theirs.slice(0, 12)} created` })
      })
    ))

  it("leaves what took the name alone also when somebody looks after it, and is undone when that is gone", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const id = world.web(pinned)
        yield* TestClock.adjust("1 second")
        let other = ""
        world.docker.log.listen(({ action }) => {
          if (action === "rename" && other === "") other = world.web(pinned, "created")
        })
        const { run } = yield* world.process()
        yield* Effect.flip(run(({ recreate }) => recreate(id)))
        const left = listing(world)
        yield* run(({ recover }) => recover(world.docker.containers()))
        expect(listing(world)).toEqual(left)
        world.docker.removeStopped(other)
        yield* run(({ recover }) => recover(world.docker.containers()))
        expect(listing(world)).toEqual({ web: `${id.slice(0, 12)} running` })
      })
    ))

  it("is undone with what it made where a network refuses that, and not begun with another image", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const id = world.web(pinned)
        const refusal = {
          endpoint: "POST /networks/{id}/connect",
          reason: "not-found",
          status: 404,
          message: ""
        } as const
        const change = (lifecycle: ContainerLifecycle["Service"]): ContainerLifecycle["Service"] => ({
          ...lifecycle,
          create: (name, request) => Effect.andThen(lifecycle.create(name, request), new DockerError(refusal))
        })
        yield* TestClock.adjust("1 second")
        const { run, calls } = yield* world.process(new Map(), change)
        expect(yield* Effect.flip(run(({ recreate }) => recreate(id)))).toMatchObject({ undone: true })
        expect(calls.filter((call) => call === "create")).toHaveLength(1)
        expect(listing(world)).toEqual({ web: `${id.slice(0, 12)} running` })
      })
    ))

  it("is undone once: who looks after it meanwhile waits, and finds nothing to do", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        const id = world.web(pinned)
        const { run, calls } = yield* world.process(at(5, "refused"))
        const looking = ({ recover }: Recreator) =>
          Effect.gen(function* () {
            while (world.docker.find("web")?.id === id) yield* Effect.yieldNow
            yield* recover(world.docker.containers())
          })
        yield* run((recreator) =>
          Effect.all([Effect.ignore(recreator.recreate(id)), looking(recreator)], { concurrency: 2 })
        )
        expect(calls.slice(5)).toEqual(["stop", "start", "setRestartPolicy", "remove", "rename"])
        expect(listing(world)).toEqual({ web: `${id.slice(0, 12)} running` })
      })
    ))
})

describe("a process that ends at any time", () => {
  const deaths = ["died before", "died after"] as const

  /** What there must be, whatever happened: one container of the name that runs, with the data, and nothing else. */
  const mustBeWhole = (world: Simulated, what: string) => {
    const { docker } = world
    expect(Object.entries(listing(world)), what).toEqual([["web", expect.stringMatching(/ running$/)]])
    expect(docker.read("web", "/data/file"), what).toBe("kept")
    expect(docker.inspection("web"), what).toMatchObject({
      Config: { Hostname: "own" },
      HostConfig: { RestartPolicy: { Name: "always" } }
    })
  }

  it("while it re-creates a container leaves what its successor finishes or undoes", async () => {
    for (const death of deaths) {
      for (let call = 1; call <= whole.length; call++) {
        await inSimulation((world) =>
          Effect.gen(function* () {
            const id = world.web(pinned)
            yield* (yield* world.process(at(call, death))).run(({ recreate }) => recreate(id))
            yield* (yield* world.process()).run(({ recover }) => recover(world.docker.containers()))
            mustBeWhole(world, `${whole[call - 1]} ${death}`)
            const isNew = world.docker.find("web")?.id !== id
            expect(isNew, `${whole[call - 1]} ${death}`).toBe(call > 5 || (call === 5 && death === "died after"))
          })
        )
      }
    }
  })

  it("while it undoes a re-creation leaves what its successor undoes", async () => {
    for (const death of deaths) {
      for (let failed = 1; failed < whole.length; failed++) {
        for (let later = 1; later <= 5; later++) {
          await inSimulation((world) =>
            Effect.gen(function* () {
              const id = world.web(pinned)
              const faults: Faults = new Map([
                [failed, "lost after"],
                [failed + later, death]
              ])
              yield* Effect.ignore((yield* world.process(faults)).run(({ recreate }) => recreate(id)))
              yield* (yield* world.process()).run(({ recover }) => recover(world.docker.containers()))
              mustBeWhole(world, `${whole[failed - 1]} lost, then call ${later} ${death}`)
            })
          )
        }
      }
    }
  })

  it("while it recovers leaves what its successor recovers", async () => {
    for (const death of deaths) {
      for (let call = 1; call <= whole.length; call++) {
        for (let later = 1; later <= 4; later++) {
          await inSimulation((world) =>
            Effect.gen(function* () {
              const id = world.web(pinned)
              yield* (yield* world.process(at(call, "died after"))).run(({ recreate }) => recreate(id))
              yield* (yield* world.process(at(later, death))).run(({ recover }) => recover(world.docker.containers()))
              yield* (yield* world.process()).run(({ recover }) => recover(world.docker.containers()))
              mustBeWhole(world, `${whole[call - 1]}, then call ${later} ${death}`)
            })
          )
        }
      }
    }
  })

  it("has left nothing of containers that are called what they are called", () =>
    inSimulation((world) =>
      Effect.gen(function* () {
        world.web(pinned)
        const id = world.docker.run({ name: "web-anchord-old-0123456789ab", network: "transit" })
        const before = listing(world)
        const { run, calls } = yield* world.process()
        yield* run(({ recover }) => recover(world.docker.containers()))
        expect(calls).toEqual([])
        expect(listing(world)).toEqual(before)
        expect(world.docker.find(id)?.name).toBe("web-anchord-old-0123456789ab")
      })
    ))
})
