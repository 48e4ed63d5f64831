import { globSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"

const examples = fileURLToPath(new URL("../examples", import.meta.url))
const files = globSync("**/*.{yaml,yml}", { cwd: examples }).toSorted()
const settings = globSync("*/.env.example", { cwd: examples }).toSorted()

describe("the examples' text", () => {
  const text = (path: string) => readFileSync(`${examples}/${path}`, "utf8")

  it("is looked at", () => {
    const folders = ["authentik-like", "mailcow-shaped", "wrap-mailcow"]
    expect(settings).toEqual(folders.map((folder) => `${folder}/.env.example`))
    expect(files).toEqual(expect.arrayContaining(folders.map((folder) => `${folder}/compose.yaml`)))
    expect(files).toContain("wrap-mailcow/upstream/docker-compose.yml")
  })

  it.each(settings)("%s names every variable of the compose file, with its default", (path) => {
    const compose = text(path.replace(".env.example", "compose.yaml"))
    const used = [...compose.matchAll(/\$\{([A-Z0-9_]+):-([^}]*)\}/g)]
      .filter(([, name]) => name !== "COMPOSE_PROJECT_NAME")
      .map(([, name, value]) => `${name}=${value}`)
    const named = text(path)
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
    expect(named.toSorted()).toEqual([...new Set(used)].toSorted())
  })

  it.each(files)("%s has no internal transit network and no privileged container", (file) => {
    expect(text(file)).not.toMatch(/transit:[^\n]*internal|transit:\n(?: {4}.*\n)* {4}internal/)
    expect(text(file)).not.toContain("privileged: true")
  })

  it.each(files)("%s has a README beside it that is not empty", (file) => {
    expect(text(`${file.split("/")[0]}/README.md`)).toMatch(/^# /)
  })

  it("no two examples want the same MAC or LAN address", () => {
    const wanted = files.flatMap((file) => [
      ...new Set(
        [...text(file).matchAll(/:-(02:4c:[0-9a-f:]+|192\.168\.150\.\d+|fd00:150::\w+)\}/g)].map(([, one]) => one)
      )
    ])
    expect(wanted.length).toBeGreaterThan(8)
    expect(wanted.filter((one, index) => wanted.indexOf(one) !== index)).toEqual([])
  })

  it("only who acts has the proxy's list for that, and an internal network with nobody else on it", () => {
    for (const file of files) {
      const acts = ["authentik-like/compose.yaml", "wrap-mailcow/compose.yaml"].includes(file)
      expect([file, text(file).includes("haproxy-lifecycle.cfg")]).toEqual([file, acts])
      const networks = text(file).match(/^ {2}docker-api:\n(?: {4}.*\n)*/m)?.[0] ?? ""
      expect([file, networks.includes("internal: true")]).toEqual([file, text(file).includes("docker-proxy:2375")])
    }
  })
})
