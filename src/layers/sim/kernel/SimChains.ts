import { families, type Family } from "../../../domain/Address.ts"
import { compileRule, type Rule, type RuleContext, type Verdict } from "./SimRules.ts"
import type { SimRuleset, SimTable } from "./SimRuleset.ts"

/** Where packets pass by (nft(8)). */
export type Hook = "prerouting" | "input" | "forward" | "output" | "postrouting"

/** A chain that packets come to by themselves. */
export interface BaseChain {
  readonly table: SimTable
  readonly name: string
  readonly priority: number
  readonly drops: boolean
}

export interface HookChains {
  readonly filter: ReadonlyArray<BaseChain>
  readonly nat: ReadonlyArray<BaseChain>
}

type Rules = ReadonlyMap<string, ReadonlyArray<Rule>>

const compiled = new WeakMap<SimTable["rules"], Rules>()

const rulesOf = ({ rules }: SimTable): Rules => {
  const known = compiled.get(rules)
  if (known !== undefined) return known
  const made = new Map(
    [...Map.groupBy(rules, (rule) => String(rule["chain"]))].map(([chain, all]) => [chain, all.map(compileRule)])
  )
  compiled.set(rules, made)
  return made
}

const JUMP_LIMIT = 16

/** What a chain says of a packet; nothing where it comes to its end. */
const evaluate = (table: SimTable, chain: string, context: RuleContext, depth = 0): Verdict | undefined => {
  if (depth > JUMP_LIMIT) throw new Error(`chain ${chain} jumps too deep`)
  for (const rule of rulesOf(table).get(chain) ?? []) {
    for (const statement of rule) {
      const step = statement(context, table)
      if (step === "go on") continue
      if (step === "next rule") break
      if (step._tag === "Return") return undefined
      if (step._tag !== "Jump") return step
      const verdict = evaluate(table, step.chain, context, depth + 1)
      if (verdict !== undefined || !step.returns) return verdict
      break
    }
  }
  return undefined
}

/** What a base chain says, its policy included. */
export const runChain = ({ table, name, drops }: BaseChain, context: RuleContext): Verdict =>
  evaluate(table, name, context) ?? { _tag: drops ? "Drop" : "Accept" }

const NONE: HookChains = { filter: [], nat: [] }

type Program = Readonly<Record<Family, ReadonlyMap<string, HookChains>>>

const FAMILIES: Readonly<Record<string, ReadonlyArray<Family>>> = { ip: ["v4"], ip6: ["v6"], inet: families }

const priorityOf = (prio: unknown): number => {
  if (typeof prio === "number") return prio
  throw new Error(`the simulated nftables wants a number for a priority, not ${JSON.stringify(prio)}`)
}

const programOf = (ruleset: SimRuleset): Program => {
  const program = { v4: new Map<string, HookChains>(), v6: new Map<string, HookChains>() }
  const add = (family: Family, hook: string, type: "filter" | "nat", chain: BaseChain) => {
    const before = program[family].get(hook) ?? NONE
    const chains = [...before[type], chain].toSorted((a, b) => a.priority - b.priority)
    program[family].set(hook, { ...before, [type]: chains })
  }
  for (const table of ruleset.content()) {
    for (const [name, { hook, type, prio, policy }] of table.chains) {
      if (hook === undefined) continue
      if (type !== "filter" && type !== "nat") throw new Error(`no chain of type ${String(type)} is simulated`)
      const chain: BaseChain = { table, name, priority: priorityOf(prio), drops: policy === "drop" }
      for (const family of FAMILIES[String(table.declaration["family"])] ?? []) add(family, String(hook), type, chain)
    }
  }
  return program
}

/** The chains of a rule set by hook, sorted anew whenever it has changed. */
export class SimChains {
  readonly #ruleset: SimRuleset
  #generation = -1
  #program: Program = { v4: new Map(), v6: new Map() }

  constructor(ruleset: SimRuleset) {
    this.#ruleset = ruleset
  }

  #refresh(): Program {
    if (this.#generation !== this.#ruleset.generation) {
      this.#program = programOf(this.#ruleset)
      this.#generation = this.#ruleset.generation
    }
    return this.#program
  }

  at(family: Family, hook: Hook): HookChains {
    return this.#refresh()[family].get(hook) ?? NONE
  }

  /** Whether there is a NAT chain: then the kernel tracks connections and translates them, at every hook. */
  translates(family: Family): boolean {
    for (const { nat } of this.#refresh()[family].values()) if (nat.length > 0) return true
    return false
  }
}
