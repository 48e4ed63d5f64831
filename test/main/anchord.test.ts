import * as Schema from "effect/Schema"
import { spawnSync } from "node:child_process"
import { describe, expect, it, vi } from "vitest"
import { commandNames } from "../../src/domain/CommandLine.ts"
import { DoctorReport } from "../../src/domain/Findings.ts"
import { definitionsOf, modes } from "../../src/domain/SettingDefinitions.ts"
import { json } from "../layers/docker/FakeEngine.ts"
import { fake } from "../layers/docker/asking.ts"
import { jsonLines, startNode } from "../layers/process/scripts.ts"
import { entry, serviceAnchor } from "./process.ts"

// Each test starts processes, and the machine may be busy.
vi.setConfig({ testTimeout: 60_000 })

const anchord = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...args], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"], ...env }
  })
  const logged = stdout.split("\n").filter((line) => line.startsWith('{"'))
  return { status, stdout, stderr, logged: logged.map((line): Record<string, unknown> => JSON.parse(line)) }
}

describe("the command line", () => {
  it("prints version and commit", () => {
    for (const args of [["version"], ["--version"]]) {
      expect(anchord(args)).toMatchObject({ status: 0, stdout: "anchord development (none)\n", stderr: "" })
    }
  })

  it("prints the modes, and for each mode every variable with its default", () => {
    const general = anchord(["--help"])
    expect(general.status).toBe(0)
    for (const mode of modes) {
      expect(general.stdout).toContain(`  ${mode} `)
      const { status, stdout } = anchord([mode, "--help"])
      expect(status).toBe(0)
      for (const [variable, { fallback }] of Object.entries(definitionsOf(mode))) {
        const line = stdout.split("\n").find((one) => one.trim().startsWith(`${variable} `))
        expect(line, variable).toContain(fallback === undefined ? variable : `[${fallback}]`)
      }
    }
  })

  it.each([
    ["network-anker", 'unknown mode "network-anker"; the nearest is network-anchor; valid modes are: network-anchor, '],
    ["sidecar", 'unknown mode "sidecar"; valid modes are: network-anchor, '],
    ["help network-anker", 'unknown mode "network-anker"; the nearest is network-anchor; '],
    ["--json plan", "--json comes after the command: anchord plan --json; see anchord plan --help"],
    ["--verbos", 'unknown option "--verbos"; the nearest is --version; see anchord --help'],
    ["plan -x", 'unknown option "-x"; there are: --json, --nft, --help, '],
    ["service-anchor --halp", 'unknown option "--halp"; the nearest is --help; see anchord service-anchor --help'],
    ["doctor stale-nets", 'anchord doctor has no "stale-nets"; the nearest is stale-netns; see anchord doctor --help'],
    ["status --no-json", 'unknown option "--no-json"; the nearest is --json; see anchord status --help'],
    ["status --jsn", 'unknown option "--jsn"; the nearest is --json; see anchord status --help'],
    [
      "doctor --mode netwrok-anchor",
      'Invalid value for flag --mode: "netwrok-anchor". Expected: "network-anchor" | "service-anchor" | "external-rebinder" | "wrap-rebinder"; the nearest is network-anchor; see anchord doctor --help'
    ],
    ["doctor --mode sidecar", '| "wrap-rebinder"; see anchord doctor --help'],
    ["--completions bsh", '| "pwsh"; the nearest is bash; see anchord --help'],
    ["service-anchor now", 'unexpected argument "now" after anchord service-anchor; see anchord service-anchor --help']
  ])("refuses %s with status 2, in one line that names the nearest", (line, message) => {
    const { status, stdout, stderr } = anchord(line.split(" "))
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" })
    expect(stderr).toMatch(/^anchord: /)
    expect(stderr).toContain(message)
    expect(stderr.trim().split("\n")).toHaveLength(1)
  })

  it("logs an unknown ANCHORD_MODE as well, for whoever reads a container's log", () => {
    const { status, stderr, logged } = anchord([], { ANCHORD_MODE: "network-anker" })
    expect(status).toBe(2)
    expect(stderr).toContain('anchord: unknown mode "network-anker"')
    expect(logged).toMatchObject([{ level: "ERROR", msg: expect.stringContaining("the nearest is network-anchor") }])
  })

  it.each(["network-anchor --help", "version", "--completions bash"])("tells when %s cannot be written", (line) => {
    const shell = ["-c", `"$@" >/dev/full`, "bash", process.execPath, entry, ...line.split(" ")]
    const { status, stderr } = spawnSync("bash", shell, { encoding: "utf8" })
    expect(status).toBe(74)
    expect(stderr).toBe("anchord: cannot write to standard output: ENOSPC: no space left on device, write\n")
  })

  it.each(["bash", "zsh", "fish"])("completes itself in %s", (shell) => {
    const { status, stdout, stderr } = anchord(["--completions", shell])
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" })
    for (const word of [...modes, ...commandNames]) expect(stdout).toContain(word)
  })

  it.each([
    [["anchord", "st"], ["status"]],
    [["anchord", "plan", "--n"], ["--nft"]],
    [
      ["anchord", "--"],
      ["--help", "--version", "--completions"]
    ],
    [["anchord", "doctor", "s"], ["stale-netns"]]
  ])("offers in bash, after %j, %j", (words, offered) => {
    const script = `eval "$("$0" "$1" --completions bash)"; shift
      COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=\${#COMP_LINE}
      _anchord; printf '%s\n' "\${COMPREPLY[@]}"`
    const { stdout } = spawnSync("bash", ["-c", script, process.execPath, entry, ...words], { encoding: "utf8" })
    expect(stdout.trim().split("\n").toSorted()).toEqual(offered.toSorted())
  })

  it("prints help without colours into a pipe", () => {
    for (const line of ["--help", "plan --help"])
      expect(anchord(line.split(" "), { FORCE_COLOR: "1" }).stdout).not.toContain("\u001B")
  })

  it("can be piped into what does not read", () => {
    const script = `"$0" "$1" network-anchor --help | true; exit "\${PIPESTATUS[0]}"`
    const { status, stderr } = spawnSync("bash", ["-c", script, process.execPath, entry], { encoding: "utf8" })
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" })
  })

  it("names every wrong variable in one run, on stderr and as log lines with variable, value and rule", () => {
    const { status, stderr, logged } = anchord(["service-anchor"], {
      ANCHORD_GATEWAY_IP: "nowhere",
      ANCHORD_GATEWAY_RESOLVE_INTERVAL: "often"
    })
    expect(status).toBe(2)
    expect(stderr).toContain('ANCHORD_GATEWAY_IP="nowhere": "nowhere" is not an IP address\n')
    expect(stderr).toContain('ANCHORD_GATEWAY_RESOLVE_INTERVAL="often": must be a positive duration')
    expect(logged).toMatchObject([
      { level: "ERROR", variable: "ANCHORD_GATEWAY_IP", value: "nowhere", rule: '"nowhere" is not an IP address' },
      { level: "ERROR", variable: "ANCHORD_GATEWAY_RESOLVE_INTERVAL", value: "often" }
    ])
  })
})

