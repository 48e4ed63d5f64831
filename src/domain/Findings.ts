import * as Schema from "effect/Schema"
import { sentence, type Sentence } from "./Sentence.ts"

/** What the doctor looks at, in the order in which it tells of it (SPEC §13). */
export const checks = [
  "settings",
  "anchor",
  "capabilities",
  "forwarding",
  "tools",
  "nftables",
  "docker",
  "endpoints",
  "external-network",
  "mac-address",
  "gateway-name",
  "gateway",
  "default-route",
  "shared-network",
  "ports",
  "foreign-sources"
] as const
export type Check = (typeof checks)[number]

export const verdicts = ["ok", "warn", "fail"] as const
export type Verdict = (typeof verdicts)[number]

/**
 * What one check found. `fail`: the project is not served, or not as its settings ask for; `warn`: it works, but something may be missing, or
 * could not be looked at.
 */
export const Finding = Schema.Struct({
  check: Schema.Literals(checks),
  verdict: Schema.Literals(verdicts),
  finding: Schema.String,
  /** What mends it. */
  fix: Schema.optionalKey(Schema.String)
})
export type Finding = typeof Finding.Type

/** The answer to `anchord doctor --json`. The names of its fields are as fixed as those of variables and metrics. */
export const DoctorReport = Schema.Struct({
  mode: Schema.String,
  version: Schema.String,
  commit: Schema.String,
  findings: Schema.Array(Finding)
})
export type DoctorReport = typeof DoctorReport.Type

export const ok = (check: Check, finding: string): Finding => ({ check, verdict: "ok", finding })

export const warn = (check: Check, finding: Sentence, fix?: string): Finding => ({
  check,
  verdict: "warn",
  finding,
  ...(fix === undefined ? {} : { fix })
})

/** What fails is never told without what mends it. */
export const fail = (check: Check, finding: Sentence, fix: string): Finding => ({
  check,
  verdict: "fail",
  finding,
  fix
})

/** What could not be looked at is said, so that nobody takes its absence for good news. */
export const notLookedAt = (check: Check, why: string, fix?: string): Finding =>
  warn(check, sentence`not looked at: ${why}`, fix)

/** By the order of {@link checks}; what one check found stays in its own order. */
export const inOrder = (findings: ReadonlyArray<Finding>): ReadonlyArray<Finding> =>
  findings.toSorted((a, b) => checks.indexOf(a.check) - checks.indexOf(b.check))

/** 1 when a check fails; warnings alone are 0 (SPEC §13). */
export const statusOf = ({ findings }: Pick<DoctorReport, "findings">): 0 | 1 =>
  findings.some(({ verdict }) => verdict === "fail") ? 1 : 0
