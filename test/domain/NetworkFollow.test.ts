import { nameAway } from "../../src/domain/Recreation.ts"
import { describe, expect, it } from "vitest"
import type { LifecycleAction } from "../../src/domain/LifecycleAction.ts"
import type { LifecycleContainer } from "../../src/domain/LifecycleState.ts"
import {
  concernsFollow,
  decideFollow,
  emptyFollow,
  followAfresh,
  followerOf,
  followFailed,
  type FollowInput,
  type FollowMemory
} from "../../src/domain/NetworkFollow.ts"
import { anchord, container, idOf, joins, listing, NOW, type Given } from "./lifecycleListings.ts"

const web = (given: Given = {}) => container("web", given)

const net = (id: string, ...members: ReadonlyArray<string>) => ({ id, members: new Set(members) })

const decide = (more: Partial<FollowInput>, containers: ReadonlyArray<LifecycleContainer> = [web()]) =>
  decideFollow({
    state: listing(containers),
    network: "shop_back",
    target: "web",
    restart: false,
    backoff: 2_000,
    found: undefined,
    configured: "net-1",
    memory: emptyFollow,
    leaving: new Map(),
    now: NOW,
    ...more
  })

/** One look after the other, each with what was remembered from the one before. */
const looks = (all: ReadonlyArray<Partial<FollowInput> & { readonly now: number }>) => {
  let memory: FollowMemory = emptyFollow
  return all.map((input) => {
    const decision = decide({ ...input, memory })
    memory = decision.memory
    return decision
  })
}

const brief = (actions: ReadonlyArray<LifecycleAction>) =>
  actions.map((action) => (action._tag === "Connect" ? `Connect ${action.networkId}` : action._tag))

describe("the follower", () => {
  const found = (containers: ReadonlyArray<LifecycleContainer>, target = "web") =>
    followerOf(listing(containers), target)?.name

  it("is the Compose service of the own project, else the container of that name", () => {
    const ofService = container("mail-web-1", { service: "web" })
    const named = container("web")
    expect(found([named, ofService])).toBe("mail-web-1")
    expect(found([named])).toBe("web")
    expect(found([container("web", { project: "shop" })])).toBeUndefined()
    expect(found([container("shop-web-1", { project: "shop", service: "web" })])).toBeUndefined()
    expect(found([container("web", { project: "" })])).toBe("web")
    expect(found([container("other"), ofService], "mail-web-1")).toBe("mail-web-1")
    expect(found([container("other")])).toBeUndefined()
  })

  it("is not one that is renamed away while another takes its place", () => {
    const old = container("mail-web-1", { service: "web" })
    expect(found([{ ...old, name: nameAway(old.name, old.id) }])).toBeUndefined()
  })

  it("is one that is up, then the oldest, of several; never the rebinder nor a one-off", () => {
    const one = container("mail-web-1", { service: "web", createdAt: 1, status: "exited" })
    const two = container("mail-web-2", { service: "web", createdAt: 3 })
    const three = container("mail-web-3", { service: "web", createdAt: 2 })
    const once = container("mail-web-run", {
      service: "web",
      createdAt: 0,
      labels: { "com.docker.compose.oneoff": "True" }
    })
    expect(found([one, two, three, once])).toBe("mail-web-3")
    expect(found([one])).toBe("mail-web-1")
    expect(found([], "anchord")).toBeUndefined()
  })

  it("is missed when it is not there", () => {
    const decision = decide({ found: net("net-1", "a") }, [])
    expect([decision.actions, decision.problems.map(({ key }) => key)]).toEqual([[], ["follow:target"]])
  })
})

describe("a reason to look", () => {
  const concerns = (type: "container" | "network", attributes: Readonly<Record<string, string>>, containerId = "x") =>
    concernsFollow(
      { type, action: "any", containerId, attributes, timeNano: 0n },
      { network: "shop_back", target: "web", follower: idOf("web") }
    )

  it("is whatever happens on the network of that name, and on no other", () => {
    expect(concerns("network", { name: "shop_back" })).toBe(true)
    expect(concerns("network", { name: "shop_backup" }, idOf("web"))).toBe(false)
  })

  it("is the follower, and every container that may become it", () => {
    expect(concerns("container", { name: "mail-web-1" }, idOf("web"))).toBe(true)
    expect(concerns("container", { name: "web" })).toBe(true)
    expect(concerns("container", { name: "mail-web-2", "com.docker.compose.service": "web" })).toBe(true)
    expect(concerns("container", { name: "shop_back", "com.docker.compose.service": "db" })).toBe(false)
  })
})