const ofRebinders = {
  ANCHORD_MODE: "network-anchor",
  ANCHORD_LOG_LEVEL: "info",
  ANCHORD_LOG_FORMAT: undefined,
  ANCHORD_METRICS_ADDR: "127.0.0.1:9090",
  DOCKER_HOST: "unix:///var/run/docker.sock",
  DOCKER_TLS_VERIFY: undefined,
  DOCKER_CERT_PATH: undefined
} as const

/** Variables and defaults as the contract has them; nothing where the default is not a fixed text. */
const contract = {
  "network-anchor": {
    ANCHORD_MODE: "network-anchor",
    ANCHORD_LOG_LEVEL: "info",
    ANCHORD_LOG_FORMAT: undefined,
    ANCHORD_METRICS_ADDR: "127.0.0.1:9090",
    DOCKER_HOST: "unix:///var/run/docker.sock",
    DOCKER_TLS_VERIFY: undefined,
    DOCKER_CERT_PATH: undefined,
    ANCHORD_PROJECT: undefined,
    ANCHORD_LABEL_SELECTOR: undefined,
    ANCHORD_EXT_NETWORK: undefined,
    ANCHORD_EXT_IFACE: "eth0",
    ANCHORD_EXT_GATEWAY_IP: undefined,
    ANCHORD_SHARED_NETWORK: undefined,
    ANCHORD_ADDRESS_MODE: "bootstrap",
    ANCHORD_DHCP_HOSTNAME: undefined,
    ANCHORD_DHCP_BACKOFF_MAX: "5m",
    ANCHORD_POLL_INTERVAL: "30s",
    ANCHORD_AUTOSTART_SIBLINGS: "true",
    ANCHORD_AUTOFIX_DEAD_NETNS: "true",
    ANCHORD_AUTOFIX_SCOPE: "own",
    ANCHORD_MANAGED_SA_TARGET: undefined,
    ANCHORD_MANAGED_SA_NAME: undefined,
    ANCHORD_MANAGED_SA_IMAGE: undefined,
    ANCHORD_MANAGED_SA_GATEWAY_IP: undefined,
    ANCHORD_MANAGED_SA_EXTRA_ENV: "{}",
    ANCHORD_MANAGED_SA_LABELS: "{}"
  },
  "service-anchor": {
    ANCHORD_MODE: "network-anchor",
    ANCHORD_LOG_LEVEL: "info",
    ANCHORD_LOG_FORMAT: undefined,
    ANCHORD_METRICS_ADDR: "127.0.0.1:9090",
    ANCHORD_GATEWAY_HOSTNAME: "anchord",
    ANCHORD_GATEWAY_IP: undefined,
    ANCHORD_GATEWAY_RESOLVE_INTERVAL: "5s"
  },
  "external-rebinder": {
    ...ofRebinders,
    ANCHORD_FOLLOW_NETWORK: undefined,
    ANCHORD_FOLLOW_TARGET: undefined,
    ANCHORD_FOLLOW_RESTART: "false",
    ANCHORD_FOLLOW_EVENT_BACKOFF: "2s"
  },
  "wrap-rebinder": {
    ...ofRebinders,
    ANCHORD_WRAP_POLL_INTERVAL: "30s",
    ANCHORD_WRAP_RESTART_TIMEOUT: "10s"
  }
} as const

