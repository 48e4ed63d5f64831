import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Schema from "effect/Schema"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { StaleReport } from "../../src/domain/StaleReport.ts"
import { attachLab } from "../lab/attach.ts"
import { ask } from "../lab/client.ts"
import { app, composeProject, externalDmz, idle, networkAnchor, serviceAnchor, transit } from "../lab/composeProject.ts"
import { commandsOf, ended, staleNetns, type, type Asked } from "../lab/doctor.ts"
import { project as repository } from "../lab/folders.ts"
import { proxyForContainers } from "../lab/socketProxy.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const address = { v4: "10.99.0.97", v6: "fd99::97" }
const HAND_MADE = "s98-hand-made"
const NONE = { status: 0, stdout: "No container is in a dead network namespace.\n", stderr: "" }

const joined = (service: string) => idle(lab, { network_mode: `service:${service}`, networks: undefined })

/** Its network-anchor finds what is stale, and leaves it. */
const shop = composeProject(lab, "s97", {
  services: {
    anchord: networkAnchor(lab, { ...address, env: { ANCHORD_AUTOFIX_DEAD_NETNS: "false" } }),
    "web-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/80" }),
    web: app(lab, "web-anchor", "web", ["tcp/80"]),
    log: joined("web-anchor")
  },
  networks: { dmz: externalDmz, transit: transit(97) }
})

/** Has nothing to do with anchord. */
const other = composeProject(lab, "s98", {
  services: { own: idle(lab), tool: joined("own"), deep: joined("tool") },
  networks: { transit: transit(98) }
})

const makeByHand = async () => {
  await lab.docker("rm", "-f", HAND_MADE).catch(() => "")
  await lab.docker(
    ...["run", "-d", "--name", HAND_MADE, "--network", `container:${other.container("own")}`, "--stop-timeout", "1"],
    ...["--no-healthcheck", "--entrypoint", "tini", lab.image, "--", "busybox", "sleep", "1000000"]
  )
}

const namespaceOf = async (name: string) => (await lab.docker("exec", name, "readlink", "/proc/self/ns/net")).trim()

const answers = () =>
  eventually("the web server answers", 30_000, async () => {
    for (const host of [address.v4, address.v6]) expect((await ask(lab.alice, "tcp", host, 80)).name).toBe("web")
  })

const idOf = (name: string) => lab.docker("inspect", "-f", "{{.Id}}", name).then((text) => text.trim())

const victimsOf = (report: StaleReport) =>
  report.map(({ target, victims }) => [target.name, victims.map(({ name }) => name)])

const asJson = async (asked?: Asked) => {
  const { status, stdout, stderr } = await staleNetns(lab, ["--json"], asked)
  expect(stderr).toBe("")
  return { status, report: Schema.decodeUnknownSync(Schema.fromJsonString(StaleReport))(stdout) }
}

/** Types every command that the report for people has, from top to bottom. */
const typeAll = async () => {
  const { stdout } = await staleNetns(lab)
  const commands = commandsOf(stdout)
  for (const printed of commands) await step(printed.command, () => type(lab, printed))
  return commands
}

beforeAll(async () => {
  await shop.compose("up", "-d")
  await other.compose("up", "-d")
  await makeByHand()
  await shop.ready("anchord", "web-anchor")
  await answers()
})

afterAll(async () => {
  await lab.docker("rm", "-f", HAND_MADE).catch(() => "")
  await other.down()
  await shop.down()
})

