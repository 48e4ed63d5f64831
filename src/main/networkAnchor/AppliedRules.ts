import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { families, type Family } from "../../domain/Address.ts"
import { tableOf, type DnatPlan, type DnatTable } from "../../domain/Dnat.ts"
import { planDnat } from "../../domain/DnatPlan.ts"
import { baseRuleset, fillCommands, planCommands, type NftCommand, type TableContent } from "../../domain/NftJson.ts"
import * as Metrics from "../../layers/observability/NetworkAnchorMetrics.ts"
import { Nftables, type NftError } from "../../services/Nftables.ts"
import { sentence } from "../../domain/Sentence.ts"
import { logError, logWarning } from "../../layers/observability/OperatorLog.ts"

/** What anchord knows to be in the kernel. */
interface Applied {
  readonly table: DnatTable
  readonly rules: Readonly<Record<Family, string>>
  readonly generation: number
  readonly extLink: string
}

/** What a call has changed. */
export interface AppliedChange {
  readonly plan: DnatPlan
  /** Whether it is known what the maps held until then. Otherwise any flow may have gone astray meanwhile, and not only those of the plan. */
  readonly wasKnown: boolean
}

/** The one place that changes the rule set: brings the kernel from what it holds to a desired table (SPEC §5, §6). */
export interface AppliedRules {
  /**
   * Applies the difference as one transaction and answers with it. With `verify`, or when the nft session is a new one, the
   * kernel is read first and drift is repaired: a missing table or changed rules by installing everything again.
   */
  readonly apply: (desired: DnatTable, extLink: string, verify: boolean) => Effect.Effect<AppliedChange, NftError>
}

const readTables = Effect.fn("nft.read")(function* () {
  const nft = yield* Nftables
  const content: Partial<Record<Family, TableContent>> = {}
  for (const family of families) {
    const table = yield* nft.readTable(family)
    if (table !== undefined) content[family] = table
  }
  return content
})

/** Without the stack, whose price every change of the maps would pay. */
const transact = (nft: Nftables["Service"], commands: ReadonlyArray<NftCommand>) =>
  Effect.withSpan(nft.transaction(commands), "nft.transaction", {
    attributes: { commands: commands.length },
    captureStackTrace: false
  })

export const makeAppliedRules = Effect.gen(function* () {
  const nft = yield* Nftables
  let applied: Applied | undefined
  /** What the maps held when they were last known: flows may still go there when a change fails half-way. */
  let lastKnown: DnatTable = tableOf([])
  let installedBefore = false

  const install = Effect.fnUntraced(function* (desired: DnatTable, extLink: string) {
    yield* transact(nft, [...baseRuleset({ extIface: extLink }), ...fillCommands([...desired.values()])])
    const { v4, v6 } = yield* readTables()
    const generation = yield* nft.generation
    installedBefore = true
    return { table: desired, rules: { v4: v4?.rules ?? "", v6: v6?.rules ?? "" }, generation, extLink }
  })

  /** The kernel's own view of what is applied; `undefined` when it has to be installed whole. */
  const observe = Effect.fnUntraced(function* (known: Applied) {
    const generation = yield* nft.generation
    const { v4, v6 } = yield* readTables().pipe(Effect.provideService(Nftables, nft))
    const whole = v4?.rules === known.rules.v4 && v6?.rules === known.rules.v6
    const table = tableOf([...(v4?.entries ?? []), ...(v6?.entries ?? [])])
    const drift = planDnat(known.table, table)
    if (whole && drift.add.length + drift.remove.length === 0) return { ...known, generation }
    yield* Metric.update(Metrics.driftRepairs, 1)
    yield* logWarning(sentence`the rule set in the kernel is not what anchord applied; repairing it`).pipe(
      Effect.annotateLogs({
        missing: drift.remove.length,
        foreign: drift.add.length,
        tables: whole ? "intact" : "missing or changed"
      })
    )
    return whole ? { ...known, table, generation } : undefined
  })

  const apply = Effect.fnUntraced(function* (desired: DnatTable, extLink: string, verify: boolean) {
    let known = applied?.extLink === extLink ? applied : undefined
    // Until the transaction is known to have held, nothing is known: a failure makes the next call read or install.
    applied = undefined
    if (known !== undefined && (verify || known.generation !== (yield* nft.generation))) known = yield* observe(known)
    if (known === undefined) {
      applied = yield* install(desired, extLink).pipe(Effect.provideService(Nftables, nft))
      const plan = planDnat(lastKnown, desired)
      lastKnown = desired
      return { plan, wasKnown: false }
    }
    const plan = planDnat(known.table, desired)
    const commands = planCommands(plan)
    if (commands.length > 0) yield* transact(nft, commands)
    applied = { ...known, table: desired }
    lastKnown = desired
    return { plan, wasKnown: true }
  })

  return {
    apply: (desired: DnatTable, extLink: string, verify: boolean) =>
      apply(desired, extLink, verify).pipe(
        Effect.tapError((error) =>
          installedBefore
            ? logError(sentence`changing the rule set failed; installing it whole at the next try`).pipe(
                Effect.annotateLogs({ reason: error.reason, error: error.message })
              )
            : Effect.void
        )
      )
  } satisfies AppliedRules
})
