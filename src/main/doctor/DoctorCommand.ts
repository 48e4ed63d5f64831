import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { anchorFindings, settingFindings } from "../../domain/AnchorFindings.ts"
import type { Paint } from "../../domain/Columns.ts"
import { formatDoctor } from "../../domain/DoctorText.ts"
import { inOrder, statusOf, type DoctorReport, type Finding } from "../../domain/Findings.ts"
import { modes, type Mode } from "../../domain/SettingDefinitions.ts"
import { parseSettings, type Environment, type Settings, type Violation } from "../../domain/Settings.ts"
import type { Status } from "../../domain/Status.ts"
import { commit, version } from "../Build.ts"
import { lookAtDocker } from "./DockerLook.ts"
import { lookAtNetworkAnchor } from "./NetworkAnchorLook.ts"
import { lookAtOwn } from "./OwnLook.ts"
import { lookAtServiceAnchor } from "./ServiceAnchorLook.ts"

/** The settings of the mode are wrong: there is nothing to be examined. */
export class WrongSettings extends Data.TaggedError("WrongSettings")<{
  readonly violations: ReadonlyArray<Violation>
}> {}

export interface DoctorOptions {
  /** Left out: that of the anchor that runs here, else `ANCHORD_MODE`. */
  readonly mode: Mode | undefined
  readonly json: boolean
}

/** Where and with what it runs. */
export interface DoctorPlace {
  readonly env: Environment
  readonly ownRef: string
  /** What the anchor in this container tells of itself, if one runs. */
  readonly running: Status | undefined
  readonly paint: Paint
}

const isMode = (word: string | undefined): word is Mode => modes.some((mode) => mode === word)

/** Whose mode is examined: what was asked for, what runs here, what the variable says. */
const modeOf = ({ mode }: DoctorOptions, status: Status | undefined, env: Environment): Mode => {
  const named = [mode, status?.mode, env["ANCHORD_MODE"]?.trim()].find(isMode)
  return named ?? "network-anchor"
}

const lookAtMode = (settings: Settings, status: Status | undefined, ownRef: string) => {
  switch (settings.mode) {
    case "network-anchor":
      return lookAtNetworkAnchor({ settings, status }, ownRef)
    case "service-anchor":
      return lookAtServiceAnchor(settings, status)
    case "external-rebinder":
    case "wrap-rebinder":
      return Effect.map(lookAtDocker(settings), ({ findings }): ReadonlyArray<Finding> => findings)
  }
}

/**
 * `anchord doctor` (SPEC §13): looks at everything that the mode of this container needs, and tells what is wrong with it and what mends that. It changes
 * nothing but for the address that it borrows for the packets that it sends. `status` is the exit status.
 */
export const doctorCommand = Effect.fnUntraced(function* (
  options: DoctorOptions,
  { env, ownRef, running, paint }: DoctorPlace
) {
  const mode = modeOf(options, running, env)
  const parsed = parseSettings(mode, env)
  if (Result.isFailure(parsed)) return yield* new WrongSettings({ violations: parsed.failure })
  const { settings } = parsed.success
  const status = running?.mode === mode ? running : undefined
  const found = yield* Effect.all([lookAtOwn(settings), lookAtMode(settings, status, ownRef)], {
    concurrency: "unbounded"
  })
  const report: DoctorReport = {
    mode,
    version,
    commit,
    findings: inOrder([...settingFindings(parsed.success), ...anchorFindings(mode, status), ...found.flat()])
  }
  return {
    text: options.json ? JSON.stringify(report, undefined, 2) : formatDoctor(report, paint),
    status: statusOf(report)
  }
})
