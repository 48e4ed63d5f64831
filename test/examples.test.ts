import { globSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"

const examples = fileURLToPath(new URL("../examples", import.meta.url))
const files = globSync("*/*.yaml", { cwd: examples }).toSorted()

describe("the examples' text", () => {
  const text = (path: string) => readFileSync(`${examples}/${path}`, "utf8")

  it("mailcow-shaped: .env.example names every variable of the compose file, with its default", () => {
    const used = [...text("mailcow-shaped/compose.yaml").matchAll(/\$\{([A-Z0-9_]+):-([^}]*)\}/g)]
      .filter(([, name]) => name !== "COMPOSE_PROJECT_NAME")
      .map(([, name, value]) => `${name}=${value}`)
    const named = text("mailcow-shaped/.env.example")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
    expect(named.toSorted()).toEqual([...new Set(used)].toSorted())
  })

  it("no example has an internal transit network or a privileged container", () => {
    expect(files).toContain("mailcow-shaped/compose.yaml")
    for (const file of files) {
      expect(text(file)).not.toMatch(/transit:[^\n]*internal|transit:\n(?: {4}.*\n)* {4}internal/)
      expect(text(file)).not.toContain("privileged: true")
    }
  })
})
