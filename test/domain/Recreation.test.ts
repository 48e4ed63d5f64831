import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { createRequest } from "../../src/domain/CreateRequest.ts"
import { type Inspection, nanosOf } from "../../src/domain/Inspection.ts"
import {
  type Action,
  isMadeOf,
  awayOf,
  nameAway,
  nameBefore,
  recovery,
  recreation,
  type Recreation,
  undoing
} from "../../src/domain/Recreation.ts"
import { differing, inspectionOf } from "./inspections.ts"

const stepsOf = (inspection: Inspection): Recreation => {
  const decided = recreation(inspection)
  if (Result.isFailure(decided)) throw new Error(decided.failure)
  return decided.success
}

const say = (action: Action): string =>
  [
    action._tag,
    ...("who" in action ? [action.who] : []),
    ...("name" in action ? [action.name] : []),
    ...("policy" in action ? [action.policy.Name] : [])
  ].join(" ")

const told = (inspection: Inspection) => {
  const { steps, last } = stepsOf(inspection)
  return { steps: steps.map(({ action, undo }) => [say(action), say(undo)]), last: say(last) }
}

const never = "0001-01-01T00:00:00Z"
const at = (minute: number) => `2099-01-01T16:${String(minute).padStart(2, "0")}:00.123456789Z`

describe("the name of a container that is replaced", () => {
  const id = "0123456789abcdef".repeat(4)

  it("is made of its own and its ID, and tells both again", () => {
    expect(nameAway("mail-web-1", id)).toBe("mail-web-1-anchord-old-0123456789ab")
    expect(nameBefore({ id, name: nameAway("mail-web-1", id) })).toBe("mail-web-1")
    expect(nameBefore({ id, name: nameAway(nameAway("a", id), id) })).toBe(nameAway("a", id))
  })

  it("is not mistaken for that of a container with another ID, or for no name at all", () => {
    const by = "abcdef012345".repeat(5) + "abcd"
    expect(nameAway("web", id, by)).toBe("web-anchord-old-0123456789ab-abcdef012345")
    expect(awayOf({ id, name: nameAway("web", id, by) })).toEqual({ name: "web", by: "abcdef012345" })
    expect(awayOf({ id, name: nameAway("web", id) })).toEqual({ name: "web" })
    expect(awayOf({ id, name: `${nameAway("web", id)}-abc` })).toBeUndefined()
    expect(nameBefore({ id: "f".repeat(64), name: nameAway("web", id) })).toBeUndefined()
    expect(nameBefore({ id, name: "web" })).toBeUndefined()
    expect(nameBefore({ id, name: nameAway("", id) })).toBeUndefined()
  })
})

