import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { jsonLine } from "../../../src/layers/observability/JsonLogger.ts"
import * as Readiness from "../../../src/layers/observability/Readiness.ts"
import { makeStatusBoard } from "../../../src/layers/observability/StatusBoard.ts"
import { serve } from "../../../src/layers/observability/StatusSocket.ts"
import { jsonLines, makeFolder, patience } from "../process/scripts.ts"

interface Serving {
  readonly readiness: Readiness.Readiness
  readonly lines: ReadonlyArray<string>
  readonly close: () => Promise<void>
}

const serving = async (path: string): Promise<Serving> => {
  const readiness = Readiness.make({ route: "no gateway resolves" })
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>((options) => void lines.push(jsonLine.log(options)))
  const scope = await Effect.runPromise(Scope.make())
  const close = () => Effect.runPromise(Scope.close(scope, Exit.void))
  onTestFinished(close)
  const about = { mode: "service-anchor", version: "1", commit: "c", started: "2026-01-01T00:00:00.000Z" }
  const board = makeStatusBoard({ about, readiness, recent: () => [] })
  await Effect.runPromise(serve(path, board).pipe(Scope.provide(scope), Effect.provide(Logger.layer([logger]))))
  return { readiness, lines, close }
}

const read = (path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once("error", reject)
    text(socket).then(resolve, reject)
  })

/** The line that the health check reads. */
const readFirst = async (path: string): Promise<string> => (await read(path)).split("\n")[0] ?? ""

const socketPath = (): string => join(makeFolder(), "run", "anchord", "status.sock")

const warned = ({ lines }: Serving, path: string): void =>
  expect(jsonLines(lines.join("\n"))).toEqual([
    {
      time: expect.any(String),
      level: "WARN",
      msg: "cannot open the status socket, which the health check asks; mount a tmpfs on /run",
      path,
      error: expect.any(String)
    }
  ])

describe("the status socket", () => {
  it("answers everyone with readiness in a line of JSON, and the status in another, in a folder that it makes", async () => {
    const path = socketPath()
    const { lines } = await serving(path)
    for (const _client of [1, 2]) {
      const [first, second, ...more] = (await read(path)).split("\n")
      expect(first).toBe('{"ready":false,"missing":["route: no gateway resolves"]}')
      expect(JSON.parse(second ?? "")).toEqual({
        mode: "service-anchor",
        version: "1",
        commit: "c",
        started: "2026-01-01T00:00:00.000Z",
        ready: false,
        missing: ["route: no gateway resolves"],
        recent: []
      })
      expect(more).toEqual([""])
    }
    expect(statSync(path).isSocket()).toBe(true)
    expect(lines).toEqual([])
  })

  it("tells what holds now", async () => {
    const path = socketPath()
    const { readiness } = await serving(path)
    readiness.set("route", undefined)
    expect(JSON.parse(await readFirst(path))).toEqual({ ready: true, missing: [] })
    readiness.set("route", "gone")
    expect(JSON.parse(await readFirst(path))).toEqual({ ready: false, missing: ["route: gone"] })
  })

  it("is closed with the scope, and its file goes", async () => {
    const path = socketPath()
    const { close } = await serving(path)
    await close()
    await expect(read(path)).rejects.toMatchObject({ code: "ENOENT" })
    expect(existsSync(path)).toBe(false)
  })

  it("replaces the file that a killed predecessor left", async () => {
    const path = socketPath()
    mkdirSync(join(path, ".."), { recursive: true })
    const listen = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => console.log("up"))`
    const predecessor = spawn(process.execPath, ["-e", listen], { stdio: ["ignore", "pipe", "ignore"] })
    onTestFinished(() => void predecessor.kill("SIGKILL"))
    await new Promise((resolve) => predecessor.stdout.once("data", resolve))
    const ended = new Promise((resolve) => predecessor.once("close", resolve))
    predecessor.kill("SIGKILL")
    await ended
    expect(statSync(path).isSocket()).toBe(true)
    const { lines } = await serving(path)
    expect(lines).toEqual([])
    expect(JSON.parse(await readFirst(path))).toMatchObject({ ready: false })
  })

  it("replaces a plain file of that name", async () => {
    const path = join(makeFolder(), "status.sock")
    writeFileSync(path, "")
    const { lines } = await serving(path)
    expect(lines).toEqual([])
    expect(JSON.parse(await readFirst(path))).toMatchObject({ ready: false })
  })

  it("does not mind a client that leaves before it has read", async () => {
    const path = socketPath()
    await serving(path)
    const leaving = connect(path)
    await vi.waitFor(() => expect(leaving.readyState).toBe("open"), patience)
    leaving.destroy()
    expect(JSON.parse(await readFirst(path))).toMatchObject({ ready: false })
  })
})

describe("a status socket that cannot be opened", () => {
  it("is one WARN, and nothing more, when its folder cannot be made", async () => {
    const file = join(makeFolder(), "run")
    writeFileSync(file, "not a folder")
    const path = join(file, "anchord", "status.sock")
    warned(await serving(path), path)
  })

  it("is one WARN, and nothing more, when there is a folder of that name", async () => {
    const path = socketPath()
    mkdirSync(path, { recursive: true })
    warned(await serving(path), path)
  })

  it("is one WARN, and nothing more, when the kernel refuses the path", async () => {
    const path = join(makeFolder(), "x".repeat(120))
    warned(await serving(path), path)
  })
})
