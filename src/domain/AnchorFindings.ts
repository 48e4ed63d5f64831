import { fail, ok, warn, type Finding } from "./Findings.ts"
import type { Parsed, Settings } from "./Settings.ts"
import type { Status } from "./Status.ts"
import { sentence } from "./Sentence.ts"

const what = (settings: Settings): string => {
  switch (settings.mode) {
    case "network-anchor":
      return settings.scope._tag === "Project"
        ? `a network-anchor for project ${settings.scope.project}, address mode ${settings.addressMode}`
        : `a network-anchor for a label selector, address mode ${settings.addressMode}`
    case "service-anchor":
      return "a service-anchor"
    case "external-rebinder":
      return `an external-rebinder, for ${settings.target} on ${settings.network}`
    case "wrap-rebinder":
      return "a wrap-rebinder"
  }
}

/** What the settings ask for, and what of them is hardly meant. */
export const settingFindings = ({ settings, warnings }: Parsed<Settings>): ReadonlyArray<Finding> => [
  ok("settings", what(settings)),
  ...warnings.map((warning) => warn("settings", warning))
]

/** Whether the anchor that is examined runs in this container, and is ready. */
export const anchorFindings = (mode: Settings["mode"], status: Status | undefined): ReadonlyArray<Finding> => {
  if (status === undefined) {
    return [
      warn(
        "anchor",
        sentence`no ${mode} runs in this container, so that what only shows beside a running one is not looked at`,
        "where one runs: docker exec CONTAINER anchord doctor"
      )
    ]
  }
  if (status.ready) return [ok("anchor", `${status.mode} ${status.version} runs here, and is ready`)]
  const missing = status.missing.join("; ")
  return [
    fail(
      "anchor",
      sentence`${status.mode} runs here, and is not ready: ${missing}`,
      "the last lines of anchord status say why"
    )
  ]
}
