import { readFileSync } from "node:fs"
import { basename } from "node:path"
import { describe, expect, it } from "vitest"
import { publishedSchemas } from "../../docs/build/schemas.ts"

/** Every field of a JSON Schema with its own schema, at whatever depth. */
const fieldsOf = (
  schema: unknown
): ReadonlyArray<readonly [name: string, field: { readonly description?: string }]> => {
  if (typeof schema !== "object" || schema === null) return []
  const { properties = {} } = schema as { readonly properties?: Readonly<Record<string, object>> }
  const below = Array.isArray(schema) ? schema : Object.values(schema)
  return [...Object.entries(properties), ...below.flatMap(fieldsOf)]
}

describe("the published form of what is printed with --json", () => {
  it.each(publishedSchemas().map(({ path, text }) => [basename(path), path, text]))(
    "is in %s what the program prints: `npm run docs` makes it",
    (_, path, text) => {
      expect(readFileSync(path, "utf8")).toBe(text)
    }
  )

  it.each(publishedSchemas().map(({ path, text }) => [basename(path), text]))(
    "says in %s what each field is",
    (_, text) => {
      const fields = fieldsOf(JSON.parse(text))
      expect(fields.length).toBeGreaterThan(0)
      expect(fields.filter(([, { description = "" }]) => description === "").map(([name]) => name)).toEqual([])
    }
  )

  it("names every field", () => {
    const [status] = publishedSchemas()
    const { properties, required } = JSON.parse(status?.text ?? "")
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(["mode", "ready", "networkAnchor", "recent"]))
    expect(required).toContain("ready")
  })
})
