import * as fc from "fast-check"
import { families } from "../../src/domain/Address.ts"
import type { Action, ContainerAction, Step } from "./actions.ts"
import { MANAGED, NETWORK_ANCHOR, optionalRoles, OUTPOST, roles, type Casting } from "./cast.ts"

const names = [...roles.map(({ name }) => name), MANAGED]
const inProject = names.filter((name) => name !== NETWORK_ANCHOR)
const backends = ["web-anchor", "mail-anchor", "spare-anchor", "files", OUTPOST]

/** Those who live in the namespace of another one. */
const joining = [...roles.flatMap(({ name, joins }) => (joins === undefined ? [] : [name])), MANAGED]

const one = <Tag extends Action["_tag"]>(tag: Tag) =>
  fc.constant({ _tag: tag } as Extract<Action, { readonly _tag: Tag }>)
const about = <Tag extends ContainerAction>(tag: Tag, whom: ReadonlyArray<string>) =>
  fc.record({ _tag: fc.constant(tag), name: fc.constantFrom(...whom) })

const otherPrograms = [
  ...roles.flatMap(({ name, anchor }) => (anchor === undefined || name === NETWORK_ANCHOR ? [] : [name])),
  MANAGED
]

const family = fc.constantFrom(...families)
const few = fc.integer({ min: 1, max: 4 })
/** Whose answers get lost: any, or those of one of the steps of a re-creation. */
const answered = fc.constantFrom(
  "*" as const,
  "POST /containers/create" as const,
  "POST /containers/{id}/start" as const,
  "POST /containers/{id}/rename" as const
)
/** Up to all the events of a restart. */
const many = fc.integer({ min: 1, max: 12 })

const everyday: ReadonlyArray<fc.WeightedArbitrary<Action>> = [
  { weight: 6, arbitrary: about("Start", inProject) },
  { weight: 4, arbitrary: about("Stop", inProject) },
  { weight: 3, arbitrary: about("Kill", inProject) },
  { weight: 6, arbitrary: about("Restart", inProject) },
  { weight: 3, arbitrary: about("Remove", inProject) },
  { weight: 10, arbitrary: about("Recreate", inProject) },
  { weight: 3, arbitrary: about("Pause", inProject) },
  // These are seldom possible: only what is paused or off its network is meant.
  { weight: 20, arbitrary: about("Unpause", inProject) },
  { weight: 3, arbitrary: about("Crash", inProject) },
  { weight: 2, arbitrary: about("Disconnect", backends) },
  { weight: 12, arbitrary: about("Reconnect", backends) },
  { weight: 2, arbitrary: about("Noise", names) },
  { weight: 2, arbitrary: one("ComposeRecreate") },
  { weight: 1, arbitrary: one("ComposeDown") },
  { weight: 2, arbitrary: one("NetworkReborn") },
  { weight: 2, arbitrary: one("ComposeUp") },
  {
    weight: 8,
    arbitrary: fc.record({
      _tag: fc.constant("Open" as const),
      client: fc.integer({ min: 0, max: 1 }),
      port: fc.nat({ max: 30 }),
      family
    })
  }
]

/** Whoever was killed or stopped stays so until then, and without a network-anchor there is little to look at. */
const revival: fc.WeightedArbitrary<Action> = { weight: 20, arbitrary: about("Start", [NETWORK_ANCHOR]) }

const ofAnchor = (tag: ContainerAction, weight: number) => ({ weight, arbitrary: about(tag, [NETWORK_ANCHOR]) })
const away = fc.constantFrom(50, 700, 7_000, 45_000)
const silent = fc.constantFrom(100, 3_000, 40_000)