describe("re-creating a container", () => {
  const away = nameAway("varied-plain", inspectionOf("plain").Id)

  it("creates the new one before the old one is stopped, and starts it after", () => {
    expect(told(inspectionOf("plain"))).toEqual({
      steps: [
        [`Rename old ${away}`, "Rename old varied-plain"],
        ["Create varied-plain", "Remove new"],
        ["Stop old", "Start old"],
        ["Start new", "Stop new"]
      ],
      last: "Remove old"
    })
  })

  it("keeps the engine from starting the old one again, where its restart policy would", () => {
    const policies = ["no", "", "unless-stopped", "always", "on-failure"]
    const withPolicy = (Name: string) => told(differing("plain", { HostConfig: { RestartPolicy: { Name } } })).steps[2]
    expect(policies.map(withPolicy)).toEqual([
      ["Stop old", "Start old"],
      ["Stop old", "Start old"],
      ["Stop old", "Start old"],
      ["SetRestartPolicy old no", "SetRestartPolicy old always"],
      ["SetRestartPolicy old no", "SetRestartPolicy old on-failure"]
    ])
    expect(told(differing("plain", { HostConfig: { RestartPolicy: null } })).steps).toHaveLength(4)
  })

  it("asks for the image that the old one really is of, unless another is meant", () => {
    const { Image } = inspectionOf("plain")
    expect(stepsOf(inspectionOf("plain")).steps[1]?.action).toMatchObject({ imageId: Image })
    const other = recreation(inspectionOf("plain"), { image: { name: "other", replaced: {} } })
    expect(Result.getOrThrow(other).steps[1]?.action).not.toHaveProperty("imageId")
  })

  it("starts nothing that did not run, and stops what only waits to be restarted", () => {
    for (const Status of ["created", "exited"]) {
      expect(told(differing("plain", { State: { Status } })).steps.map(([action]) => action)).toEqual([
        `Rename old ${away}`,
        "Create varied-plain"
      ])
    }
    expect(told(differing("plain", { State: { Status: "restarting" } })).steps).toHaveLength(4)
  })

  it("starts the new one of what did not run where that is wanted, and takes back just that", () => {
    for (const Status of ["created", "exited"]) {
      const plan = Result.getOrThrow(recreation(differing("plain", { State: { Status } }), {}, true))
      expect(plan.steps.map(({ action, undo }) => [say(action), say(undo)])).toEqual([
        [`Rename old ${away}`, "Rename old varied-plain"],
        ["Create varied-plain", "Remove new"],
        ["Start new", "Stop new"]
      ])
      expect(undoing(plan, 3).map(say)).toEqual(["Stop new", "Remove new", "Rename old varied-plain"])
    }
    const running = Result.getOrThrow(recreation(inspectionOf("plain"), {}, true))
    expect(running).toEqual(stepsOf(inspectionOf("plain")))
  })

  it("gives both the time to end that the container asks for, with a limit", () => {
    const grace = (StopTimeout: number | null) =>
      stepsOf(differing("plain", { Config: { StopTimeout } }))
        .steps.flatMap(({ action, undo }) => [action, undo])
        .flatMap((action) => (action?._tag === "Stop" ? [action.graceSeconds] : []))
    expect([null, 3, 0, -1, 7200].map(grace)).toEqual([
      [10, 10],
      [3, 3],
      [0, 0],
      [300, 300],
      [300, 300]
    ])
  })

  it("is refused where something would be lost, with what to do about it", () => {
    const why = (parts: Parameters<typeof differing>[1]) =>
      Result.match(recreation(differing("plain", parts)), { onFailure: (reason) => reason, onSuccess: () => "" })
    expect(why({ HostConfig: { AutoRemove: true } })).toContain("--rm")
    expect(why({ State: { Status: "paused" } })).toContain("unpause")
    expect(why({ State: { Status: "removing" } })).toContain("removed")
    expect(why({ State: { Status: "dead" } })).toContain("removed")
    expect(why({ Name: `/${away}` })).toContain("already")
    expect(why({})).toBe("")
  })
})

describe("undoing", () => {
  it("takes back what was begun, the last first: what may have had no effect, too", () => {
    const whole = stepsOf(inspectionOf("anonymous"))
    const all = ["Stop new", "Start old", "SetRestartPolicy old always", "Remove new", "Rename old varied-anonymous"]
    for (let begun = 0; begun <= 5; begun++)
      expect(undoing(whole, begun).map(say)).toEqual(all.slice(all.length - begun))
  })
})

describe("a container under the name of one that was renamed away", () => {
  const old = inspectionOf("plain")
  const request = createRequest(old)
  const made = { Id: "f".repeat(64), Created: at(59), State: { Status: "created", StartedAt: never } }

  it("is the one that was just created when it has its labels, is younger, and was never started", () => {
    expect(isMadeOf(differing("plain", made), old, request)).toBe(true)
    expect(isMadeOf(old, old, request)).toBe(false)
    expect(isMadeOf(differing("plain", { ...made, State: { StartedAt: at(58) } }), old, request)).toBe(false)
    expect(isMadeOf(differing("plain", { ...made, Created: "2020-01-01T00:00:00Z" }), old, request)).toBe(false)
    for (const Labels of [{}, null, { ...old.Config.Labels, "org.opencontainers.image.version": "2.9.0" }])
      expect(isMadeOf(differing("plain", { ...made, Config: { Labels } }), old, request)).toBe(false)
  })

  it("is nobody known where the old one has been removed: whoever did that may have made another", () => {
    expect(isMadeOf(differing("plain", made), undefined, request)).toBe(false)
  })
})

