import { readFileSync } from "node:fs"
import { basename } from "node:path"
import { describe, expect, it } from "vitest"
import { publishedSchemas } from "../../docs/build/schemas.ts"

describe("the published form of what is printed with --json", () => {
  it.each(publishedSchemas().map(({ path, text }) => [basename(path), path, text]))(
    "is in %s what the program prints: `npm run docs` makes it",
    (_, path, text) => {
      expect(readFileSync(path, "utf8")).toBe(text)
    }
  )

  it("names every field", () => {
    const [status] = publishedSchemas()
    const { properties, required } = JSON.parse(status?.text ?? "")
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(["mode", "ready", "networkAnchor", "recent"]))
    expect(required).toContain("ready")
  })
})