describe("the external-rebinder", () => {
  it("does nothing while the network is not there, or the follower is on it among others", () => {
    expect(brief(decide({ configured: undefined }).actions)).toEqual([])
    const among = decide({ found: net("net-1", idOf("web"), "a") })
    expect([among.actions, among.again]).toEqual([[], undefined])
  })

  it("steps off the network at once when it is the last one on it; the rebinder itself does not count", () => {
    for (const members of [[idOf("web")], [idOf("web"), anchord.id]])
      expect(decide({ found: net("net-1", ...members) }).actions).toEqual([
        {
          _tag: "Disconnect",
          id: idOf("web"),
          name: "web",
          network: "shop_back",
          reason: "web is the last one on shop_back, which could not be removed with it"
        }
      ])
  })

  it("steps off when all others have been told to end, and is back when they do not", () => {
    const found = net("net-1", idOf("web"), "a", "b")
    const one = decide({ found, leaving: new Map([["a", NOW + 12_000]]) })
    expect([brief(one.actions), one.again]).toEqual([[], NOW + 12_000])
    const both = new Map([
      ["a", NOW + 12_000],
      ["b", NOW + 13_000]
    ])
    expect(brief(decide({ found, leaving: both }).actions)).toEqual(["Disconnect"])
    const off = net("net-1", "a", "b")
    const [alone, still, back, due] = looks([
      { found: off, configured: undefined, leaving: both, now: NOW },
      { found: off, configured: undefined, leaving: both, now: NOW + 12_000 },
      { found: off, configured: undefined, leaving: both, now: NOW + 13_000 },
      { found: off, configured: undefined, leaving: both, now: NOW + 16_000 }
    ])
    expect([alone?.actions, alone?.again]).toEqual([[], NOW + 12_000])
    expect([still?.actions, still?.again]).toEqual([[], NOW + 13_000])
    expect([back?.actions, back?.again]).toEqual([[], NOW + 16_000])
    expect(brief(due?.actions ?? [])).toEqual(["Connect net-1"])
  })

  describe("with a follower that was created on the network by its ID", () => {
    const gone = { id: "net-1", isThere: false, wasMissed: false }
    const own = { ...gone, other: "shop_own" }
    const recreate = { _tag: "Recreate", id: idOf("web"), name: "web", networkMode: "shop_own", start: true }

    it("says that it will be re-created, while all is well", () => {
      const found = net("net-1", idOf("web"), "a")
      expect(decide({ found, first: { ...gone, isThere: true } }).problems).toMatchObject([{ level: "WARN" }])
      expect(decide({ found, first: { ...gone, id: "net-own", isThere: true } }).problems).toEqual([])
    })

    it("re-creates it at once on another of its networks, when the first one is gone", () => {
      for (const found of [undefined, net("net-2", "a")])
        expect(decide({ found, first: own, configured: undefined }).actions).toMatchObject([recreate])
      expect(brief(decide({ first: own }).actions)).toEqual(["Disconnect", "Recreate"])
    })

    it("re-creates it by the network's name, once that is there, when it has no other", () => {
      const waiting = decide({ first: gone, configured: undefined })
      expect([waiting.actions, waiting.problems.map(({ level }) => level)]).toEqual([[], ["WARN"]])
      const found = net("net-2", "a")
      expect(decide({ found, first: gone, configured: undefined }).actions).toMatchObject([
        { _tag: "Recreate", networkMode: "shop_back" }
      ])
    })

    it("starts the new one when the old one ran, or failed to start for that", () => {
      const startOf = (status: "exited" | "restarting", wasMissed: boolean) =>
        decide({ first: { ...own, wasMissed }, configured: undefined }, [web({ status })]).actions[0]
      expect(startOf("exited", false)).toMatchObject({ start: false })
      expect(startOf("exited", true)).toMatchObject({ start: true })
      expect(startOf("restarting", false)).toMatchObject({ start: true })
    })

    it("leaves it when others are in its namespace, and says who", () => {
      const sidecar = container("sidecar", { networkMode: joins("web") })
      const left = decide({ first: own, configured: undefined }, [web(), sidecar])
      expect([left.actions, left.problems.map(({ level }) => level)]).toEqual([[], ["ERROR"]])
      expect(left.problems[0]?.message).toContain("sidecar")
    })

    it("tries it five times, and then says that it gave up", () => {
      let { memory } = decide({ first: own, configured: undefined })
      let now = NOW
      for (let attempt = 1; attempt <= 5; attempt += 1) {
        expect(brief(decide({ first: own, configured: undefined, memory, now }).actions)).toEqual(["Recreate"])
        memory = followFailed(memory, now)
        const next = decide({ first: own, configured: undefined, memory, now })
        expect(next.actions).toEqual([])
        now = next.again ?? now
      }
      const gaveUp = decide({ first: own, configured: undefined, memory, now: now + 1e6 })
      expect([gaveUp.actions, gaveUp.problems.map(({ level }) => level)]).toEqual([[], ["ERROR"]])
      const another = decide({ first: own, configured: undefined, memory, now: now + 1e6 }, [web({ nth: 2 })])
      expect(brief(another.actions)).toEqual(["Recreate"])
    })

    it("does not count attempts to connect among those", () => {
      let { memory } = decide({ found: net("net-2", "a") })
      for (let attempt = 1; attempt <= 5; attempt += 1) memory = followFailed(memory, NOW)
      expect(brief(decide({ first: own, configured: undefined, memory }).actions)).toEqual(["Recreate"])
    })
  })

  it("stays off while nobody else is there", () => {
    for (const members of [[], [anchord.id]]) {
      const alone = decide({ found: net("net-2", ...members) })
      expect([alone.actions, alone.again]).toEqual([[], undefined])
    }
  })

  it("comes back to the new network when the others have been there, unchanged, for 3 s", () => {
    const [first, more, still, due] = looks([
      { found: net("net-2", "a"), now: NOW },
      { found: net("net-2", "a", "b"), now: NOW + 2_000 },
      { found: net("net-2", "b", "a"), now: NOW + 4_999 },
      { found: net("net-2", "a", "b"), now: NOW + 5_000 }
    ])
    expect([first?.actions, first?.again]).toEqual([[], NOW + 3_000])
    expect([more?.actions, more?.again]).toEqual([[], NOW + 5_000])
    expect([still?.actions, still?.again]).toEqual([[], NOW + 5_000])
    expect(due?.actions).toEqual([
      {
        _tag: "Connect",
        id: idOf("web"),
        name: "web",
        network: "shop_back",
        networkId: "net-2",
        reason: "shop_back was made anew, and web is on the old one"
      }
    ])
  })

  it("comes back after 90 s at most, however much the others change", () => {
    const changing = Array.from({ length: 46 }, (_, index) => ({
      found: net("net-2", `member-${index}`),
      now: NOW + index * 2_000
    }))
    const acted = looks(changing).map(({ actions }) => actions.length > 0)
    expect(acted.indexOf(true)).toBe(45)
  })

  it("counts the 90 s anew when the network is made anew meanwhile, or the others were gone", () => {
    const [, second] = looks([
      { found: net("net-2", "a"), now: NOW },
      { found: net("net-3", "a"), now: NOW + 89_000 }
    ])
    expect(second?.again).toBe(NOW + 92_000)
    const [, , back] = looks([
      { found: net("net-2", "a"), now: NOW },
      { found: net("net-2"), now: NOW + 50_000 },
      { found: net("net-2", "b"), now: NOW + 89_500 }
    ])
    expect(back?.again).toBe(NOW + 92_500)
  })

  it("only connects what is on no network of that name", () => {
    const [, due] = looks([
      { found: net("net-1", "a"), configured: undefined, now: NOW },
      { found: net("net-1", "a"), configured: undefined, now: NOW + 3_000 }
    ])
    expect(brief(due?.actions ?? [])).toEqual(["Connect net-1"])
    expect(due?.actions[0]?.reason).toBe("others are back on shop_back")
  })

  it("restarts the follower after it is connected, if it is told to and the follower runs", () => {
    const memory = decide({ found: net("net-2", "a") }).memory
    const due = { found: net("net-2", "a"), memory, now: NOW + 3_000, restart: true }
    expect(decide(due).actions.at(-1)).toMatchObject({ _tag: "Restart", after: idOf("web") })
    expect(brief(decide(due, [web({ status: "exited" })]).actions)).toEqual(["Disconnect", "Connect net-2"])
  })

  it("only connects a follower that runs: it has nothing to leave", () => {
    const found = net("net-2", "a")
    const due = { found, memory: decide({ found }).memory, now: NOW + 3_000 }
    for (const configured of ["net-1", "net-2", "", undefined])
      for (const status of ["running", "paused"] as const)
        expect(brief(decide({ ...due, configured }, [web({ status })]).actions)).toEqual(["Connect net-2"])
  })

  it("leaves a follower to itself that will be on the network by itself", () => {
    const found = net("net-2", "a")
    const due = { found, memory: decide({ found }).memory, now: NOW + 3_000 }
    for (const status of ["restarting", "exited", "created"] as const)
      for (const configured of ["net-2", ""])
        expect(decide({ ...due, configured }, [web({ status })]).actions).toEqual([])
  })

  it("frees a follower that runs of a network that is gone; one that does not run waits for another of that name", () => {
    for (const configured of ["net-1", ""]) {
      const freed = decide({ configured })
      expect([brief(freed.actions), freed.memory]).toEqual([["Disconnect"], emptyFollow])
      for (const status of ["exited", "restarting", "created"] as const)
        expect(decide({ configured }, [web({ status })]).actions).toEqual([])
    }
    expect(decide({ configured: undefined }).actions).toEqual([])
  })

  it("moves a stopped follower off a network that is gone, and leaves it otherwise", () => {
    const stopped = [web({ status: "exited" })]
    const found = net("net-2", "a")
    const { memory } = decide({ found }, stopped)
    const due = { found, memory, now: NOW + 3_000 }
    expect(brief(decide(due, stopped).actions)).toEqual(["Disconnect", "Connect net-2"])
    for (const configured of ["net-2", undefined]) {
      const left = decide({ ...due, configured }, stopped)
      expect([left.actions, left.again]).toEqual([[], undefined])
    }
  })

  it("tries again four times, waiting twice as long each time, and then says that it gave up", () => {
    const found = net("net-2", "a")
    let { memory } = decide({ found })
    let now = NOW + 3_000
    const waits: Array<number> = []
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      expect(brief(decide({ found, memory, now }).actions)).toContain("Connect net-2")
      memory = followFailed(memory, now)
      const next = decide({ found, memory, now })
      waits.push((next.again ?? Number.NaN) - now)
      now = next.again ?? now
    }
    expect(waits).toEqual([2_000, 4_000, 8_000, 16_000, Number.NaN])
    const gaveUp = decide({ found, memory, now: now + 1e6 })
    expect([gaveUp.actions, gaveUp.problems.map(({ key, level }) => `${level} ${key}`), gaveUp.again]).toEqual([
      [],
      ["ERROR follow:failed"],
      undefined
    ])
    expect(brief(decide({ found, memory: followAfresh(memory), now }).actions)).toEqual(["Connect net-2"])
    const changed = decide({ found: net("net-2", "a", "b"), memory, now })
    expect([changed.problems, changed.again]).toEqual([[], now + 3_000])
    expect(decide({ found, memory, now }, [web({ nth: 2 })]).again).toBe(now + 3_000)
  })

  it("forgets its failures when it is on the network", () => {
    const failed = followFailed(decide({ found: net("net-2", "a") }).memory, NOW)
    const { memory } = decide({ found: net("net-2", "a", idOf("web")), memory: failed })
    expect(memory.failures).toBe(0)
  })
})
