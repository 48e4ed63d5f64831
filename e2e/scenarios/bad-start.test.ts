import { chownSync, chmodSync } from "node:fs"
import { createServer } from "node:net"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { CommandFailed } from "../lab/command.ts"
import type { LogLine } from "../lab/composeProject.ts"
import { DMZ } from "../lab/lab.ts"

const lab = attachLab()
const TRANSIT = "bad-start-transit"

interface Start {
  readonly env?: Readonly<Record<string, string>>
  readonly networks?: ReadonlyArray<string>
  readonly capabilities?: ReadonlyArray<string>
  readonly args?: ReadonlyArray<string>
}

const settings = { ANCHORD_PROJECT: "bad", ANCHORD_EXT_NETWORK: DMZ, DOCKER_HOST: "unix:///docker/docker.sock" }

let containers = 0

/** Starts anchord once, and tells how it ended and what it said. */
const start = async ({ env = {}, networks = [TRANSIT], capabilities = ["NET_ADMIN"], args = [] }: Start) => {
  containers += 1
  const name = `bad-start-${containers}`
  const begun = performance.now()
  const outcome = await lab
    .docker(
      ...["run", "--rm", "--name", name, "--cap-drop", "ALL", "--read-only", "--tmpfs", "/run"],
      ...["-v", "/lab/sock:/docker:ro", "--sysctl", "net.ipv4.ip_forward=1"],
      ...capabilities.flatMap((capability) => ["--cap-add", capability]),
      ...networks.flatMap((network) => ["--network", network]),
      ...Object.entries({ ...settings, ...env }).flatMap(([key, value]) => ["-e", `${key}=${value}`]),
      lab.image,
      ...args
    )
    .then(
      (output) => ({ status: 0 as number | null, output }),
      (error) => {
        if (error instanceof CommandFailed) return { status: error.status, output: error.output }
        throw error
      }
    )
  const lines = outcome.output.split("\n")
  return {
    status: outcome.status,
    seconds: (performance.now() - begun) / 1000,
    logged: lines.filter((line) => line.startsWith("{")).map((line): LogLine => JSON.parse(line)),
    stderr: lines.filter((line) => line.startsWith("anchord: "))
  }
}

const errorsOf = (logged: ReadonlyArray<LogLine>) =>
  logged.filter(({ level }) => level === "ERROR").map(({ msg }) => msg)

beforeAll(async () => {
  await lab.docker("network", "create", "--subnet", "172.31.40.0/24", "--gateway", "172.31.40.1", TRANSIT)
})

afterAll(async () => {
  await lab.docker("network", "rm", TRANSIT)
})

describe("a start that cannot work", () => {
  it("wrong variables are all named in one run, on stderr and in the log, with status 2", async () => {
    const { status, stderr, logged } = await start({
      env: {
        ANCHORD_LOG_LEVEL: "loud",
        ANCHORD_POLL_INTERVAL: "-3s",
        ANCHORD_EXT_GATEWAY_IP: "10.0.0.1,10.0.0.2",
        ANCHORD_LABEL_SELECTOR: "a=1,a=2"
      }
    })
    expect(status).toBe(2)
    expect(stderr).toEqual([
      "anchord: wrong configuration",
      'anchord:   ANCHORD_LOG_LEVEL="loud": must be one of debug, info, warn, error',
      'anchord:   ANCHORD_LABEL_SELECTOR="a=1,a=2": the key "a" has two values, "1" and "2"; all entries must match, so nothing could',
      'anchord:   ANCHORD_EXT_GATEWAY_IP="10.0.0.1,10.0.0.2": there are two IPv4 addresses; at most one of each family',
      'anchord:   ANCHORD_POLL_INTERVAL="-3s": must be a positive duration such as 500ms, 30s or 1m30s, or a whole number of seconds'
    ])
    expect(logged.map(({ variable }) => variable)).toEqual([
      "ANCHORD_LOG_LEVEL",
      "ANCHORD_LABEL_SELECTOR",
      "ANCHORD_EXT_GATEWAY_IP",
      "ANCHORD_POLL_INTERVAL"
    ])
  })

  it("an unknown mode names the valid ones, with status 2", async () => {
    const { status, stderr } = await start({ args: ["network-anker"] })
    expect(status).toBe(2)
    expect(stderr).toEqual([
      expect.stringMatching(
        /^anchord: unknown mode "network-anker"; the nearest is network-anchor; valid modes are: network-anchor, service-anchor, /
      )
    ])
  })

  for (const [mode, what] of [
    ["network-anchor", "network-anchor sets nftables rules and the default route"],
    ["service-anchor", "service-anchor sets the default route"]
  ] as const) {
    it(`${mode} without NET_ADMIN names the capability, with status 1`, async () => {
      const { status, logged } = await start({ args: [mode], capabilities: [] })
      expect(status).toBe(1)
      expect(errorsOf(logged)).toEqual([`${what}, which needs the capability NET_ADMIN (cap_add: [NET_ADMIN])`])
    })
  }

  it("a pinned shared network that does not exist names those that are attached, with status 1", async () => {
    const { status, logged } = await start({ env: { ANCHORD_SHARED_NETWORK: "elsewhere" }, networks: [DMZ, TRANSIT] })
    expect(status).toBe(1)
    expect(errorsOf(logged)).toEqual([
      `ANCHORD_SHARED_NETWORK names elsewhere, which is not a project-internal network of this container; attached are: ${TRANSIT}, ${DMZ}`
    ])
  })

  it("nothing but the external network is fatal, with status 1", async () => {
    const { status, logged } = await start({ networks: [DMZ] })
    expect(status).toBe(1)
    expect(errorsOf(logged)).toEqual([
      "only the external network is attached; at least one project-internal network is needed"
    ])
  })

  it.concurrent("an external network that is not attached is waited for, then fatal with the names of those that are", async () => {
    const { status, logged, seconds } = await start({})
    expect(status).toBe(1)
    expect(seconds).toBeGreaterThan(28)
    expect(errorsOf(logged)).toEqual([
      `ANCHORD_EXT_NETWORK names ${DMZ}, which this container is not attached to; attached are: ${TRANSIT}`
    ])
    expect(logged.filter(({ level }) => level === "WARN")).toHaveLength(1)
  })

  it.concurrent("a Docker socket that is missing is tried for 60 s, then status 1", async () => {
    const { status, logged, seconds } = await start({ env: { DOCKER_HOST: "unix:///docker/missing.sock" } })
    expect(status).toBe(1)
    expect(seconds).toBeGreaterThan(55)
    expect(errorsOf(logged)).toEqual([
      "Docker is not usable after 60 seconds: Docker at unix:///docker/missing.sock: there is no such socket (ENOENT)"
    ])
    expect(logged.filter(({ msg }) => msg === "Docker is not usable yet; trying again").length).toBeGreaterThan(5)
  })

  it.concurrent("a Docker socket without permission is tried for 60 s, then status 1 and the advice", async () => {
    const path = `${lab.engine.work}/sock/locked.sock`
    const locked = createServer()
    await new Promise<void>((resolve) => {
      locked.listen(path, resolve)
    })
    chownSync(path, 1000, 1000)
    chmodSync(path, 0o600)
    const { status, logged } = await start({ env: { DOCKER_HOST: "unix:///docker/locked.sock" } })
    locked.close()
    expect(status).toBe(1)
    expect(errorsOf(logged)).toEqual([
      "Docker is not usable after 60 seconds: Docker at unix:///docker/locked.sock: connect EACCES /docker/locked.sock; give this container's user the group that owns the socket"
    ])
  })
})
