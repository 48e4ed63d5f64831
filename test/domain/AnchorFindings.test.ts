import { sentence } from "../../src/domain/Sentence.ts"
import { describe, expect, it } from "vitest"
import { anchorFindings, settingFindings } from "../../src/domain/AnchorFindings.ts"
import { fail, ok, settingsOf, verdictsOf, warn } from "./doctorSettings.ts"

const status = {
  mode: "service-anchor",
  version: "3.0.0",
  commit: "abc",
  started: "2026-11-24T09:00:00.000Z",
  ready: true,
  missing: [],
  recent: []
}

describe("settings", () => {
  it("are told in words, for every mode", () => {
    const said = (["network-anchor", "service-anchor", "external-rebinder", "wrap-rebinder"] as const).map(
      (mode) => settingFindings({ settings: settingsOf(mode), warnings: [] })[0]?.finding
    )
    expect(said).toEqual([
      "a network-anchor for project shop, address mode bootstrap",
      "a service-anchor",
      "an external-rebinder, for backup on mail",
      "a wrap-rebinder"
    ])
    const settings = settingsOf("network-anchor", { ANCHORD_PROJECT: "", ANCHORD_LABEL_SELECTOR: "a=b" })
    expect(settingFindings({ settings, warnings: [] })).toEqual([
      ok("settings", "a network-anchor for a label selector, address mode bootstrap")
    ])
  })

  it("are worth a warning for each thing that is hardly meant", () => {
    const settings = settingsOf("service-anchor")
    expect(settingFindings({ settings, warnings: [sentence`ANCHORD_X is not a variable`] })[1]).toEqual(
      warn("settings", "ANCHORD_X is not a variable")
    )
  })
})

describe("the anchor that is examined", () => {
  it("is right when it runs and is ready", () => {
    expect(anchorFindings("service-anchor", status)).toEqual([
      ok("anchor", "service-anchor 3.0.0 runs here, and is ready")
    ])
  })

  it("fails when it is not ready, with what is missing", () => {
    expect(anchorFindings("service-anchor", { ...status, ready: false, missing: ["route: none yet"] })).toEqual([
      fail(
        "anchor",
        "service-anchor runs here, and is not ready: route: none yet",
        "the last lines of anchord status say why"
      )
    ])
  })

  it("is worth a warning when it does not run here", () => {
    expect(verdictsOf(anchorFindings("network-anchor", undefined))).toEqual(["warn"])
  })
})
