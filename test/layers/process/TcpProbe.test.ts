import * as Effect from "effect/Effect"
import { createServer, type Server } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { probeTcp } from "../../../src/layers/process/TcpProbe.ts"

const servers: Array<Server> = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

const listening = (onConnection: (from: string | undefined) => void = () => {}): Promise<number> => {
  const server = createServer((socket) => {
    onConnection(socket.remoteAddress)
    socket.on("error", () => {})
    socket.resume()
  })
  servers.push(server)
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resolve(typeof address === "object" ? (address?.port ?? 0) : 0)
    })
  })
}

const probe = (...args: Parameters<typeof probeTcp>) => Effect.runPromise(probeTcp(...args))

describe("a TCP probe", () => {
  it("is answered by a kernel on whose port nobody listens", async () => {
    const port = await listening()
    await new Promise((resolve) => {
      servers.pop()?.close(resolve)
    })
    expect(await probe("127.0.0.1", undefined, port)).toEqual({ _tag: "Answered" })
  })

  it("is answered by whoever listens, who is left at once", async () => {
    const ended = Promise.withResolvers<void>()
    const server = createServer((socket) => socket.resume().on("close", ended.resolve))
    servers.push(server)
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve)
    })
    const address = server.address()
    expect(await probe("127.0.0.1", undefined, typeof address === "object" ? address?.port : 0)).toEqual({
      _tag: "Answered"
    })
    await ended.promise
  })

  it("comes from the source that it is given", async () => {
    const seen: Array<string | undefined> = []
    const port = await listening((from) => seen.push(from))
    expect(await probe("127.0.0.1", "127.0.0.77", port)).toEqual({ _tag: "Answered" })
    await expect.poll(() => seen).toEqual(["127.0.0.77"])
  })

  it("says why it could not be sent", async () => {
    expect(await probe("127.0.0.1", "192.0.2.1")).toEqual({
      _tag: "Unreachable",
      message: expect.stringContaining("EADDRNOTAVAIL")
    })
  })
})
