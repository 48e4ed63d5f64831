import { describe, expect, it, vi } from "vitest"
import { start } from "../../../src/layers/process/LineProcess.ts"

const begin = (...command: ReadonlyArray<string>) => {
  const lines: Array<string> = []
  const exits: Array<string> = []
  const child = start(command, { onLine: (line) => void lines.push(line), onExit: (why) => void exits.push(why) })
  return { child, lines, exits }
}

describe("a process that speaks in lines", () => {
  it("is told by whole lines, however they arrive", async () => {
    const { lines, exits } = begin("sh", "-c", "printf 'a'; printf 'b\\nc\\nrest'")
    await vi.waitFor(() => expect(exits).toEqual(["ended with status 0"]))
    expect(lines).toEqual(["ab", "c"])
  })

  it("hears what is written to it, and says once why it ended", async () => {
    const { child, lines, exits } = begin("cat")
    child.write("hello\n")
    await vi.waitFor(() => expect(lines).toEqual(["hello"]))
    child.kill()
    await vi.waitFor(() => expect(exits).toEqual(["was ended by SIGKILL"]))
    child.kill()
    child.write("into the void\n")
    expect(exits).toHaveLength(1)
  })

  it("that cannot be started has ended", async () => {
    const { exits } = begin("/no/such/program")
    await vi.waitFor(() => expect(exits).toEqual([expect.stringContaining("ENOENT")]))
  })
})