describe("anchord doctor stale-netns", () => {
  it("says that there is nothing, with status 0", async () => {
    expect(await step("a look at the host", () => staleNetns(lab))).toEqual(NONE)
    expect(await asJson()).toEqual({ status: 0, report: [] })
  })

  it("finds the dependents of owners made anew over the whole host, and prints what repairs them", async () => {
    const owners = { shop: shop.container("web-anchor"), other: other.container("own") }
    const before = { shop: await idOf(owners.shop), other: await idOf(owners.other) }
    await shop.compose("up", "-d", "--no-deps", "--force-recreate", "web-anchor")
    await other.compose("up", "-d", "--no-deps", "--force-recreate", "own")
    const { status, stdout, stderr } = await staleNetns(lab)
    expect({ status, stderr }).toEqual({ status: 1, stderr: "" })
    const call = (file: string) => `docker compose -p ${file} -f ${file}.json up -d --no-deps --force-recreate`
    const dead = (name: string, id: string) =>
      `dead target: ${name} (${id.slice(0, 12)}), which does not exist any more; `
    expect(stdout.split("\n")).toEqual([
      "Found 5 containers in dead network namespaces, of 2 targets; repair them in this order:",
      "",
      `${dead(owners.shop, before.shop)}2 victims:`,
      ...[`  ${shop.container("log")}`, `    → ${call("s97")} log   (in /lab/projects)`],
      ...[`  ${shop.container("web")}`, `    → ${call("s97")} web   (in /lab/projects)`],
      "",
      `${dead(owners.other, before.other)}3 victims:`,
      ...[`  ${other.container("tool")}`, `    → ${call("s98")} tool   (in /lab/projects)`],
      ...[`  ${other.container("deep")}`, `    → ${call("s98")} deep   (in /lab/projects)`],
      ...[`  ${HAND_MADE}`, "    → make it anew with the command that made it"],
      ""
    ])
    expect((await asJson()).report.map(({ target }) => target)).toEqual([
      { ref: before.shop, name: owners.shop },
      { ref: before.other, name: owners.other }
    ])
  })

  it("has commands that repair them, typed as they are printed", async () => {
    expect(await typeAll()).toHaveLength(4)
    expect(victimsOf((await asJson()).report)).toEqual([[undefined, [HAND_MADE]]])
    await makeByHand()
    expect(await staleNetns(lab)).toEqual(NONE)
    await answers()
    const namespace = await namespaceOf(other.container("own"))
    for (const name of [other.container("tool"), other.container("deep"), HAND_MADE])
      expect(await namespaceOf(name)).toBe(namespace)
  })

  it("finds the dependents of owners that only were restarted", async () => {
    await lab.docker("restart", "-t", "2", shop.container("web-anchor"))
    await lab.docker("restart", "-t", "1", other.container("own"))
    const { status, report } = await asJson()
    expect({ status, victims: victimsOf(report) }).toEqual({
      status: 1,
      victims: [
        [shop.container("web-anchor"), [shop.container("log"), shop.container("web")]],
        [other.container("own"), [other.container("tool"), other.container("deep"), HAND_MADE]]
      ]
    })
    expect((await typeAll()).map(({ command }) => command.split(" ", 2).join(" "))).toEqual(
      Array.from({ length: 5 }, () => "docker restart")
    )
    expect(await staleNetns(lab)).toEqual(NONE)
    await answers()
  })

  it("brings the owner back first where it was removed", async () => {
    await lab.docker("rm", "-f", HAND_MADE)
    // A container that was made with --no-deps has no trace of whom it depends on: this makes them anew, with it.
    await other.compose("up", "-d")
    await other.compose("rm", "-s", "-f", "own")
    const commands = await typeAll()
    expect(commands.map(({ command }) => command.includes(" up -d --no-deps own && "))).toEqual([true, false])
    expect(await staleNetns(lab)).toEqual(NONE)
    expect(await namespaceOf(other.container("deep"))).toBe(await namespaceOf(other.container("own")))
    await makeByHand()
  })

  it("runs on the host as well", async () => {
    const entry = [process.execPath, `${repository}/src/main/anchord.ts`, "doctor", "stale-netns"]
    const env = { PATH: process.env["PATH"], DOCKER_HOST: `unix://${lab.socket}` }
    expect(await ended(entry, env)).toEqual(NONE)
  })
})

/** Ways in which people call Compose, in a folder of their own; `word` is a variable that the container has. */
const calls = [
  { name: "default files", files: ["compose.yaml", "compose.override.yaml"], options: [] },
  { name: "files of another name", files: ["a b.yaml", "it's.yaml"], options: ["-f", "a b.yaml", "-f", "it's.yaml"] },
  {
    name: "files and variables from elsewhere",
    files: ["sub/x.yaml"],
    options: ["--project-directory", ".", "-f", "sub/x.yaml", "--env-file", "prod.env"],
    word: "production"
  }
]

