import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { definitionsOf, modes } from "../../src/domain/SettingDefinitions.ts"

const entry = fileURLToPath(new URL("../../src/main/anchord.ts", import.meta.url))

const anchord = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...args], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"], ...env }
  })
  const logged = stdout.split("\n").filter((line) => line.startsWith("{"))
  return { status, stdout, stderr, logged: logged.map((line): Record<string, unknown> => JSON.parse(line)) }
}

describe("the command line", () => {
  it("prints version and commit", () => {
    for (const args of [["version"], ["--version"]]) {
      expect(anchord(args)).toMatchObject({ status: 0, stdout: "anchord development (none)\n", stderr: "" })
    }
  })

  it("prints the modes, and for each mode every variable with its default", () => {
    const general = anchord(["--help"])
    expect(general.status).toBe(0)
    for (const mode of modes) {
      expect(general.stdout).toContain(`  ${mode} `)
      const { status, stdout } = anchord([mode, "--help"])
      expect(status).toBe(0)
      for (const [variable, { fallback }] of Object.entries(definitionsOf(mode))) {
        const line = stdout.split("\n").find((one) => one.trim().startsWith(`${variable} `))
        expect(line, variable).toContain(fallback === undefined ? variable : `[${fallback}]`)
      }
    }
  })

  it("refuses an unknown mode and an unknown option with status 2, on stderr and in the log", () => {
    for (const [args, message] of [
      [["network-anker"], "unknown mode network-anker; valid modes are: network-anchor, service-anchor, version"],
      [["--verbose"], "unknown option --verbose; there are --help and --version"]
    ] as const) {
      const { status, stderr, logged } = anchord(args)
      expect(status).toBe(2)
      expect(stderr).toBe(`anchord: ${message}\n`)
      expect(logged).toMatchObject([{ level: "ERROR", msg: message }])
    }
  })

  it("takes the mode from the argument rather than from ANCHORD_MODE, and that rather than the default", () => {
    expect(anchord(["bad"], { ANCHORD_MODE: "worse" }).stderr).toContain("unknown mode bad")
    expect(anchord([], { ANCHORD_MODE: "worse" }).stderr).toContain("unknown mode worse")
    expect(anchord([]).stderr).toContain("ANCHORD_PROJECT")
  })

  it("names every wrong variable in one run, on stderr and as log lines with variable, value and rule", () => {
    const { status, stderr, logged } = anchord(["service-anchor"], {
      ANCHORD_GATEWAY_IP: "nowhere",
      ANCHORD_GATEWAY_RESOLVE_INTERVAL: "often"
    })
    expect(status).toBe(2)
    expect(stderr).toContain('ANCHORD_GATEWAY_IP="nowhere": "nowhere" is not an IP address\n')
    expect(stderr).toContain('ANCHORD_GATEWAY_RESOLVE_INTERVAL="often": must be a positive duration')
    expect(logged).toMatchObject([
      { level: "ERROR", variable: "ANCHORD_GATEWAY_IP", value: "nowhere", rule: '"nowhere" is not an IP address' },
      { level: "ERROR", variable: "ANCHORD_GATEWAY_RESOLVE_INTERVAL", value: "often" }
    ])
  })
})
