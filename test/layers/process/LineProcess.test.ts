import { describe, expect, it, onTestFinished, vi } from "vitest"
import { start } from "../../../src/layers/process/LineProcess.ts"
import { patience, withoutDescriptors } from "./scripts.ts"

/** A child and what it has said; an exit is noted among the lines. */
const started = (...command: ReadonlyArray<string>) => {
  const seen: Array<string> = []
  const child = start(command, {
    onLine: (line) => void seen.push(line),
    onExit: (why) => void seen.push(`(${why})`)
  })
  onTestFinished(child.kill)
  return {
    ...child,
    seen,
    shows: (...lines: ReadonlyArray<string>) => vi.waitFor(() => expect(seen).toEqual(lines), patience)
  }
}

const shell = (script: string) => started("sh", "-c", script)

describe("a child that speaks in lines", () => {
  it("is heard line by line while it lives, and the exit comes last", async () => {
    const child = shell("echo one; echo; read _; echo two; exit 3")
    await child.shows("one", "")
    child.write("\n")
    await child.shows("one", "", "two", "(ended with status 3)")
  })

  it("answers what is written to it", async () => {
    const child = started("cat")
    child.write("first\nsec")
    await child.shows("first")
    child.write("ond\n")
    await child.shows("first", "second")
  })

  it("is heard in whole lines, however they come", async () => {
    const child = shell("printf 'ha'; read _; printf 'lf\\nnext'; read _; printf '\\n'")
    child.write("\n")
    await child.shows("half")
    child.write("\n")
    await child.shows("half", "next", "(ended with status 0)")
  })

  it("may cut a character between two writes", async () => {
    const child = shell("printf 'f\\303'; read _; printf '\\274r\\n'; read _")
    child.write("\n")
    await child.shows("für")
  })

  it("may say a great deal at once", async () => {
    const child = shell("seq 1 50000")
    await vi.waitFor(() => expect(child.seen).toHaveLength(50_001), patience)
    expect(child.seen.at(-2)).toBe("50000")
  })

  it("is not heard where it breaks off in the middle of a line", async () => {
    await shell("printf 'whole\\nhal'").shows("whole", "(ended with status 0)")
  })

  it("is not heard on standard error", async () => {
    await shell("echo no >&2; echo yes").shows("yes", "(ended with status 0)")
  })
})

describe("the end of a child", () => {
  it("is told once when it is killed, with the signal", async () => {
    const child = started("cat")
    child.write("up\n")
    await child.shows("up")
    child.kill()
    child.kill()
    await child.shows("up", "(was ended by SIGKILL)")
  })

  it("is told once when it never began", async () => {
    const child = started("anchord-no-such-program")
    await vi.waitFor(() => expect(child.seen).toEqual([expect.stringContaining("ENOENT")]), patience)
  })

  it("is told once, and not before the start is over, when the system would not take its arguments", async () => {
    for (const argument of ["a\0b", "x".repeat(10_000_000)]) {
      const child = started("true", argument)
      expect(child.seen).toEqual([])
      await child.shows(expect.stringMatching(/null bytes|E2BIG/))
      child.write("too late\n")
      child.kill()
    }
  })

  it("is told once when no descriptors are left to start it", async () => {
    const ended = await withoutDescriptors(`
      import { start } from "./src/layers/process/LineProcess.ts"
      const failing = () => new Promise((resolve) => {
        const child = start(["cat"], { onLine: () => {}, onExit: (message) => resolve({ _tag: "Exit", message }) })
        child.write("x")
        child.signal("SIGTERM")
      })
    `)
    expect(ended).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Exit .*EMFILE/) })
  })

  it("makes writing and killing do nothing", async () => {
    for (const child of [shell("exit 0"), started("anchord-no-such-program")]) {
      await vi.waitFor(() => expect(child.seen).toHaveLength(1), patience)
      child.write("too late\n")
      child.kill()
    }
    await shell("exit 1").shows("(ended with status 1)")
  })
})
