import { describe, expect, it } from "vitest"
import { fill } from "../../src/domain/CommentedData.ts"

describe("a text that is filled", () => {
  it("has lines of as many words as there is room for", () => {
    expect(fill("one two three four", 7)).toEqual(["one two", "three", "four"])
    expect(fill("one two three four", 6)).toEqual(["one", "two", "three", "four"])
    expect(fill("one two", 20)).toEqual(["one two"])
  })

  it("leaves a word whole that is wider than a line", () => {
    expect(fill("a tcp/8000-8100:9000-9100 b", 5)).toEqual(["a", "tcp/8000-8100:9000-9100", "b"])
  })
})
