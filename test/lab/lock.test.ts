import { readFileSync } from "node:fs"
import { join } from "node:path"
import { setImmediate as aTurn } from "node:timers/promises"
import { describe, expect, it } from "vitest"
import { exclusively } from "../../e2e/lab/lock.ts"
import { makeFolder, startNode } from "../layers/process/scripts.ts"

/** A process that takes the lock, says so, and holds it for ever. */
const holding = async (path: string) => {
  const code = `
    import { exclusively } from "./e2e/lab/lock.ts"
    await exclusively(process.argv[1], () => new Promise(() => process.stdout.write("held by " + process.pid)))
  `
  const holder = startNode(["--input-type=module-typescript", "-e", code, path], { PATH: process.env["PATH"] ?? "" })
  await holder.says("held by")
  return { ...holder, pid: /\d+/.exec(holder.output())?.[0] }
}

describe("the lock of what several labs make for each other", () => {
  const makePath = () => join(makeFolder(), "lock")

  it("lets one work after the other, and gives back what came of it", async () => {
    const path = makePath()
    const seen: Array<string> = []
    const work = (name: string) =>
      exclusively(path, async () => {
        seen.push(`${name} begins`)
        await aTurn()
        seen.push(`${name} ends`)
        return name
      })
    expect((await Promise.all([work("a"), work("b"), work("c")])).toSorted()).toEqual(["a", "b", "c"])
    const [first, second, third] = seen.filter((line) => line.endsWith("begins")).map((line) => line[0])
    expect(seen).toEqual([first, second, third].flatMap((name) => [`${name} begins`, `${name} ends`]))
  })

  it("is free after work that fails", async () => {
    const path = makePath()
    await expect(exclusively(path, () => Promise.reject(new Error("no space left")))).rejects.toThrow("no space left")
    expect(await exclusively(path, () => Promise.resolve(1))).toBe(1)
  })

  it("names its holder, and is free when that is killed, however many wait", async () => {
    const path = makePath()
    const holder = await holding(path)
    expect(readFileSync(path, "utf8").trim()).toBe(holder.pid)
    const seen: Array<number> = []
    const waiting = [1, 2, 3].map((name) => exclusively(path, async () => void seen.push(name)))
    holder.signal("SIGKILL")
    await holder.ended
    await Promise.all(waiting)
    expect(seen.toSorted()).toEqual([1, 2, 3])
    expect(readFileSync(path, "utf8").trim()).toBe(`${process.pid}`)
  })

  it("is not there for others while it is held", async () => {
    const path = makePath()
    const holder = await holding(path)
    let entered = false
    const waiting = exclusively(path, async () => void (entered = true))
    await expect(exclusively(join(path, "..", "other"), () => Promise.resolve("free"))).resolves.toBe("free")
    expect(entered).toBe(false)
    holder.signal("SIGTERM")
    await waiting
    expect(entered).toBe(true)
  })
})