/** What can go wrong, by kind and name, and how often it does. */
const faults = {
  docker: {
    EngineRestart: {
      weight: 1,
      arbitrary: fc.record({
        _tag: fc.constant("EngineRestart" as const),
        how: fc.constantFrom("shutdown" as const, "power failure" as const, "live restore" as const)
      })
    },
    AnswersLost: {
      weight: 2,
      arbitrary: fc.record({ _tag: fc.constant("AnswersLost" as const), times: few, call: answered })
    },
    EngineAway: { weight: 1, arbitrary: fc.record({ _tag: fc.constant("EngineAway" as const), millis: away }) },
    EngineHangs: { weight: 1, arbitrary: fc.record({ _tag: fc.constant("EngineHangs" as const), millis: away }) },
    ApiSlow: {
      weight: 2,
      arbitrary: fc.record({ _tag: fc.constant("ApiSlow" as const), millis: fc.constantFrom(0, 5, 80, 900) })
    },
    ApiFails: { weight: 2, arbitrary: fc.record({ _tag: fc.constant("ApiFails" as const), times: few }) },
    GoneAfter: {
      weight: 2,
      arbitrary: fc.record({
        _tag: fc.constant("GoneAfter" as const),
        name: fc.constantFrom(...inProject),
        call: fc.constantFrom("GET /containers/json?id" as const, "GET /networks/{id}" as const)
      })
    }
  },
  /** Apart from what is wrong with the engine as a whole, which excuses for long what a repair that fails does not. */
  starts: {
    StartFails: {
      weight: 10,
      arbitrary: fc.record({
        _tag: fc.constant("StartFails" as const),
        name: fc.constantFrom(...joining),
        times: fc.integer({ min: 3, max: 4 })
      })
    }
  },
  events: {
    StreamCut: { weight: 2, arbitrary: one("StreamCut") },
    EventsLost: { weight: 4, arbitrary: fc.record({ _tag: fc.constant("EventsLost" as const), count: many }) },
    EventsDoubled: { weight: 2, arbitrary: fc.record({ _tag: fc.constant("EventsDoubled" as const), count: few }) },
    EventsLate: {
      weight: 2,
      arbitrary: fc.record({
        _tag: fc.constant("EventsLate" as const),
        of: fc.constantFrom("container" as const, "network" as const),
        millis: fc.constantFrom(0, 1, 40, 600, 5_000)
      })
    }
  },
  nft: {
    NftDies: {
      weight: 2,
      arbitrary: fc.record({
        _tag: fc.constant("NftDies" as const),
        when: fc.constantFrom("idle" as const, "before" as const, "after" as const)
      })
    },
    NftRefuses: { weight: 1, arbitrary: one("NftRefuses") }
  },
  conntrack: {
    ConntrackFails: {
      weight: 2,
      arbitrary: fc.record({ _tag: fc.constant("ConntrackFails" as const), millis: fc.constantFrom(10, 3_000, 40_000) })
    }
  },
  netlink: {
    MonitorLosesLines: {
      weight: 2,
      arbitrary: fc.record({ _tag: fc.constant("MonitorLosesLines" as const), count: few })
    }
  },
  interference: {
    FlushRuleset: { weight: 2, arbitrary: one("FlushRuleset") },
    DeleteElement: {
      weight: 2,
      arbitrary: fc.record({ _tag: fc.constant("DeleteElement" as const), index: fc.nat({ max: 40 }) })
    },
    SpoilDefaultRoute: {
      weight: 2,
      arbitrary: fc.record({
        _tag: fc.constant("SpoilDefaultRoute" as const),
        family,
        how: fc.constantFrom("delete" as const, "replace" as const, "add" as const),
        name: fc.constantFrom(NETWORK_ANCHOR, "web-anchor", "files")
      })
    },
    DeleteAddress: { weight: 1, arbitrary: fc.record({ _tag: fc.constant("DeleteAddress" as const), family }) },
    Replug: {
      weight: 2,
      arbitrary: fc.record({
        _tag: fc.constant("Replug" as const),
        gapMillis: fc.constantFrom(0, 300, 8_000),
        renamed: fc.boolean()
      })
    }
  },
  dhcp: {
    DhcpSilent: { weight: 2, arbitrary: one("DhcpSilent") },
    DhcpServes: { weight: 2, arbitrary: one("DhcpServes") },
    DhcpRefuses: { weight: 3, arbitrary: one("DhcpRefuses") },
    DhcpDies: { weight: 1, arbitrary: one("DhcpDies") },
    DhcpForgets: { weight: 2, arbitrary: one("DhcpForgets") },
    DhcpRival: {
      weight: 3,
      arbitrary: fc.record({ _tag: fc.constant("DhcpRival" as const), serves: fc.boolean(), isFirst: fc.boolean() })
    },
    DhcpRotates: {
      weight: 3,
      arbitrary: fc.record({ _tag: fc.constant("DhcpRotates" as const), index: fc.nat({ max: 3 }) })
    }
  },
  ra: {
    RouterAdvertises: {
      weight: 3,
      arbitrary: fc.record({ _tag: fc.constant("RouterAdvertises" as const), lives: fc.boolean() })
    }
  },
  dns: {
    DnsFails: { weight: 1, arbitrary: fc.record({ _tag: fc.constant("DnsFails" as const), millis: silent }) },
    DnsFlaps: { weight: 1, arbitrary: fc.record({ _tag: fc.constant("DnsFlaps" as const), millis: silent }) }
  },
  process: {
    Killed: ofAnchor("Kill", 2),
    Restarted: ofAnchor("Restart", 2),
    Crashes: ofAnchor("Crash", 2),
    Recreated: ofAnchor("Recreate", 2),
    Stopped: ofAnchor("Stop", 1),
    DiesAtCall: {
      weight: 6,
      arbitrary: fc.record({
        _tag: fc.constant("DiesAtCall" as const),
        name: fc.constantFrom(NETWORK_ANCHOR, NETWORK_ANCHOR, NETWORK_ANCHOR, ...otherPrograms),
        calls: fc.integer({ min: 1, max: 30 }),
        signal: fc.constantFrom("SIGTERM" as const, "SIGKILL" as const)
      })
    }
  }
} satisfies Readonly<Record<string, Readonly<Record<string, fc.WeightedArbitrary<Action>>>>>

