import * as Effect from "effect/Effect"
import { capabilityFindings } from "../../domain/CapabilityFindings.ts"
import type { Finding } from "../../domain/Findings.ts"
import { baseRuleset } from "../../domain/NftJson.ts"
import { UNKNOWN_INTERFACE } from "../../domain/ProjectPlan.ts"
import type { Settings } from "../../domain/Settings.ts"
import {
  rulesetFindings,
  toolFindings,
  toolsOf,
  type RulesetAnswer,
  type ToolAnswers
} from "../../domain/ToolFindings.ts"
import { LocalSystem } from "../../services/LocalSystem.ts"

const untried = (message: string): Effect.Effect<RulesetAnswer> => Effect.succeed({ _tag: "Unknown", message })

/** What this process may do and has at hand: capabilities, programs, the kernel. */
export const lookAtOwn = Effect.fnUntraced(function* (settings: Settings) {
  const { capabilities, kernelRelease, tool, checkRuleset } = yield* LocalSystem
  const effective = yield* capabilities
  const answers = yield* Effect.forEach(
    toolsOf(settings),
    (name) => Effect.map(tool(name), (answer) => [name, answer] as const),
    { concurrency: "unbounded" }
  )
  const tools: ToolAnswers = Object.fromEntries(answers)
  const findings: ReadonlyArray<Finding> = [
    ...capabilityFindings(settings, effective),
    ...toolFindings(settings, tools)
  ]
  if (settings.mode !== "network-anchor") return findings
  const ruleset = yield* effective?.includes("NET_ADMIN") === false
    ? untried("without NET_ADMIN the kernel does not say")
    : tools.nft?._tag === "Fails"
      ? untried("nft cannot be run")
      : checkRuleset(baseRuleset({ extIface: UNKNOWN_INTERFACE }))
  return [...findings, ...rulesetFindings(yield* kernelRelease, ruleset)]
})
