import { describe, expect, it } from "vitest"
import { likelyMeant, nearest } from "../../src/domain/Nearest.ts"

const commands = ["network-anchor", "status", "plan", "wrap", "doctor"]

describe("the nearest word", () => {
  it("has the fewest edits, however many, and is the first of several", () => {
    expect(nearest("netwrok-anchor", commands)).toBe("network-anchor")
    expect(nearest("", commands)).toBe("plan")
    expect(nearest("x", [])).toBeUndefined()
  })
})

describe("the word that was likely meant", () => {
  it.each([
    ["netwrok-anchor", "network-anchor"],
    ["networkanker", "network-anchor"],
    ["stauts", "status"],
    ["pln", "plan"],
    ["plans", "plan"],
    ["stets", "status"],
    ["warp", "wrap"],
    ["plan", "plan"]
  ])("by %j is %j", (word, meant) => expect(likelyMeant(word, commands)).toBe(meant))

  it.each(["", "x", "foo", "pl", "plantation", "anchor", "--help"])("by %j is none of these", (word) =>
    expect(likelyMeant(word, commands)).toBeUndefined()
  )

  it("may be off by one of two letters, and by two of six, not by the only one", () => {
    expect(likelyMeant("sb", ["sh"])).toBe("sh")
    expect(likelyMeant("abcdxy", ["abcdef"])).toBe("abcdef")
    expect(likelyMeant("abcxyz", ["abcdef"])).toBeUndefined()
    expect(likelyMeant("abxy", ["abcd"])).toBeUndefined()
    expect(likelyMeant("b", ["a"])).toBeUndefined()
    expect(likelyMeant("", ["a"])).toBeUndefined()
    expect(likelyMeant("a", [])).toBeUndefined()
  })

  it("may have two neighbours swapped, which is one edit, but not one of them and another letter", () => {
    expect(likelyMeant("hs", ["sh"])).toBe("sh")
    expect(likelyMeant("ab", ["bc"])).toBeUndefined()
    expect(likelyMeant("ab", ["ca"])).toBeUndefined()
    expect(likelyMeant("aaaa", ["aa"])).toBeUndefined()
  })
})
