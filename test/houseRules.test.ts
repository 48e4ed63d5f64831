import { spawnSync } from "node:child_process"
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"

const root = fileURLToPath(new URL("..", import.meta.url))
const imports = "eslint(no-restricted-imports)"

interface Case {
  readonly file: string
  readonly code: string
  /** The rule that must bite, or nothing when the code is permitted. */
  readonly rule?: string
}

const importing = (specifier: string) => `import * as it from "${specifier}"\nexport const seen = it\n`

const forbidden = (file: string, ...specifiers: ReadonlyArray<string>): ReadonlyArray<Case> =>
  specifiers.map((specifier) => ({ file, code: importing(specifier), rule: imports }))

const permitted = (file: string, ...specifiers: ReadonlyArray<string>): ReadonlyArray<Case> =>
  specifiers.map((specifier) => ({ file, code: importing(specifier) }))

const outside = ["node:fs", "fs", "dockerode", "effect", "@effect/platform-node", "@effect/platform-node/NodeRuntime"]

const importCases: ReadonlyArray<Case> = [
  ...permitted("src/domain/Decision.ts", "./Address.ts", "effect/Schema", "effect/Result", "effect/net/NetAddress"),
  ...forbidden("src/domain/Decision.ts", ...outside),
  ...forbidden("src/domain/Decision.ts", "effect/Effect", "effect/Context", "effect/Clock", "effect/net/Dns"),
  ...forbidden("src/domain/Decision.ts", "../services/Netlink.ts", "../layers/netlink/Ip.ts", "../main/anchord.ts"),
  ...permitted(
    "src/services/Service.ts",
    "./DockerEngine.ts",
    "../domain/Address.ts",
    "effect/Context",
    "effect/Effect",
    "effect/Stream"
  ),
  ...forbidden("src/services/Service.ts", ...outside, "effect/Layer", "effect/process/ChildProcess"),
  ...forbidden("src/services/Service.ts", "../layers/dns/Resolver.ts", "../main/anchord.ts"),
  ...permitted("src/layers/nftables/Session.ts", "../../services/Nftables.ts", "../../domain/NftJson.ts"),
  ...permitted("src/layers/nftables/Session.ts", "../process/CommandRunner.ts", "node:fs", "effect/Layer"),
  ...permitted("src/layers/docker/Engine.ts", "dockerode", "@effect/platform-node/NodeRuntime"),
  ...permitted("src/layers/observability/Spans.ts", "@effect/opentelemetry/OtelTracer"),
  ...forbidden("src/layers/observability/Spans.ts", "@effect/opentelemetry"),
  ...forbidden("src/main/networkAnchor/Loop.ts", "@effect/opentelemetry"),
  ...forbidden("src/layers/nftables/Session.ts", "effect", "@effect/platform-node", "../sim/World.ts"),
  ...forbidden("src/layers/nftables/Session.ts", "../../main/LiveLayers.ts"),
  ...permitted("src/layers/sim/Kernel.ts", "./World.ts", "../../services/Nftables.ts", "effect/Layer"),
  ...forbidden("src/layers/sim/Kernel.ts", "effect", "node:fs", "dockerode", "../../main/LiveLayers.ts"),
  ...permitted("src/main/anchord.ts", "../domain/Settings.ts", "../services/Netlink.ts", "../layers/dns/Resolver.ts"),
  ...forbidden("src/main/anchord.ts", "effect", "@effect/platform-node", "../layers/sim/World.ts"),
  ...forbidden("src/main/networkAnchor/Loop.ts", "../../layers/sim/World.ts"),
  ...permitted("test/Some.test.ts", "../src/layers/sim/World.ts"),
  ...forbidden("test/Some.test.ts", "effect"),
  { file: "src/domain/Decision.ts", code: 'export { a } from "../main/a.ts"\n', rule: imports },
  { file: "src/domain/Decision.ts", code: 'export const late = import("node:fs")\n', rule: imports },
  {
    file: "src/domain/Decision.ts",
    code: 'import type { A } from "../services/A.ts"\nexport type B = A\n',
    rule: imports
  }
]

