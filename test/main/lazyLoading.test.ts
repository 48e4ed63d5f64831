import { build, type Metafile } from "esbuild"
import { fileURLToPath } from "node:url"
import { beforeAll, describe, expect, it } from "vitest"

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

  const ofDhcp = (paths: ReadonlyArray<string>) => paths.filter((path) => /dhcp|lease/i.test(path))

  it("is no DHCP code, neither for the command line nor for a network-anchor on Docker's addresses", () => {
    const loaded = ["src/main/anchord.ts", "src/main/networkAnchor/NetworkAnchor.ts"].flatMap(loadedWith)
    // The interface to leases, and the answer of a network-anchor that has none.
    expect(ofDhcp(loaded)).toEqual(["src/main/networkAnchor/Leases.ts"])
    expect(ofDhcp(loadedWith("src/main/networkAnchor/DhcpLeases.ts")).length).toBeGreaterThan(5)
  })

  it("is no code of another mode", () => {
    const ofModes = /\/main\/(networkAnchor|serviceAnchor|externalRebinder|wrapRebinder|doctor|plan|status)\//
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

  it("is no parser of options: most anchors are started with one word", () => {
    expect(loadedWith("src/main/anchord.ts").filter((path) => path.includes("/cli/"))).toEqual([])
  })
})
