import * as Result from "effect/Result"
import type { Check, Finding, Verdict } from "../../src/domain/Findings.ts"
import type { Mode } from "../../src/domain/SettingDefinitions.ts"
import { parseSettings, type SettingsByMode } from "../../src/domain/Settings.ts"

const least: { readonly [M in Mode]: Readonly<Record<string, string>> } = {
  "network-anchor": { ANCHORD_PROJECT: "shop", ANCHORD_EXT_NETWORK: "dmz" },
  "service-anchor": {},
  "external-rebinder": { ANCHORD_FOLLOW_NETWORK: "mail", ANCHORD_FOLLOW_TARGET: "backup" },
  "wrap-rebinder": {}
}

/** The settings of a mode with what it cannot do without, and with these variables. */
export const settingsOf = <M extends Mode>(mode: M, env: Readonly<Record<string, string>> = {}): SettingsByMode[M] =>
  Result.getOrThrow(parseSettings(mode, { ...least[mode], ...env })).settings

/** The verdicts of findings, in their order. */
export const verdictsOf = (findings: ReadonlyArray<Finding>) => findings.map(({ verdict }) => verdict)

/** What is said in a finding and its fix, of all of them. */
export const saidIn = (findings: ReadonlyArray<Finding>): string =>
  findings.map(({ finding, fix = "" }) => `${finding} → ${fix}`).join("\n")

const expected =
  (verdict: Verdict) =>
  (check: Check, finding: string, fix?: string): Finding => ({
    check,
    verdict,
    finding,
    ...(fix === undefined ? {} : { fix })
  })

/** Findings as they are expected: what is not expected is not told to an operator. */
export const [ok, warn, fail] = [expected("ok"), expected("warn"), expected("fail")]