const outOfTheAdapter: ReadonlyArray<readonly [code: string, rule: string]> = [
  ["export const f = async () => 1\n", "oxc(no-async-await)"],
  ["export const now = Date.now()\n", "eslint(no-restricted-properties)"],
  ["setTimeout(() => 1, 1)\n", "eslint(no-restricted-globals)"],
  ['export const home = process.env["HOME"]\n', "node(no-process-env)"]
]

/** An operator's WARN or ERROR is a sentence that docs/messages.md has. */
const unlisted = ["logWarning", "logError", "logFatal", "logWithLevel"].map(
  (log) => `import * as Effect from "effect/Effect"\nexport const told = Effect.${log}("text")\n`
)

const houseRules = new Set([imports, ...outOfTheAdapter.map(([, rule]) => rule)])

const manners: ReadonlyArray<Case> = [
  ...["src/domain/Decision.ts", "src/services/Service.ts", "src/main/networkAnchor/Loop.ts"].flatMap((file) =>
    outOfTheAdapter.map(([code, rule]) => ({ file, code, rule }))
  ),
  ...outOfTheAdapter.map(([code]) => ({ file: "src/layers/process/CommandRunner.ts", code })),
  ...["src/main/networkAnchor/Loop.ts", "src/layers/nftables/Session.ts"].flatMap((file) =>
    unlisted.map((code) => ({ file, code, rule: "eslint(no-restricted-properties)" }))
  ),
  { file: "src/main/anchord.ts", code: 'export const home = process.env["HOME"]\n' }
]

interface Diagnostic {
  readonly code: string
  readonly filename: string
}

const cases = [...importCases, ...manners]
const place = (index: number, file: string) => join(dirname(file), `Case${index}${basename(file)}`)

/** The rules that oxlint reports, by file, for a folder laid out like this repository. */
const lint = (folder: string): ReadonlyMap<string, ReadonlyArray<string>> => {
  const run = spawnSync(join(root, "node_modules/.bin/oxlint"), ["--format=json", "."], {
    cwd: folder,
    encoding: "utf8"
  })
  if (!run.stdout.startsWith("{")) throw new Error(`oxlint did not run: ${run.stdout}${run.stderr}`)
  const { diagnostics } = JSON.parse(run.stdout) as { readonly diagnostics: ReadonlyArray<Diagnostic> }
  const found = new Map<string, ReadonlyArray<string>>()
  for (const { code, filename } of diagnostics) found.set(filename, [...(found.get(filename) ?? []), code])
  return found
}

describe("the house rules of .oxlintrc.json", () => {
  let folder = ""
  let found: ReadonlyMap<string, ReadonlyArray<string>> = new Map()

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "anchord-house-"))
    copyFileSync(join(root, ".oxlintrc.json"), join(folder, ".oxlintrc.json"))
    cases.forEach(({ file, code }, index) => {
      // The entry point is named in the rules, so it keeps its name; every other case gets a file of its own.
      const path = join(folder, pathOf(index, file))
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, code)
    })
    found = lint(folder)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const entryPoint = "src/main/anchord.ts"
  const lastEntry = cases.findLastIndex(({ file }) => file === entryPoint)
  const pathOf = (index: number, file: string) => (index === lastEntry ? file : place(index, file))

  cases.forEach(({ file, code, rule }, index) => {
    const what = code.trim().split("\n").at(-1)
    it(`${file}: \`${what}\` is ${rule === undefined ? "permitted" : `refused by ${rule}`}`, () => {
      const rules = found.get(pathOf(index, file)) ?? []
      const bites = rule === undefined ? rules.some((name) => houseRules.has(name)) : rules.includes(rule)
      expect(bites, `oxlint reported: ${rules.join(", ")}`).toBe(rule !== undefined)
    })
  })
})

const filesUnder = (folder: string): ReadonlyArray<string> =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name))

describe("what the linter cannot say", () => {
  it("no try statement outside the layers", () => {
    const files = ["src/domain", "src/services", "src/main"].flatMap(filesUnder)
    expect(files.length).toBeGreaterThan(0)
    expect(files.filter((file) => /\btry\s*\{/.test(readFileSync(join(root, file), "utf8")))).toEqual([])
  })

  it("no file is named after nothing", () => {
    const nameless = /^(utils?|helpers?|common|types?|misc|index)\.ts$/i
    expect(filesUnder("src").filter((file) => nameless.test(basename(file)))).toEqual([])
  })
})
