import { spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer, request, type IncomingMessage, type Server } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { allowListOf, proxyConfig, proxyConfigs, wordsOf } from "../lab/allowList.ts"
import { socketProxy } from "../lab/socketProxy.ts"

/** Answers everything with 200, what it was asked and what was in it; its event stream lasts until the client leaves. */
const fakeEngine = () => {
  const streams = new Set<NodeJS.WritableStream>()
  /** Answers that are kept back until somebody calls them. */
  const held: Array<() => void> = []
  const server = createServer((incoming, response) => {
    response.setHeader("x-asked", `${incoming.method} ${incoming.url}`)
    if (/held=1/.test(incoming.url ?? "")) return void held.push(() => response.end("in the end"))
    if (!/\/events(\?|$)/.test(incoming.url ?? "")) return void incoming.pipe(response)
    response.on("close", () => streams.delete(response))
    response.flushHeaders()
    streams.add(response)
  })
  return { server, streams, held }
}

const ask = (socketPath: string, method: string, path: string, headers: Record<string, string> = {}, body = "") =>
  new Promise<IncomingMessage>((resolve, reject) => {
    request({ socketPath, method, path, headers }, resolve).on("error", reject).end(body)
  })

const textOf = async (response: IncomingMessage) => {
  let text = ""
  for await (const chunk of response) text += String(chunk)
  return text
}

const statusOf = async (socketPath: string, method: string, path: string, headers?: Record<string, string>) => {
  const response = await ask(socketPath, method, path, headers)
  response.destroy()
  return response.statusCode
}

/** The proxy before an engine that is not one. */
const startBeforeFake = (config: string, environment: Readonly<Record<string, string>> = {}) => {
  const { server, streams, held }: { server: Server } & Omit<ReturnType<typeof fakeEngine>, "server"> = fakeEngine()
  const proxy = socketProxy(config, (folder) => join(folder, "docker.sock"), environment)
  const start = async () => {
    server.listen(proxy.engine)
    await once(server, "listening")
    await proxy.start()
  }
  const stop = async () => {
    server.closeAllConnections()
    server.close()
    await proxy.stop()
  }
  return { proxy: proxy.socket, output: proxy.output, streams, held, start, stop }
}

const id = "0d1fa2b4c6e8".repeat(5) + "abcd"

const reads = [
  "/_ping",
  "/events",
  "/events?since=1&filters=%7B%22type%22%3A%5B%22container%22%5D%7D",
  "/containers/json?all=1",
  `/containers/json?all=1&filters=%7B%22id%22%3A%5B%22${id}%22%5D%7D`,
  `/containers/${id}/json`,
  "/containers/mailcow-shaped-anchord-1/json",
  `/networks/${id}`,
  "/networks/mailcow-shaped_transit"
].map((path) => ["GET", path] as const)

const writes = [
  ["GET", `/images/sha256%3A${id}/json`],
  ["POST", "/containers/create?name=web&platform=linux%2Famd64"],
  ["POST", `/containers/${id}/start`],
  ["POST", "/containers/web-anchor/start"],
  ["POST", `/containers/${id}/stop?t=60`],
  ["POST", `/containers/${id}/restart?t=10`],
  ["POST", `/containers/${id}/rename?name=web-anchord-old-0d1fa2b4c6e8`],
  ["POST", `/containers/${id}/update`],
  ["POST", `/networks/${id}/connect`],
  ["POST", "/networks/mailcow-shaped_transit/disconnect"],
  ["DELETE", `/containers/${id}?v=false`]
] as const

const refusedReads = [
  "/",
  "/info",
  "/version",
  "/images/json",
  "/volumes",
  "/networks",
  "/secrets",
  "/system/df",
  "/images/debian/json",
  "/images/debian%3Atrixie-slim/json",
  `/images/sha256%3A${id}/history`,
  `/images/sha256%3A${id}%2f..%2fjson/json`,
  `/containers/${id}/archive?path=/etc`,
  `/containers/${id}/export`,
  `/containers/${id}/logs?stdout=1`,
  `/containers/${id}/attach/ws`,
  `/containers/${id}/top`,
  `/containers/${id}/start`,
  `/containers/${id}/json/../export`,
  "/containers/../images/json",
  "/containers/%2e%2e/json",
  `/containers/${id}%2fexport%3f/json`,
  "//containers/json",
  "/_ping/../images/json",
  "/v1.41/v1.41/containers/json",
  "/v1/version",
  "/exec/abc/json",
  "/x/events"
].map((path) => ["GET", path] as const)

const refusedWrites = [
  ["POST", "/"],
  ["POST", "/auth"],
  ["POST", "/build"],
  ["POST", "/commit"],
  ["POST", "/session"],
  ["POST", "/swarm/init"],
  ["POST", "/images/create?fromImage=debian"],
  ["POST", "/images/load"],
  ["POST", "/networks/create"],
  ["POST", "/volumes/create"],
  ["POST", "/plugins/pull"],
  ["POST", "/exec/abc/start"],
  ["POST", "/containers/json"],
  ["POST", "/containers/prune"],
  ["POST", "/containers/../images/create"],
  ["POST", "/containers/%2e%2e/start"],
  ["POST", `/containers/${id}`],
  ["POST", `/containers/${id}/json`],
  ["POST", `/containers/${id}/attach`],
  ["POST", `/containers/${id}/exec`],
  ["POST", `/containers/${id}/kill`],
  ["POST", `/containers/${id}/pause`],
  ["POST", `/containers/${id}/resize`],
  ["POST", `/containers/${id}/wait`],
  ["POST", `/containers/${id}/start/../exec`],
  ["POST", `/containers/${id}%2fexec%3f/start`],
  ["POST", `/networks/${id}`],
  ["PUT", `/containers/${id}/json`],
  ["PUT", `/containers/${id}/archive?path=/`],
  ["PUT", "/containers/create"],
  ["DELETE", "/containers"],
  ["DELETE", `/containers/${id}/json`],
  ["DELETE", `/networks/${id}`],
  ["DELETE", "/images/debian"],
  ["DELETE", "/volumes/data"],
  ["OPTIONS", "/_ping"],
  ["PATCH", "/events"],
  ["HEAD", "/_ping"]
] as const

