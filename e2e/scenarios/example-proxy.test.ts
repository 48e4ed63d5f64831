import { spawn, spawnSync, type ChildProcess } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { createServer, request, type IncomingMessage, type Server } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"

const examples = fileURLToPath(new URL("../../examples", import.meta.url))
const config = join(examples, "mailcow-shaped/docker-proxy/haproxy.cfg")
/** Answers everything with 200 and names what it was asked; its event stream lasts until the client leaves. */
const fakeEngine = () => {
  const streams = new Set<NodeJS.WritableStream>()
  const server = createServer((incoming, response) => {
    response.setHeader("x-asked", `${incoming.method} ${incoming.url}`)
    if (!/\/events(\?|$)/.test(incoming.url ?? "")) return void response.end("from the engine")
    response.on("close", () => streams.delete(response))
    response.flushHeaders()
    streams.add(response)
  })
  return { server, streams }
}

const ask = (socketPath: string, method: string, path: string, headers: Record<string, string> = {}) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    request({ socketPath, method, path, headers }, resolve).on("error", reject).end()
  })

const statusOf = async (socketPath: string, method: string, path: string, headers?: Record<string, string>) => {
  const response = await ask(socketPath, method, path, headers)
  response.destroy()
  return response.statusCode
}

describe("the example's socket proxy", () => {
  const folder = mkdtempSync(join(tmpdir(), "anchord-proxy-"))
  const proxy = join(folder, "proxy.sock")
  const { server, streams }: { server: Server; streams: Set<NodeJS.WritableStream> } = fakeEngine()
  let child: ChildProcess | undefined
  let output = ""

  beforeAll(async () => {
    const engine = join(folder, "docker.sock")
    server.listen(engine)
    await once(server, "listening")
    const env = { ...process.env, LISTEN: `unix@${proxy}`, DOCKER_SOCKET: engine }
    child = spawn("haproxy", ["-db", "-f", config], { env, stdio: ["ignore", "pipe", "pipe"] })
    child.stdout?.on("data", (chunk) => (output += String(chunk)))
    child.stderr?.on("data", (chunk) => (output += String(chunk)))
    await vi.waitFor(() => expect(existsSync(proxy), output).toBe(true), { timeout: 10_000 })
  }, 180_000)

  afterAll(async () => {
    if (child !== undefined && child.exitCode === null) {
      child.kill("SIGKILL")
      await once(child, "exit")
    }
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it("has a configuration that haproxy accepts without a warning", () => {
    const check = spawnSync("haproxy", ["-c", "-q", "-f", config], { encoding: "utf8" })
    expect(check.stderr + check.stdout).not.toMatch(/WARNING|ALERT/)
    expect(check.status).toBe(0)
  })

  const id = "0d1fa2b4c6e8".repeat(5) + "abcd"
  const permitted = [
    "/_ping",
    "/version",
    "/events",
    "/events?since=1&filters=%7B%22type%22%3A%5B%22container%22%5D%7D",
    "/containers/json?all=1",
    `/containers/json?all=1&filters=%7B%22id%22%3A%5B%22${id}%22%5D%7D`,
    `/containers/${id}/json`,
    "/containers/mailcow-shaped-anchord-1/json",
    `/networks/${id}`,
    "/networks/mailcow-shaped_transit"
  ]
  for (const path of permitted.flatMap((plain) => [plain, `/v1.41${plain}`])) {
    it(`lets GET ${path} through, unchanged`, async () => {
      const response = await ask(proxy, "GET", path)
      response.destroy()
      expect([response.statusCode, response.headers["x-asked"]]).toEqual([200, `GET ${path}`])
    })
  }

  it("lets HEAD /_ping through", async () => {
    expect(await statusOf(proxy, "HEAD", "/_ping")).toBe(200)
  })

  const refusedPaths = [
    "/",
    "/info",
    "/images/json",
    "/volumes",
    "/networks",
    "/secrets",
    "/system/df",
    `/containers/${id}/archive?path=/etc`,
    `/containers/${id}/export`,
    `/containers/${id}/logs?stdout=1`,
    `/containers/${id}/attach/ws`,
    `/containers/${id}/top`,
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
  ]
  for (const path of refusedPaths) {
    it(`refuses GET ${path}`, async () => {
      expect(await statusOf(proxy, "GET", path)).toBe(403)
    })
  }

  const writes = [
    ["POST", "/containers/create"],
    ["POST", `/containers/${id}/start`],
    ["POST", "/containers/json"],
    ["DELETE", `/networks/${id}`],
    ["PUT", `/containers/${id}/json`],
    ["OPTIONS", "/version"],
    ["PATCH", "/events"]
  ] as const
  for (const [method, path] of writes) {
    it(`refuses ${method} ${path}`, async () => {
      expect(await statusOf(proxy, method, path)).toBe(403)
    })
  }

  it("refuses to switch protocols", async () => {
    const headers = { connection: "Upgrade", upgrade: "h2c" }
    expect(await statusOf(proxy, "GET", "/version", headers)).toBe(403)
  })

  it("logs what it refused, and nothing of what it let through", async () => {
    await statusOf(proxy, "GET", "/images/log-me")
    await vi.waitFor(() => expect(output).toContain("GET /images/log-me -> 403"), { timeout: 5_000 })
    expect(output).not.toContain("-> 200")
  })

  it("hands each event on at once, and hangs up on the engine when the client leaves", async () => {
    await vi.waitFor(() => expect(streams.size).toBe(0), { timeout: 5_000 })
    const response = await ask(proxy, "GET", "/v1.41/events")
    for (const event of ["first", "second"]) {
      const arrived = once(response, "data")
      for (const stream of streams) stream.write(event)
      expect(String((await arrived)[0])).toBe(event)
    }
    response.destroy()
    await vi.waitFor(() => expect(streams.size).toBe(0), { timeout: 5_000 })
  })
})