describe("the help of a mode", () => {
  for (const [mode, variables] of Object.entries(contract)) {
    it(`names for ${mode} what the contract names, with the defaults of the contract`, () => {
      for (const args of [
        [mode, "--help"],
        ["--help", mode]
      ]) {
        const { status, stdout, stderr } = anchord(args)
        expect({ status, stderr }).toEqual({ status: 0, stderr: "" })
        for (const [variable, fallback] of Object.entries(variables)) {
          const line = stdout.split("\n").find((one) => one.trim().startsWith(`${variable} `)) ?? ""
          expect(line, variable).toContain(variable)
          expect(/ \[([^[\]]*)\]$/.exec(line)?.[1], variable).toBe(fallback)
        }
      }
    })
  }

  it("is the general one without a mode on the command line, whatever ANCHORD_MODE says", () => {
    const { status, stdout } = anchord(["--help"], { ANCHORD_MODE: "service-anchor" })
    expect({ status, same: stdout === anchord(["--help"]).stdout }).toEqual({ status: 0, same: true })
  })

  it("says what each exit status means", () => {
    for (const mode of modes) expect(anchord([mode, "--help"]).stdout).toMatch(/Exit status: 0 .*; 1 .*; 2 .*; 70 /)
  })

  it("says it for each command as well, and in general what is worth the same everywhere", () => {
    expect(anchord(["--help"]).stdout).toMatch(/Exit status, .*: 2 .*; 70 .*; 74 /)
    for (const name of commandNames.filter((one) => one !== "version"))
      expect(anchord([name, "--help"]).stdout, name).toMatch(/Exit status: 0 .*; 2 /)
  })

  it("is given whatever the variables hold", () => {
    expect(anchord(["service-anchor", "--help"], { ANCHORD_GATEWAY_IP: "nowhere" }).status).toBe(0)
  })
})

