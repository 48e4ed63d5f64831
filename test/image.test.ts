import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"

const read = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), "utf8")

describe("the image", () => {
  const dockerfile = read("Dockerfile")
  const { version, license } = JSON.parse(read("package.json")) as { version: string; license: string }

  it("has the version of the package when a build says no other", () => {
    expect(/^ARG ANCHORD_VERSION=(.*)$/m.exec(dockerfile)?.[1]).toBe(version)
  })

  it("is labelled with what it is, under which licence, and what it was made of", () => {
    const labels = new Map(
      [...dockerfile.matchAll(/org\.opencontainers\.image\.(\w+)="(.*)"/g)].map((one) => [one[1], one[2]])
    )
    expect([...labels.keys()]).toEqual(["title", "description", "licenses", "version", "revision"])
    expect([...labels.values()]).not.toContain("")
    expect(labels.get("licenses")).toBe(license)
    expect(labels.get("version")).toBe("${ANCHORD_VERSION}")
    expect(labels.get("revision")).toBe("${ANCHORD_COMMIT}")
  })
})
