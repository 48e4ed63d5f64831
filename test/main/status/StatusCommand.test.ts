import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { unpainted } from "../../../src/domain/Columns.ts"
import * as Readiness from "../../../src/layers/observability/Readiness.ts"
import { makeStatusBoard } from "../../../src/layers/observability/StatusBoard.ts"
import { serve } from "../../../src/layers/observability/StatusSocket.ts"
import { statusCommand, type StatusOptions } from "../../../src/main/status/StatusCommand.ts"
import { makeFolder, patience } from "../../layers/process/scripts.ts"

const about = { mode: "service-anchor", version: "1", commit: "c", started: "2026-01-01T00:00:00.000Z" }

/** An anchor's socket, and what it tells of. */
const serving = async (path = join(makeFolder(), "status.sock")) => {
  const readiness = Readiness.make({ route: "none yet" })
  const board = makeStatusBoard({ about, readiness, recent: () => [] })
  const scope = await Effect.runPromise(Scope.make())
  const close = () => Effect.runPromise(Scope.close(scope, Exit.void))
  onTestFinished(close)
  await Effect.runPromise(serve(path, board).pipe(Scope.provide(scope)))
  return { path, readiness, board, close }
}

const asking = (path: string, options: Partial<StatusOptions> = {}, clear?: string) => {
  const printed: Array<string> = []
  const complained: Array<string> = []
  const command = statusCommand(
    path,
    { json: false, watch: false, ...options },
    {
      print: (text) => Effect.sync(() => void printed.push(text)),
      complain: (text) => Effect.sync(() => void complained.push(text)),
      paint: unpainted,
      clear
    }
  )
  return { command, printed, complained }
}

const watching = (path: string, options: Partial<StatusOptions>, clear?: string) => {
  const { command, ...seen } = asking(path, { ...options, watch: true }, clear)
  const fiber = Effect.runFork(command)
  onTestFinished(() => Effect.runPromise(Fiber.interrupt(fiber)))
  return seen
}

describe("the status command", () => {
  it("prints for people, and its status is whether the anchor is ready", async () => {
    const { path, readiness } = await serving()
    const before = asking(path)
    expect(await Effect.runPromise(before.command)).toBe(1)
    expect(before.printed.join()).toContain("ready           no: route: none yet")
    readiness.set("route", undefined)
    const after = asking(path)
    expect(await Effect.runPromise(after.command)).toBe(0)
    expect(after.printed.join()).toMatch(/^service-anchor {2}1 \(c\), started .* ago\nready {11}yes$/)
  })

  it("prints JSON of the published form", async () => {
    const { path, board } = await serving()
    board.tell(() => ({ serviceAnchor: { hostname: "anchord", gateways: [] } }))
    const { command, printed } = asking(path, { json: true })
    await Effect.runPromise(command)
    expect(JSON.parse(printed.join())).toEqual({
      ...about,
      ready: false,
      missing: ["route: none yet"],
      serviceAnchor: { hostname: "anchord", gateways: [] },
      recent: []
    })
  })

  it("says how to ask where no anchor runs", async () => {
    const { command, printed, complained } = asking(join(makeFolder(), "status.sock"))
    expect(await Effect.runPromise(command)).toBe(2)
    expect(printed).toEqual([])
    expect(complained.join()).toMatch(/^no anchord answers here: .*ENOENT.*docker exec CONTAINER anchord status$/)
  })

  it("does not take just any answer for a status", async () => {
    const path = join(makeFolder(), "status.sock")
    const server = createServer((socket) => socket.end('{"ready":true,"missing":[]}\n{"hello":1}\n')).listen(path)
    onTestFinished(() => void server.close())
    await vi.waitFor(() => expect(server.listening).toBe(true), patience)
    const { command, complained } = asking(path)
    expect(await Effect.runPromise(command)).toBe(2)
    expect(complained.join()).toContain("is of another version")
  })

  it("does not take a plain file for an anchor", async () => {
    const path = join(makeFolder(), "status.sock")
    writeFileSync(path, "")
    const { command } = asking(path)
    expect(await Effect.runPromise(command)).toBe(2)
  })
})

describe("the watched status", () => {
  it("is printed as JSON, one a line, at first and at every change", async () => {
    const { path, readiness } = await serving()
    const { printed } = watching(path, { json: true })
    await vi.waitFor(() => expect(printed).toHaveLength(1), patience)
    readiness.set("route", undefined)
    await vi.waitFor(() => expect(printed).toHaveLength(2), patience)
    expect(printed.map((line) => JSON.parse(line).ready)).toEqual([false, true])
    expect(printed.every((line) => !line.includes("\n"))).toBe(true)
  })

  it("ends with 2 where the first question finds nobody, and says how to ask", async () => {
    const { command, printed, complained } = asking(join(makeFolder(), "status.sock"), { watch: true })
    expect(await Effect.runPromise(Effect.timeoutOption(command, patience.timeout / 2))).toEqual(Option.some(2))
    expect(printed).toEqual([])
    expect(complained).toEqual([expect.stringMatching(/^no anchord answers here: .*docker exec CONTAINER anchord/)])
  })

  it("goes on when the anchor that has answered is away for a while, and says so once", async () => {
    const { path, close } = await serving()
    const { printed, complained } = watching(path, {})
    await vi.waitFor(() => expect(printed).toHaveLength(1), patience)
    await close()
    await vi.waitFor(() => expect(complained).toHaveLength(1), patience)
    expect(complained.join()).toContain("no anchord answers here")
    await serving(path)
    await vi.waitFor(() => expect(printed).toHaveLength(2), patience)
    expect(complained).toHaveLength(1)
  })

  it("takes the place of the one before on a terminal, where its times go on", async () => {
    const { path } = await serving()
    const { printed } = watching(path, {}, "<clear>")
    await vi.waitFor(() => expect(printed.length).toBeGreaterThan(1), patience)
    for (const text of printed) expect(text).toMatch(/^<clear>service-anchor/)
  })
})