describe("an attempt that was cut short", () => {
  const name = "varied-plain"
  const { Id } = inspectionOf("plain")
  const old = (state: object, policy = "no") =>
    differing("plain", {
      Name: `/${nameAway(name, Id)}`,
      State: state,
      HostConfig: { RestartPolicy: { Name: policy } }
    })
  const successor = (state: object, policy = "no") =>
    differing("plain", {
      Id: "f".repeat(64),
      Created: at(30),
      State: state,
      HostConfig: { RestartPolicy: { Name: policy } }
    })
  const running = { Status: "running", StartedAt: at(31) }
  const ended = (minute: number) => ({ Status: "exited", StartedAt: at(1), FinishedAt: at(minute) })
  const created = { Status: "created", StartedAt: never, FinishedAt: never }
  const decided = (before: Inspection, after?: Inspection) => {
    const { _tag, actions } = recovery(before, after)
    return [_tag, ...actions.map(say)]
  }
  const nameBack = `Rename old ${name}`

  it("before there was a successor gives the name back", () => {
    for (const state of [running, ended(1), created]) expect(decided(old(state))).toEqual(["Undo", nameBack])
  })

  it("while the old one ran removes the successor", () => {
    expect(decided(old(running), successor(created))).toEqual(["Undo", "Remove new", nameBack])
  })

  it("while the old one runs leaves alone who has taken the name, until he runs", () => {
    const taken = (before: Inspection, after: Inspection | undefined) => recovery(before, after, true)
    expect(taken(old(running), successor(created))).toEqual({ _tag: "Leave", actions: [] })
    for (const [before, after] of [
      [old(running), successor(running)],
      [old(ended(31)), successor(created)]
    ] as const)
      expect(taken(before, after)).toEqual(recovery(before, after))
  })

  it("after the old one was stopped starts that again", () => {
    expect(decided(old(ended(31)), successor(created))).toEqual(["Undo", "Start old", "Remove new", nameBack])
  })

  it("of a container that did not run stays, unless it is not on all its networks yet", () => {
    const { Networks } = inspectionOf("plain").NetworkSettings
    const unfinished = { ...successor(created), NetworkSettings: { Networks: {} } }
    const beyond = { ...successor(created), NetworkSettings: { Networks: { ...Networks, more: {} } } }
    const joined = { ...unfinished, HostConfig: { NetworkMode: "container:other" } }
    for (const before of [old(ended(29)), old(created)]) {
      expect(decided(before, successor(created))).toEqual(["Finish", "Remove old"])
      expect(decided(before, joined)).toEqual(["Finish", "Remove old"])
      expect(decided(before, unfinished)).toEqual(["Undo", "Remove new", nameBack])
      expect(decided(before, beyond)).toEqual(["Undo", "Remove new", nameBack])
    }
  })

  it("gives the restart policy back that the successor has", () => {
    expect(decided(old(ended(31)), successor(created, "always"))).toEqual([
      "Undo",
      "Start old",
      "SetRestartPolicy old always",
      "Remove new",
      nameBack
    ])
    expect(decided(old(running, "always"), successor(created, "always"))).toEqual(["Undo", "Remove new", nameBack])
  })

  it("when the successor runs removes the old one", () => {
    expect(decided(old(ended(31)), successor(running))).toEqual(["Finish", "Remove old"])
    expect(decided(old(running), successor(running))).toEqual(["Finish", "Stop old", "Remove old"])
  })

  it("when the successor was stopped again, as undoing does, goes on with that", () => {
    expect(decided(old(ended(31)), successor(ended(32)))).toEqual(["Undo", "Start old", "Remove new", nameBack])
    expect(decided(old(running), successor(ended(32)))).toEqual(["Undo", "Remove new", nameBack])
  })
})

describe("a time of Docker's", () => {
  it("is read to the nanosecond, however many digits it has", () => {
    expect(nanosOf("2026-11-24T16:00:00.123456789Z") - nanosOf("2026-11-24T16:00:00Z")).toBe(123_456_789n)
    expect(nanosOf("2026-11-24T16:00:00.5Z") - nanosOf("2026-11-24T16:00:00Z")).toBe(500_000_000n)
    expect(nanosOf("1970-01-01T00:00:01Z")).toBe(1_000_000_000n)
    expect(nanosOf(never)).toBeLessThan(0n)
    expect(nanosOf("")).toBe(0n)
  })
})
