import * as Effect from "effect/Effect"
import { writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { describe, expect, it } from "vitest"
import { readText } from "../../../src/layers/process/TextInput.ts"
import { makeFolder } from "./scripts.ts"

describe("a text that is read", () => {
  it("is a whole file", async () => {
    const path = join(makeFolder(), "text")
    writeFileSync(path, "é".repeat(100_000))
    expect(await Effect.runPromise(readText(path))).toBe("é".repeat(100_000))
  })

  it("is refused where there is none, or where it is too large", async () => {
    const path = join(makeFolder(), "text")
    expect((await Effect.runPromise(Effect.flip(readText(path)))).message).toBe("there is no such file (ENOENT)")
    expect((await Effect.runPromise(Effect.flip(readText(dirname(path))))).message).toBe("it is a folder (EISDIR)")
    writeFileSync(path, Buffer.alloc(17 * 1024 * 1024))
    expect((await Effect.runPromise(Effect.flip(readText(path))))._tag).toBe("UnreadableText")
  })
})
