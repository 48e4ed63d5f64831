import { execFileSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { parseHookLine } from "../../../src/layers/dhcp/parseHookLine.ts"

const hook = fileURLToPath(new URL("../../../image/dhcp-hook", import.meta.url))

describe("what the hook says", () => {
  it("is the event and every parameter, whatever is in it", () => {
    const env = { PATH: process.env["PATH"], ip: "10.0.0.5", domain: 'a "quoted"\nline', empty: "", sum: "a=b" }
    const line = execFileSync(hook, ["bound"], { env, encoding: "utf8" })
    expect(line.split("\n")).toHaveLength(2)
    expect(parseHookLine(line.trimEnd(), "v4")).toMatchObject({
      family: "v4",
      action: "bound",
      parameters: { ip: "10.0.0.5", domain: 'a "quoted"\nline', empty: "", sum: "a=b" }
    })
  })

  it("is not taken from any other line of the client", () => {
    for (const line of ["udhcpc: started, v1.37.0", "dhcp", "dhcp bound", "dhcp bound not base64!", ""]) {
      expect(parseHookLine(line, "v4")).toBeUndefined()
    }
  })
})
