import { mutant, type Mutant } from "./Mutant.ts"

const BACKENDS = "src/domain/Backends.ts"
const DESIRED = "src/domain/DesiredDnat.ts"
const PLAN = "src/domain/DnatPlan.ts"
const RULES = "src/domain/NftJson.ts"
const APPLIED = "src/main/networkAnchor/AppliedRules.ts"
const SHARED = "src/domain/SharedNetwork.ts"

/** What a port leads to: who gets it, and how it gets into the kernel. */
export const mapMutants: ReadonlyArray<Mutant> = [
  mutant(
    "conflict-by-arrival",
    "Of two containers that want a port, the one that comes first in the listing has it, not the older one.",
    DESIRED,
    "backends.toSorted(bySeniority)",
    "backends"
  ),
  mutant(
    "ties-to-the-higher-id",
    "Of two containers that were created in one second the one with the higher ID has the port.",
    DESIRED,
    "(a.id < b.id ? -1 : a.id > b.id ? 1 : 0)",
    "(a.id < b.id ? 1 : a.id > b.id ? -1 : 0)"
  ),
  mutant(
    "standby-loses-all",
    "Whoever loses one port of a range loses the whole range.",
    DESIRED,
    "remainder(mapping, lost)",
    "lost.length > 0 ? [] : [mapping]"
  ),
  mutant(
    "standby-not-promoted",
    "An element that changes hands is removed and not added: the standby gets the port when the drift is found.",
    PLAN,
    "filter((entry) => !unchanged(entry, applied))",
    "filter((entry) => !applied.has(entryKey(entry)))"
  ),
  mutant(
    "translated-range-keeps-ports",
    "A range that is translated to other ports becomes an interval, which keeps the ports.",
    DESIRED,
    "shift === 0 && piece.from < piece.to",
    "piece.from < piece.to"
  ),
  mutant(
    "v6-opt-out-ignored",
    "`anchord.expose.v6: off` is read and not heeded.",
    BACKENDS,
    `member.v6 === undefined || v6 === "off"`,
    "member.v6 === undefined"
  ),
  mutant(
    "mapped-at-start",
    "A container is mapped when it runs, not from the moment when its endpoint is there.",
    BACKENDS,
    "const wanted = running || (!sharesNamespace && shared?.members.has(id) === true)",
    "const wanted = running"
  ),
  mutant(
    "mapped-after-its-own-end",
    "A container that lives in another one's namespace stays mapped when it has ended, and that one has not.",
    BACKENDS,
    "(!sharesNamespace && shared?.members.has(id) === true)",
    "sharesNamespace || shared?.members.has(id) === true"
  ),
  mutant(
    "deletes-come-last",
    "What comes is added before what goes is deleted, so that the kernel refuses a key that changes its value.",
    RULES,
    `...elementCommands("delete", plan.remove),
  ...elementCommands("add", plan.add)`,
    `...elementCommands("add", plan.add),
  ...elementCommands("delete", plan.remove)`
  ),
  mutant(
    "transit-is-translated",
    "The lookups are made for every packet, not only for those to the project's own addresses.",
    RULES,
    `rule("prerouting", toUs, lookup)`,
    `rule("prerouting", lookup)`
  ),
  mutant(
    "inbound-is-masqueraded",
    "Masquerade is not limited to the external interface: backends see the network-anchor and not the client.",
    RULES,
    `rule("postrouting", match(meta("oifname"), extIface), { masquerade: null })`,
    `rule("postrouting", { masquerade: null })`
  ),
  mutant(
    "no-hairpin-mark",
    "Connections from inside to the project's own address are not marked, so their answers do not come back through the network-anchor.",
    RULES,
    `    rule("prerouting", fromInside, toUs, { mangle: { key: { ct: { key: "mark" } }, value: HAIRPIN_MARK } }),
`,
    ""
  ),
  mutant(
    "interface-by-name",
    "The external interface is taken to be eth1, as it is on the engineer's own machine.",
    APPLIED,
    "baseRuleset({ extIface: extLink })",
    `baseRuleset({ extIface: "eth1" })`
  ),
  mutant(
    "drift-of-one-family",
    "Only the IPv4 elements in the kernel are compared with what was applied.",
    APPLIED,
    "...(v6?.entries ?? [])",
    `...[...known.table.values()].filter(({ family }) => family === "v6")`
  ),
  mutant(
    "resync-without-compare",
    "A resync trusts what was applied and does not look at the kernel.",
    APPLIED,
    "(verify || known.generation !== (yield* nft.generation))",
    "known.generation !== (yield* nft.generation)"
  ),
  {
    name: "failed-transaction-believed",
    about: "After a transaction whose answer was lost the old state is taken for what is in the kernel.",
    changes: [
      { file: APPLIED, find: "    applied = undefined\n    if (known", replace: "    if (known" },
      {
        file: APPLIED,
        find: "(verify || known.generation !== (yield* nft.generation))",
        replace: "verify"
      }
    ]
  },
  mutant(
    "recovers-by-way-of-others",
    "After a failure each port leads to another backend than its own for half a second.",
    APPLIED,
    "    yield* transact(nft, [...baseRuleset",
    `    if (installedBefore) {
      const all = [...desired.values()]
      const others = all.map((entry) => ({
        ...entry,
        address: (all.find(({ family, address }) => family === entry.family && address !== entry.address) ?? entry).address
      }))
      yield* transact(nft, [...baseRuleset({ extIface: extLink }), ...fillCommands(others)])
      yield* Effect.sleep(500)
    }
    yield* transact(nft, [...baseRuleset`
  ),
  mutant(
    "rules-not-compared",
    "Drift is looked for in the elements and not in the chains and rules.",
    APPLIED,
    "const whole = v4?.rules === known.rules.v4 && v6?.rules === known.rules.v6",
    "const whole = true"
  ),
  mutant(
    "shared-network-chosen-once",
    "The first choice of the shared network stands, also where no backend was attached to any yet.",
    SHARED,
    "settled: best.backends > 0",
    "settled: true"
  )
]
