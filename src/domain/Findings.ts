import * as Schema from "effect/Schema"
import { text } from "./JsonFields.ts"
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

export const Finding = Schema.Struct({
  check: Schema.Literals(checks).annotate({ description: "what was looked at" }),
  verdict: Schema.Literals(verdicts).annotate({
    description:
      "`fail`: the project is not served, or not as its settings ask for; `warn`: it works, but something may be missing, or could not be looked at"
  }),
  finding: text("what was found"),
  fix: Schema.optionalKey(text("what mends it"))
})
export type Finding = typeof Finding.Type

/** The answer to `anchord doctor --json`. The names of its fields are as fixed as those of variables and metrics. */
export const DoctorReport = Schema.Struct({
  mode: text("the mode that was examined"),
  version: text("the version of anchord"),
  commit: text("the commit that it was built of"),
  findings: Schema.Array(Finding).annotate({ description: "what each check found, in a fixed order" })
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