describe("what cannot be run", () => {
  it("is told completely for a network-anchor too, the missing project among it", () => {
    const { status, stderr, logged } = anchord([], {
      ANCHORD_LOG_LEVEL: "loud",
      ANCHORD_METRICS_ADDR: "9090",
      DOCKER_HOST: "ssh://docker",
      ANCHORD_EXT_GATEWAY_IP: "10.0.0.1,10.0.0.2",
      ANCHORD_POLL_INTERVAL: "0",
      ANCHORD_AUTOSTART_SIBLINGS: "maybe"
    })
    const wrong = [
      "ANCHORD_AUTOSTART_SIBLINGS",
      "ANCHORD_EXT_GATEWAY_IP",
      "ANCHORD_LOG_LEVEL",
      "ANCHORD_METRICS_ADDR",
      "ANCHORD_POLL_INTERVAL",
      "ANCHORD_PROJECT",
      "DOCKER_HOST"
    ]
    expect(status).toBe(2)
    expect(logged.map(({ variable }) => variable).toSorted()).toEqual(wrong)
    for (const line of logged) {
      expect(line).toMatchObject({ level: "ERROR", value: expect.any(String), rule: expect.stringMatching(/./) })
      expect(stderr).toContain(`${String(line["variable"])}="${String(line["value"])}": ${String(line["rule"])}\n`)
    }
  })

  it("is an external-rebinder that is not told what to follow, and a wrap-rebinder with wrong times", () => {
    const follow = anchord(["external-rebinder"], { ANCHORD_FOLLOW_RESTART: "maybe" })
    expect(follow.status).toBe(2)
    expect(follow.logged.map(({ variable }) => variable)).toEqual([
      "ANCHORD_FOLLOW_RESTART",
      "ANCHORD_FOLLOW_NETWORK",
      "ANCHORD_FOLLOW_TARGET"
    ])
    const wrong = { ANCHORD_WRAP_POLL_INTERVAL: "0", ANCHORD_WRAP_RESTART_TIMEOUT: "soon" }
    const wrap = anchord(["wrap-rebinder"], wrong)
    expect(wrap.status).toBe(2)
    expect(wrap.logged.map(({ variable }) => variable)).toEqual(Object.keys(wrong))
  })

  it("is told as JSON lines, with a time, however readable the log was to be", () => {
    const { logged } = anchord(["service-anchor"], { ANCHORD_GATEWAY_IP: "x", ANCHORD_LOG_FORMAT: "json" })
    expect(logged).toMatchObject([{ time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*\.\d+Z$/), level: "ERROR" }])
  })
})

describe("a service-anchor that starts", () => {
  it("warns of variables that nobody knows, with the nearest, and of those of other modes; SIGTERM is worth 0", async () => {
    const running = serviceAnchor("exit 0", {
      ANCHORD_GATEWAY_IPS: "172.20.0.3",
      ANCHORD_POLL_INTERVAL: "10s",
      ANCHORD_FOLLOW_TARGET: "",
      ANCHORD_GATEWAY_HOSTNAME: "anchord",
      ANCHORDX: "1"
    })
    await running.says("cannot open the status socket")
    running.signal("SIGTERM")
    const { status, stdout, stderr } = await running.ended
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" })
    const lines = jsonLines(stdout)
    expect(lines[0]).toMatchObject({
      level: "INFO",
      msg: "anchord starts",
      mode: "service-anchor",
      version: "development",
      commit: "none"
    })
    const warnings = lines.filter(({ level, msg }) => level === "WARN" && String(msg).includes("ANCHORD"))
    expect(warnings.map(({ msg }) => msg)).toEqual([
      "ANCHORD_GATEWAY_IP and ANCHORD_GATEWAY_HOSTNAME are both set; ANCHORD_GATEWAY_IP wins",
      "ANCHORD_GATEWAY_IPS is not a variable of anchord; the nearest is ANCHORD_GATEWAY_IP",
      "ANCHORD_POLL_INTERVAL has no meaning in mode service-anchor"
    ])
    expect(lines).toContainEqual(expect.objectContaining({ level: "INFO", msg: "stopping", signal: "SIGTERM" }))
  })

  it("logs nothing below its level", async () => {
    const running = serviceAnchor("exit 0", { ANCHORD_LOG_LEVEL: "warn", ANCHORD_GATEWAY_IPS: "x" })
    await running.says("ANCHORD_GATEWAY_IPS")
    expect(running.output()).not.toContain("anchord starts")
  })

  it("ends with 1 and says what is missing when it may not change routes", async () => {
    const denied = "echo 'RTNETLINK answers: Operation not permitted' >&2; exit 2"
    const { status, stdout } = await serviceAnchor(denied, {}).ended
    expect(status).toBe(1)
    expect(jsonLines(stdout).filter(({ level }) => level === "ERROR")).toMatchObject([
      { msg: expect.stringContaining("NET_ADMIN") }
    ])
  })
})