type Kind = keyof typeof faults

const kindOf = new Map<string, Kind>(
  (Object.keys(faults) as ReadonlyArray<Kind>).flatMap((kind) => Object.keys(faults[kind]).map((name) => [name, kind]))
)

const byName = new Map<string, fc.WeightedArbitrary<Action>>(
  Object.values(faults).flatMap((some) => Object.entries(some))
)

/** The kinds of trouble. */
export const faultKinds: ReadonlyArray<string> = Object.keys(faults)

/** The faults with these names, which may be those of whole kinds; nothing for a name of neither. */
export const faultsNamed = (name: string): ReadonlyArray<string> | undefined => {
  if (byName.has(name)) return [name]
  return name in faults ? Object.keys(faults[name as Kind]) : undefined
}

/** Every fault, by name. */
export const allFaults: ReadonlyArray<string> = [...byName.keys()]

/** How long after one thing the next one happens: mostly in the middle of what the first one caused. */
const pause = fc.oneof(
  { weight: 80, arbitrary: fc.constant(0) },
  { weight: 80, arbitrary: fc.integer({ min: 1, max: 400 }) },
  { weight: 10, arbitrary: fc.integer({ min: 400, max: 4_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 4_000, max: 40_000 }) }
)

const weighted = (chosen: ReadonlyArray<string>): ReadonlyArray<fc.WeightedArbitrary<Action>> => [
  ...chosen.flatMap((name) => byName.get(name) ?? []),
  ...(chosen.some((name) => kindOf.get(name) === "process") ? [revival] : [])
]

/** A step with what happens every day and these faults. */
export const stepWith = (chosen: ReadonlyArray<string>): fc.Arbitrary<Step> =>
  fc.record({
    action: fc.oneof(
      { weight: 400, arbitrary: fc.oneof(...everyday, ...weighted(chosen)) },
      { weight: 1, arbitrary: one("Quiet") }
    ),
    thenMillis: pause
  })

export const castingWith = (chosen: ReadonlyArray<string>): fc.Arbitrary<Casting> => {
  const kinds = new Set(chosen.map((name) => kindOf.get(name)))
  return fc.record({
    addressMode: fc.constantFrom(
      "bootstrap" as const,
      ...(kinds.has("dhcp") ? ["dhcp-refresh" as const] : []),
      ...(kinds.has("ra") ? ["slaac-ra-only" as const] : [])
    ),
    autofixScope: fc.constantFrom("own" as const, "project" as const),
    selector: fc.boolean(),
    pinned: fc.boolean(),
    managed: fc.boolean(),
    chance: fc.nat({ max: 999_999 }),
    present: fc.subarray(optionalRoles, { minLength: 1, maxLength: 3 })
  })
}