describe("the printed command of a project that was started by", () => {
  const folder = "projects/s99 and more"
  const here = `${lab.engine.work}/${folder}`
  const compose = (...args: ReadonlyArray<string>) =>
    lab.engine.inside(["sh", "-c", 'cd "$1"; shift; exec docker compose -p s99 "$@"', "sh", `/lab/${folder}`, ...args])

  const service = (more: object) => ({ ...idle(lab), networks: undefined, ...more })
  const base = {
    services: {
      own: service({}),
      tool: service({ network_mode: "service:own", environment: { WORD: "${WORD:-none}" } })
    }
  }
  const addition = { services: { tool: { labels: { added: "yes" } } } }
  const remove = async () => {
    await lab.docker("rm", "-f", "s99-own-1", "s99-tool-1").catch(() => "")
    await lab.docker("network", "rm", "s99_default").catch(() => "")
    rmSync(here, { recursive: true, force: true })
  }
  afterAll(remove)

  it.for(calls)("$name repairs it, with the same configuration", async ({ files, options, word = "none" }) => {
    await remove()
    mkdirSync(join(here, "sub"), { recursive: true })
    files.forEach((file, index) => writeFileSync(join(here, file), JSON.stringify(index === 0 ? base : addition)))
    writeFileSync(join(here, "prod.env"), "WORD=production\n")
    await compose(...options, "up", "-d")
    const configured = () =>
      lab.docker("inspect", "-f", '{{.Config.Env}} {{index .Config.Labels "added"}}', "s99-tool-1")
    const before = { configured: await configured(), id: await idOf("s99-tool-1") }
    expect(before.configured).toContain(`WORD=${word}`)
    await compose(...options, "up", "-d", "--no-deps", "--force-recreate", "own")
    expect(await typeAll()).toHaveLength(1)
    expect(await staleNetns(lab)).toEqual(NONE)
    expect(await idOf("s99-tool-1")).not.toBe(before.id)
    expect(await namespaceOf("s99-tool-1")).toBe(await namespaceOf("s99-own-1"))
    expect(await configured()).toBe(before.configured)
  })
})

describe("a doctor that may little", () => {
  const config = readFileSync(`${repository}/examples/docker-proxy/haproxy.cfg`, "utf8")
  const proxies: Array<{ readonly stop: () => Promise<void> }> = []

  /** The socket proxy of the examples, with these words in its configuration; answers with how a container reaches it. */
  const openProxy = async (name: string, text: string) => {
    const proxy = await proxyForContainers(lab, name, text)
    proxies.push(proxy)
    return proxy.host
  }

  afterAll(async () => {
    for (const { stop } of proxies) await stop()
  })

  it("gets by with the socket proxy's list of what may be read, as nobody", async () => {
    const host = await openProxy("doctor-open", config)
    expect(await staleNetns(lab, [], { host, options: ["--user", "65534:65534"] })).toEqual(NONE)
  })

  it("names the call that a proxy forbids, with status 2", async () => {
    for (const [name, permitted, call] of [
      ["doctor-shut", "/containers/json$", "GET /containers/json"],
      ["doctor-blind", "/containers/[a-zA-Z0-9][a-zA-Z0-9_.-]*/json$", "GET /containers/"]
    ] as const) {
      const lines = config.split("\n")
      const others = lines.filter((line) => !line.endsWith(permitted))
      expect(others).toHaveLength(lines.length - 1)
      const host = await openProxy(name, others.join("\n"))
      const { status, stdout, stderr } = await staleNetns(lab, ["--json"], { host })
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" })
      expect(stderr).toMatch(/^anchord: cannot look for dead network namespaces: .*\n$/)
      expect(stderr).toContain(`${call}`)
      expect(stderr).toContain("a socket proxy or an authorization plugin forbids this endpoint: allow it there")
    }
    const { stderr } = await staleNetns(lab, [], { host: "unix:///docker/doctor-blind.sock" })
    expect(stderr).toMatch(/: cannot inspect container s9[78]-[a-z-]+(-1)?: GET /)
  })

  it("says where Docker is not, and what may not be opened, with status 2", async () => {
    const missing = await staleNetns(lab, [], { host: "unix:///docker/missing.sock" })
    expect(missing).toMatchObject({ status: 2, stdout: "" })
    expect(missing.stderr).toContain(
      "Docker at unix:///docker/missing.sock: there is no such socket (ENOENT); DOCKER_HOST says"
    )
    expect(missing.stderr).toContain("mount the socket (/var/run/docker.sock:/var/run/docker.sock:ro)")
    const locked = await staleNetns(lab, [], { options: ["--user", "65534:65534"] })
    expect(locked).toMatchObject({ status: 2, stdout: "" })
    expect(locked.stderr).toContain("give this container's user the group that owns the socket")
    expect(
      await staleNetns(lab, [], { options: ["--user", "65534:65534", "--group-add", `${statSync(lab.socket).gid}`] })
    ).toEqual(NONE)
  })

  it("says which variable is wrong, with status 2", async () => {
    const wrong = await staleNetns(lab, [], { host: "ssh://docker" })
    expect(wrong).toMatchObject({ status: 2, stdout: "" })
    expect(wrong.stderr).toContain('DOCKER_HOST="ssh://docker": must be unix:///path')
  })
})