/** The doctor, asked by its process. */
const doctor = (host: string, ...args: ReadonlyArray<string>) =>
  startNode([entry, "doctor", "stale-netns", ...args], { DOCKER_HOST: host }).ended

const listed = [
  { Id: "1".repeat(64), Names: ["/web"], Created: 1, State: "running", HostConfig: { NetworkMode: "container:gone" } }
]

const inspected = {
  Id: "1".repeat(64),
  Name: "/web",
  Created: "2026-01-01T00:00:00Z",
  Image: "sha256:1",
  State: { Status: "running", StartedAt: "2026-01-01T00:00:01Z" },
  Config: {},
  HostConfig: {},
  NetworkSettings: {}
}

describe("the doctor of namespaces", () => {
  it("answers on standard output and by its status, asks only what it has to, and has no log", async () => {
    const none = await fake({ "/containers/json": json([]) })
    expect(await doctor(none.host)).toEqual({
      status: 0,
      signal: null,
      stdout: "No container is in a dead network namespace.\n",
      stderr: ""
    })
    const one = await fake({
      "/containers/json": json(listed),
      [`/containers/${"1".repeat(64)}/json`]: json(inspected)
    })
    const { status, stdout, stderr } = await doctor(one.host, "--json")
    expect({ status, stderr, said: JSON.parse(stdout) }).toEqual({
      status: 1,
      stderr: "",
      said: [{ target: { ref: "gone" }, victims: [{ id: "1".repeat(64), name: "web", kind: "gone" }] }]
    })
    expect([...new Set(one.requests)].toSorted()).toEqual([
      "GET /_ping",
      `GET /v1.45/containers/${"1".repeat(64)}/json`,
      "GET /v1.45/containers/json?all=true"
    ])
  })

  it("complains on standard error alone, with status 2, when it cannot look", async () => {
    for (const [host, args, complaint] of [
      [
        "unix:///nowhere/docker.sock",
        [],
        "cannot look for dead network namespaces: Docker at unix:///nowhere/docker.sock: "
      ],
      ["ssh://docker", [], 'wrong configuration\nanchord:   DOCKER_HOST="ssh://docker": must be unix:///path'],
      ["", ["--jsn"], 'unknown option "--jsn"; the nearest is --json; see anchord doctor stale-netns --help\n'],
      [
        "",
        ["now"],
        'unexpected argument "now" after anchord doctor stale-netns; see anchord doctor stale-netns --help\n'
      ]
    ] as const) {
      const { status, stdout, stderr } = await doctor(host, ...args)
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" })
      expect(stderr.startsWith(`anchord: ${complaint}`), stderr).toBe(true)
    }
  })

  it("has help with its variables and its exit status, and names what else is asked of it", () => {
    const { status, stdout } = anchord(["doctor", "stale-netns", "--help"])
    expect(status).toBe(0)
    for (const what of ["DOCKER_HOST", "unix:///var/run/docker.sock", "--json", "Exit status: 0 there is none"])
      expect(stdout).toContain(what)
    expect(anchord(["doctor", "stale-nets"])).toMatchObject({
      status: 2,
      stdout: "",
      stderr: 'anchord: anchord doctor has no "stale-nets"; the nearest is stale-netns; see anchord doctor --help\n'
    })
  })
})

