import { spawn, type ChildProcess } from "node:child_process"
import { once } from "node:events"
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Lab } from "./lab.ts"
import { eventually } from "./steps.ts"

/** The machine's haproxy with a configuration of the examples: on a socket of its own, before the one that `engineIn` its folder names. */
export const socketProxy = (
  config: string,
  engineIn: (folder: string) => string,
  environment: Readonly<Record<string, string>> = {}
) => {
  const folder = mkdtempSync(join(tmpdir(), "anchord-proxy-"))
  const socket = join(folder, "proxy.sock")
  const engine = engineIn(folder)
  let child: ChildProcess | undefined
  let output = ""
  const start = async () => {
    const env = { ...process.env, LISTEN: `unix@${socket}`, DOCKER_SOCKET: engine, ...environment }
    child = spawn("setpriv", ["--pdeathsig", "KILL", "haproxy", "-db", "-f", config], {
      env,
      stdio: ["ignore", "pipe", "pipe"]
    })
    child.stdout?.on("data", (chunk) => (output += String(chunk)))
    child.stderr?.on("data", (chunk) => (output += String(chunk)))
    await eventually("haproxy listens", 30_000, () => {
      if (!existsSync(socket)) throw new Error(output)
    })
  }
  const stop = async () => {
    if (child !== undefined && child.exitCode === null) {
      child.kill("SIGKILL")
      await once(child, "exit")
    }
    rmSync(folder, { recursive: true, force: true })
  }
  return { socket, engine, start, stop, output: () => output }
}

/** The same in front of the lab's engine, for everybody in it who has the folder of its socket mounted; `host` is what containers call it. */
export const proxyForContainers = async (lab: Lab, name: string, config: string) => {
  const folder = mkdtempSync(join(tmpdir(), "anchord-proxy-"))
  const [file, socket] = [join(folder, `${name}.cfg`), `${lab.engine.work}/sock/${name}.sock`]
  writeFileSync(file, config)
  const env = { ...process.env, LISTEN: `unix@${socket}`, DOCKER_SOCKET: lab.socket }
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "haproxy", "-db", "-f", file], { env, stdio: "ignore" })
  const gone = once(child, "exit")
  await eventually("the proxy listens", 10_000, () => {
    if (!existsSync(socket)) throw new Error(`there is no ${socket}`)
  })
  chmodSync(socket, 0o666)
  const stop = async () => {
    child.kill("SIGKILL")
    await gone
    for (const path of [socket, folder]) rmSync(path, { recursive: true, force: true })
  }
  return { host: `unix:///docker/${name}.sock`, stop }
}
