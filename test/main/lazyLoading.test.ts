import { build, type Metafile } from "esbuild"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { beforeAll, describe, expect, it } from "vitest"
import { jsonLines, makeFolder } from "../layers/process/scripts.ts"
import { serviceAnchor } from "./process.ts"

const ofTelemetry = (name: string): boolean => /opentelemetry/i.test(name)

const root = fileURLToPath(new URL("../..", import.meta.url))

describe("what a program loads at its start", () => {
  let inputs: Metafile["inputs"] = {}
  beforeAll(async () => {
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: ["src/main/anchord.ts"],
      bundle: true,
      write: false,
      metafile: true,
      packages: "external",
      platform: "node",
      format: "esm",
      splitting: true,
      outdir: "unwritten"
    })
    inputs = metafile.inputs
  })

  /** The project's own modules that a module cannot do without, itself included; what it imports dynamically it loads when it needs it. */
  const loadedWith = (first: string): ReadonlyArray<string> => {
    const seen = new Set<string>()
    const visit = (path: string): void => {
      if (seen.has(path)) return
      seen.add(path)
      for (const { path: next, kind, external } of inputs[path]?.imports ?? []) {
        if (kind === "import-statement" && external !== true) visit(next)
      }
    }
    visit(first)
    return [...seen]
  }

  /** The packages that these modules cannot do without. */
  const packagesOf = (paths: ReadonlyArray<string>): ReadonlyArray<string> =>
    paths
      .flatMap((path) => inputs[path]?.imports ?? [])
      .filter(({ kind, external }) => kind === "import-statement" && external === true)
      .map(({ path }) => path)

  const ofDhcp = (paths: ReadonlyArray<string>) => paths.filter((path) => /dhcp|lease/i.test(path))

  it("is no DHCP code, neither for the command line nor for a network-anchor on Docker's addresses", () => {
    const loaded = ["src/main/anchord.ts", "src/main/networkAnchor/NetworkAnchor.ts"].flatMap(loadedWith)
    // The interface to leases, and the answer of a network-anchor that has none.
    expect(ofDhcp(loaded)).toEqual(["src/main/networkAnchor/Leases.ts"])
    expect(ofDhcp(loadedWith("src/main/networkAnchor/DhcpLeases.ts")).length).toBeGreaterThan(5)
  })

  it("is no code of another mode", () => {
    const ofModes = /\/main\/(networkAnchor|serviceAnchor|externalRebinder|wrapRebinder|doctor|plan|status|wrap)\//
    const programs = [
      "src/main/networkAnchor/NetworkAnchor.ts",
      "src/main/serviceAnchor/ServiceAnchor.ts",
      "src/main/externalRebinder/ExternalRebinder.ts",
      "src/main/wrapRebinder/WrapRebinder.ts"
    ]
    expect(loadedWith("src/main/anchord.ts").filter((path) => ofModes.test(path))).toEqual([])
    for (const program of programs) {
      const folders = loadedWith(program).flatMap((path) => ofModes.exec(path)?.[1] ?? [])
      expect([...new Set(folders)]).toEqual([ofModes.exec(program)?.[1]])
    }
  })

  it("is nothing of the doctor's findings", () => {
    const ofDoctor = (path: string) =>
      /(?:Findings|NeededEndpoints|ForeignSource|LocalSystem|Permissions)\.ts$/.test(path)
    const programs = ["src/main/anchord.ts", "src/main/cli/Cli.ts", "src/main/networkAnchor/NetworkAnchor.ts"]
    expect(programs.flatMap(loadedWith).filter(ofDoctor)).toEqual([])
    expect(loadedWith("src/main/doctor/DoctorCommand.ts").filter(ofDoctor).length).toBeGreaterThan(8)
  })

  it("is nothing of Schema for a service-anchor, of which there are many", () => {
    const loaded = ["src/main/anchord.ts", "src/main/serviceAnchor/ServiceAnchor.ts"].flatMap(loadedWith)
    expect(packagesOf(loaded)).not.toContain("effect/Schema")
    expect(packagesOf(loadedWith("src/main/networkAnchor/NetworkAnchor.ts"))).toContain("effect/Schema")
  })

  it("is no parser of options: most anchors are started with one word", () => {
    expect(loadedWith("src/main/anchord.ts").filter((path) => path.includes("/cli/"))).toEqual([])
  })

  it("is no YAML: one module has it, for one command", () => {
    const users = Object.keys(inputs).filter((path) => packagesOf([path]).includes("yaml"))
    expect(users).toEqual(["src/layers/compose/yamlText.ts"])
    const commands = ["src/main/anchord.ts", "src/main/cli/Cli.ts"].flatMap(loadedWith)
    expect(commands.filter((path) => users.includes(path))).toEqual([])
    expect(loadedWith("src/main/wrap/WrapCommand.ts")).toEqual(expect.arrayContaining(users))
  })

  it("is nothing of OpenTelemetry: one module has all of it, and is loaded by another that asks for it", () => {
    const all = Object.keys(inputs)
    const users = all.filter((path) => packagesOf([path]).some(ofTelemetry))
    expect(users).toEqual(["src/layers/observability/Tracing.ts"])
    const early = all.filter((path) => !users.includes(path) && loadedWith(path).some((one) => users.includes(one)))
    expect(early).toEqual([])
  })
})

/** Has Node print the URL of whatever it loads as a module when the process ends. */
const telling = `
  import { registerHooks } from "node:module"
  const loaded = new Set()
  registerHooks({
    load: (url, context, next) => {
      loaded.add(url)
      return next(url, context)
    }
  })
  process.on("exit", () => {
    for (const url of loaded) process.stdout.write(JSON.stringify({ loaded: url }) + "\\n")
  })
`

describe("what a process has loaded when it ends", { timeout: 60_000 }, () => {
  const loadedBy = async (env: Readonly<Record<string, string>>): Promise<ReadonlyArray<string>> => {
    const hook = join(makeFolder(), "hook.mjs")
    writeFileSync(hook, telling)
    const running = serviceAnchor("exit 0", env, ["--import", hook])
    await running.says("cannot open the status socket")
    running.signal("SIGTERM")
    const { status, stdout } = await running.ended
    expect(status).toBe(0)
    return jsonLines(stdout).flatMap(({ loaded }) => (typeof loaded === "string" ? [loaded] : []))
  }

  const off = {
    "nothing is configured": {},
    "there is no endpoint": { OTEL_TRACES_EXPORTER: "otlp", OTEL_SERVICE_NAME: "shop" },
    "the SDK is disabled": { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_SDK_DISABLED: "true" },
    "the protocol cannot be spoken": {
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc"
    }
  }

  for (const [why, env] of Object.entries(off)) {
    it(`is not one module of OpenTelemetry when ${why}`, async () => {
      const loaded = await loadedBy(env)
      expect(loaded.some((url) => url.endsWith("/src/main/serviceAnchor/ServiceAnchor.ts"))).toBe(true)
      expect(loaded.filter(ofTelemetry)).toEqual([])
    })
  }

  it("is OpenTelemetry when there is an endpoint", async () => {
    const loaded = await loadedBy({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" })
    expect(loaded.filter(ofTelemetry).length).toBeGreaterThan(10)
  })
})
