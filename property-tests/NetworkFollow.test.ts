import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  decideFollow,
  emptyFollow,
  followFailed,
  type FollowDecision,
  type FollowMemory
} from "../src/domain/NetworkFollow.ts"
import { healthy, operate } from "./arbitraries/lifecycleWorlds.ts"

const numRuns = 500

/** What the owner of the network does, after a while in milliseconds. `join` may bring a member whose address the follower has. */
type Event =
  | { readonly _tag: "join" | "leave"; readonly member: number; readonly collides: boolean }
  | { readonly _tag: "down" | "up" | "nothing" | "stop" | "start" }

const event: fc.Arbitrary<Event> = fc.oneof(
  {
    arbitrary: fc.record({
      _tag: fc.constantFrom("join" as const, "join" as const, "leave" as const),
      member: fc.integer({ min: 0, max: 4 }),
      collides: fc.boolean()
    }),
    weight: 5
  },
  {
    arbitrary: fc.record({ _tag: fc.constantFrom("down" as const, "up" as const, "nothing" as const) }),
    weight: 3
  },
  { arbitrary: fc.record({ _tag: fc.constantFrom("stop" as const, "start" as const) }), weight: 1 }
)

const histories = fc.array(fc.tuple(fc.integer({ min: 1, max: 20_000 }), event), { maxLength: 25 })

/** A network that comes and goes under one name, and a follower of it; connecting fails while its address is taken. */
class FollowedWorld {
  readonly engine = healthy()
  readonly follower = this.engine.named("app")!
  network: { readonly id: string; readonly others: Map<number, boolean> } | undefined = undefined
  configured: string | undefined = undefined
  isOn = false
  made = 0
  now = 1_000_000
  memory: FollowMemory = emptyFollow
  connects = 0
  refusedRemovals = 0

  get isUp(): boolean {
    return this.follower.status === "running"
  }

  decide(): FollowDecision {
    const { network } = this
    const members = [...(network?.others.keys() ?? [])].map((member) => `member-${member}`)
    return decideFollow({
      state: this.engine.state(),
      network: "shop_back",
      target: "app",
      restart: false,
      backoff: 2_000,
      found: network && { id: network.id, members: new Set(this.isOn ? [...members, this.follower.id] : members) },
      configured: this.configured,
      memory: this.memory,
      leaving: new Map(),
      now: this.now
    })
  }

  /** One look, carried out. Answers when to look again. */
  act(): number | undefined {
    const decision = this.decide()
    this.memory = decision.memory
    for (const action of decision.actions) {
      expect(action._tag === "CreateManaged" ? undefined : action.id).toBe(this.follower.id)
      if (action._tag === "Disconnect") [this.configured, this.isOn] = [undefined, false]
      if (action._tag !== "Connect") continue
      this.connects += 1
      expect(action.networkId).toBe(this.network?.id)
      const isTaken = [...(this.network?.others.values() ?? [])].includes(true)
      if (isTaken) this.memory = followFailed(this.memory, this.now)
      else [this.configured, this.isOn] = [action.networkId, this.isUp]
    }
    const again = this.decide().again
    expect(again === undefined || again > this.now || decision.actions.length === 0).toBe(true)
    return again
  }

  /** Looks as often as it is asked to, until some time. */
  pass(until: number): void {
    for (let looks = 0, again = this.act(); again !== undefined && again <= until && looks < 100; looks += 1) {
      this.now = Math.max(this.now, again)
      again = this.act()
    }
    this.now = until
  }

  happens(what: Event): void {
    switch (what._tag) {
      case "up":
        this.made += 1
        this.network ??= { id: `net-${this.made}`, others: new Map() }
        return
      case "down":
        this.network?.others.clear()
        this.act()
        if (this.isOn) this.refusedRemovals += 1
        else this.network = undefined
        return
      case "join":
        this.network?.others.set(what.member, what.collides)
        return
      case "leave":
        this.network?.others.delete(what.member)
        return
      case "stop":
        operate(this.engine, { _tag: "stop", name: "app" })
        this.isOn = false
        return
      case "start":
        // Docker refuses to start it on a network that is gone.
        if (this.configured !== undefined && this.configured !== this.network?.id) return
        operate(this.engine, { _tag: "start", name: "app" })
        this.isOn = this.configured !== undefined
        return
      case "nothing":
        return
    }
  }

  live(history: ReadonlyArray<readonly [number, Event]>): this {
    for (const [wait, what] of history) {
      this.pass(this.now + wait)
      this.happens(what)
    }
    return this
  }
}

describe("the external-rebinder", () => {
  it("never keeps its network from being removed when the others have left", () => {
    fc.assert(
      fc.property(histories, (history) => {
        expect(new FollowedWorld().live(history).refusedRemovals).toBe(0)
      }),
      { numRuns }
    )
  })

  it("has the follower on the network 3 s after the last change, if others are there and its address is free", () => {
    fc.assert(
      fc.property(histories, (history) => {
        const world = new FollowedWorld().live(history)
        world.pass(world.now + 3_000)
        const others = [...(world.network?.others.values() ?? [])]
        const shall = world.isUp && others.length > 0 && !others.includes(true)
        fc.pre(world.memory.failures === 0)
        expect(world.isOn || !shall).toBe(true)
        expect(world.isOn && others.length === 0).toBe(false)
      }),
      { numRuns }
    )
  })

  it("is quiet where everything is in order", () => {
    fc.assert(
      fc.property(histories, (history) => {
        const world = new FollowedWorld().live(history)
        world.pass(world.now + 200_000)
        const before = world.connects
        const { actions, again } = world.decide()
        expect([actions, again]).toEqual([[], undefined])
        world.pass(world.now + 200_000)
        expect(world.connects).toBe(before)
      }),
      { numRuns }
    )
  })

  it("tries to connect five times at most while nothing changes", () => {
    fc.assert(
      fc.property(histories, (history) => {
        const world = new FollowedWorld().live(history)
        world.happens({ _tag: "up" })
        world.happens({ _tag: "join", member: 9, collides: true })
        const before = world.connects
        world.pass(world.now + 1e6)
        expect(world.connects - before).toBeLessThanOrEqual(5)
      }),
      { numRuns }
    )
  })
})