const permitted = { "haproxy.cfg": reads, "haproxy-lifecycle.cfg": [...reads, ...writes] } as const
const refused = {
  "haproxy.cfg": [...refusedReads, ...writes, ...refusedWrites],
  "haproxy-lifecycle.cfg": [...refusedReads, ...refusedWrites]
} as const

describe.each(proxyConfigs)("the examples' socket proxy with %s", (name) => {
  const { proxy, streams, start, stop, output } = startBeforeFake(proxyConfig(name))
  beforeAll(start)
  afterAll(stop)

  it("has a configuration that haproxy accepts without a warning", () => {
    const check = spawnSync("haproxy", ["-c", "-q", "-f", proxyConfig(name)], { encoding: "utf8" })
    expect(check.stderr + check.stdout).not.toMatch(/WARNING|ALERT/)
    expect(check.status).toBe(0)
  })

  it("permits nothing that is not tried here", () => {
    const untried = allowListOf(name).filter(
      ({ method, path }) => !permitted[name].some((one) => one[0] === method && path.test(one[1].split("?")[0] ?? ""))
    )
    expect(untried.map(wordsOf)).toEqual([])
  })

  for (const [method, plain] of permitted[name]) {
    for (const path of [plain, `/v1.41${plain}`]) {
      it(`lets ${method} ${path} through, unchanged`, async () => {
        const body = method === "POST" ? JSON.stringify({ Image: "debian", HostConfig: { Binds: [" a:b "] } }) : ""
        const response = await ask(proxy, method, path, { "content-type": "application/json" }, body)
        const isStream = /\/events(\?|$)/.test(path)
        if (isStream) response.destroy()
        expect([response.statusCode, response.headers["x-asked"]]).toEqual([200, `${method} ${path}`])
        expect(isStream ? "" : await textOf(response)).toBe(body)
      })
    }
  }

  for (const [method, path] of refused[name]) {
    it(`refuses ${method} ${path}`, async () => {
      expect(await statusOf(proxy, method, path)).toBe(403)
    })
  }

  it("refuses to switch protocols", async () => {
    const headers = { connection: "Upgrade", upgrade: "h2c" }
    expect(await statusOf(proxy, "GET", "/_ping", headers)).toBe(403)
  })

  it("logs what it refused, and nothing of what it let through", async () => {
    await statusOf(proxy, "GET", "/images/log-me")
    await vi.waitFor(() => expect(output()).toContain("GET /images/log-me -> 403"), { timeout: 30_000 })
    expect(output()).not.toContain("-> 200")
  })

  it("hands each event on at once, and hangs up on the engine when the client leaves", async () => {
    await vi.waitFor(() => expect(streams.size).toBe(0), { timeout: 30_000 })
    const response = await ask(proxy, "GET", "/v1.41/events")
    for (const event of ["first", "second"]) {
      const arrived = once(response, "data")
      for (const stream of streams) stream.write(event)
      expect(String((await arrived)[0])).toBe(event)
    }
    response.destroy()
    await vi.waitFor(() => expect(streams.size).toBe(0), { timeout: 30_000 })
  })
})

describe("haproxy-lifecycle.cfg", () => {
  it("permits all that the read-only one does", () => {
    expect(allowListOf("haproxy-lifecycle.cfg").map(wordsOf)).toEqual(
      expect.arrayContaining(allowListOf("haproxy.cfg").map(wordsOf))
    )
  })

  const folder = mkdtempSync(join(tmpdir(), "anchord-proxy-"))
  const impatient = join(folder, "impatient.cfg")
  writeFileSync(
    impatient,
    readFileSync(proxyConfig("haproxy-lifecycle.cfg"), "utf8")
      .replace("timeout client 30s", "timeout client 100ms")
      .replace("timeout server 70s", "timeout server 300ms")
  )
  const { proxy, held, start, stop, output } = startBeforeFake(impatient, { LOG_PERMITTED: "yes" })
  beforeAll(start)
  afterAll(async () => {
    await stop()
    rmSync(folder, { recursive: true, force: true })
  })

  it("gives a container that stops the time that it takes, and nothing else", async () => {
    const stopping = ask(proxy, "POST", `/containers/${id}/stop?t=300&held=1`)
    const restarting = ask(proxy, "POST", `/v1.45/containers/${id}/restart?t=300&held=1`)
    await vi.waitFor(() => expect(held).toHaveLength(2), { timeout: 30_000 })
    expect(await statusOf(proxy, "POST", `/containers/${id}/start?held=1`)).toBe(504)
    for (const release of held) release()
    for (const answer of [await stopping, await restarting]) {
      expect([answer.statusCode, await textOf(answer)]).toEqual([200, "in the end"])
    }
  })

  it("logs what it let through where that is asked for", async () => {
    expect(await statusOf(proxy, "GET", "/_ping")).toBe(200)
    await vi.waitFor(() => expect(output()).toContain("GET /_ping -> 200"), { timeout: 30_000 })
  })
})