describe("a plan without Docker", () => {
  it.each([
    ["unix:///nowhere/docker.sock", "there is no such socket (ENOENT)"],
    ["tcp://127.0.0.1:1", "nothing listens there (ECONNREFUSED)"]
  ])("says that nothing answers at %s, and what to do", (host, why) => {
    const { status, stdout, stderr } = anchord(["plan"], { DOCKER_HOST: host })
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" })
    expect(stderr).toContain(
      `anchord: cannot look for network-anchors: Docker at ${host}: ${why}; DOCKER_HOST says where Docker is (unset: unix:///var/run/docker.sock); see that it runs there`
    )
  })
})

describe("the doctor", () => {
  const settings = { ANCHORD_PROJECT: "shop", ANCHORD_EXT_NETWORK: "dmz", DOCKER_HOST: "unix:///nowhere/docker.sock" }
  const examine = (args: ReadonlyArray<string>, env: Readonly<Record<string, string>>) =>
    startNode([entry, "doctor", ...args], env).ended

  it("tells what is wrong, and its status is 1", async () => {
    const { status, stdout, stderr } = await examine([], settings)
    expect({ status, stderr }).toEqual({ status: 1, stderr: "" })
    expect(stdout).toMatch(/^network-anchor development \(none\)\n\n/)
    expect(stdout).toMatch(/^ok +settings +a network-anchor for project shop, address mode bootstrap$/m)
  })

  it.each([
    ["unix:///nowhere/docker.sock", "there is no such socket (ENOENT)"],
    ["tcp://127.0.0.1:1", "nothing listens there (ECONNREFUSED)"]
  ])("says that nothing answers at %s, what to do, and what it could not look at for that", async (host, why) => {
    const { status, stdout } = await examine([], { ...settings, DOCKER_HOST: host })
    expect(status).toBe(1)
    expect(stdout).toMatch(/^fail +docker .*\n +→ DOCKER_HOST says where Docker is .* mount the socket/m)
    expect(stdout).toContain(`the API does not answer: Docker at ${host}: ${why}\n`)
    for (const check of ["endpoints", "external-network", "gateway", "shared-network", "ports", "foreign-sources"])
      expect(stdout).toMatch(new RegExp(`^warn +${check} +not looked at: .*Docker`, "m"))
  })

  it("answers with JSON of the published form, in colours of none", async () => {
    const { status, stdout } = await examine(["--json"], { ...settings, FORCE_COLOR: "1" })
    expect(status).toBe(1)
    const report = Schema.decodeUnknownSync(Schema.fromJsonString(DoctorReport))(stdout)
    expect(report).toMatchObject({ mode: "network-anchor", version: "development", commit: "none" })
    expect(report.findings.find(({ check }) => check === "docker")).toMatchObject({ verdict: "fail" })
  })

  it("has the status 2 for wrong settings, each named, and for a wrong command line", async () => {
    expect(await examine([], {})).toMatchObject({
      status: 2,
      stdout: "",
      stderr: expect.stringMatching(/^anchord: wrong configuration\nanchord: {3}ANCHORD_PROJECT="": is required/)
    })
    for (const [args, said] of [
      [["--jsn"], 'unknown option "--jsn"; the nearest is --json; see anchord doctor --help'],
      [["--mode", "network-anker"], "network-anker"]
    ] as const) {
      const { status, stdout, stderr } = await examine(args, settings)
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" })
      expect(stderr).toContain(said)
    }
  })

  it("says how it is run and what its statuses mean", () => {
    const { status, stdout } = anchord(["doctor", "--help"])
    expect(status).toBe(0)
    expect(stdout).toContain("docker exec CONTAINER anchord doctor")
    expect(stdout).toContain("Exit status: 0 nothing fails, whatever it warns of; 1 something fails; 2 ")
    expect(stdout).toContain("stale-netns")
  })
})
