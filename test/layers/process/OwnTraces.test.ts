import * as Effect from "effect/Effect"
import type * as FileSystem from "node:fs"
import { readFileSync } from "node:fs"
import { hostname } from "node:os"
import { afterEach, describe, expect, it, vi } from "vitest"
import { ownTraces } from "../../../src/layers/process/OwnTraces.ts"

vi.mock("node:fs", async (importOriginal) => {
  const original = await importOriginal<typeof FileSystem>()
  return { ...original, readFileSync: vi.fn<typeof original.readFileSync>(original.readFileSync) }
})

afterEach(() => void vi.mocked(readFileSync).mockRestore())

describe("the traces of the own container", () => {
  it("are two files of /proc and the host name", async () => {
    vi.mocked(readFileSync).mockImplementation((path) => `<${String(path)}>`)
    expect(await Effect.runPromise(ownTraces)).toEqual({
      mountinfo: "</proc/self/mountinfo>",
      cgroup: "</proc/self/cgroup>",
      hostname: hostname()
    })
  })

  it("are those of this very process", async () => {
    const { mountinfo, cgroup } = await Effect.runPromise(ownTraces)
    expect(mountinfo).toMatch(/^\d+ \d+ \d+:\d+ \/\S* \/ /m)
    expect(cgroup).toMatch(/^\d+:.*:\//m)
  })

  it("leave out a file that cannot be read", async () => {
    vi.mocked(readFileSync).mockImplementation((path) => {
      if (String(path).endsWith("cgroup")) throw new Error("ENOENT: no such file or directory")
      return "mounts"
    })
    expect(await Effect.runPromise(ownTraces)).toMatchObject({ mountinfo: "mounts", cgroup: "" })
  })

  it("are read anew each time", async () => {
    vi.mocked(readFileSync).mockReturnValueOnce("one").mockReturnValueOnce("").mockReturnValueOnce("two")
    expect((await Effect.runPromise(ownTraces)).mountinfo).toBe("one")
    expect((await Effect.runPromise(ownTraces)).mountinfo).toBe("two")
  })
})
