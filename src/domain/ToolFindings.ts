import { fail, notLookedAt, ok, warn, type Finding } from "./Findings.ts"
import type { Settings } from "./Settings.ts"
import { sentence } from "./Sentence.ts"

/** Programs that anchord runs. */
export const tools = ["nft", "ip", "conntrack", "udhcpc", "udhcpc6"] as const
export type Tool = (typeof tools)[number]

/** What a program says of its version, or why it could not be run. */
export type ToolAnswer =
  | { readonly _tag: "Runs"; readonly text: string }
  | { readonly _tag: "Fails"; readonly message: string }

export type ToolAnswers = Readonly<Partial<Record<Tool, ToolAnswer>>>

/** The programs that a mode runs. */
export const toolsOf = (settings: Settings): ReadonlyArray<Tool> => {
  switch (settings.mode) {
    case "network-anchor":
      return settings.addressMode === "dhcp-refresh" ? tools : ["nft", "ip", "conntrack"]
    case "service-anchor":
      return ["ip"]
    case "external-rebinder":
    case "wrap-rebinder":
      return []
  }
}

const USE_THE_IMAGE = "run anchord from its own image, which brings all of them"

const purposes: Readonly<Record<Tool, string>> = {
  nft: "no port can be mapped",
  ip: "neither addresses nor routes can be read or set",
  conntrack: "connections to a container's old address would not be ended",
  udhcpc: "no IPv4 address can be had by DHCP",
  udhcpc6: "no IPv6 address can be had by DHCP"
}

type Version = ReadonlyArray<number>

/** The first number with points in a text. */
const versionIn = (text: string): Version | undefined => /\d+(?:\.\d+)+/.exec(text)?.[0].split(".").map(Number)

const isBefore = (version: Version, other: Version): boolean => {
  const at = other.findIndex((part, index) => part !== (version[index] ?? 0))
  return at >= 0 && (version[at] ?? 0) < (other[at] ?? 0)
}

/** The last one that was seen to crash, and the first of those that the image may have (SPEC §15). */
const NFT_CRASHES = [1, 0, 7]
const NFT_WANTED = [1, 1]

/** Its JSON is what everything goes through. */
const nftFinding = (text: string): Finding | undefined => {
  const version = versionIn(text)
  if (version === undefined)
    return warn("tools", sentence`cannot tell the version of nft: it says "${text}"`, USE_THE_IMAGE)
  const shown = version.join(".")
  if (isBefore(version, NFT_CRASHES))
    return fail(
      "tools",
      sentence`nft ${shown} is too old: up to 1.0.6 it crashes on JSON; 1.1 or later is needed`,
      USE_THE_IMAGE
    )
  return isBefore(version, NFT_WANTED)
    ? warn(
        "tools",
        sentence`nft ${shown} is older than what anchord is tested with, which is 1.1 and later`,
        USE_THE_IMAGE
      )
    : undefined
}

const shownVersion = (tool: Tool, answer: ToolAnswer | undefined): string => {
  const version = answer?._tag === "Runs" ? versionIn(answer.text) : undefined
  return version === undefined ? tool : `${tool} ${version.join(".")}`
}

const problemOf = (tool: Tool, answer: ToolAnswer | undefined): Finding | undefined => {
  if (answer === undefined) return notLookedAt("tools", `${tool} was not asked for its version`)
  if (answer._tag === "Fails")
    return fail("tools", sentence`${tool} cannot be run, so ${purposes[tool]}: ${answer.message}`, USE_THE_IMAGE)
  return tool === "nft" ? nftFinding(answer.text) : undefined
}

/** Whether the programs that the mode runs are there, and new enough: the good ones with their versions, and each of the others. */
export const toolFindings = (settings: Settings, answers: ToolAnswers): ReadonlyArray<Finding> => {
  const needed = toolsOf(settings)
  const looked = needed.map((tool) => ({ tool, problem: problemOf(tool, answers[tool]) }))
  const right = looked.filter(({ problem }) => problem === undefined)
  const versions = right.map(({ tool }) => shownVersion(tool, answers[tool])).join(", ")
  return [...(versions === "" ? [] : [ok("tools", versions)]), ...looked.flatMap(({ problem }) => problem ?? [])]
}

const KERNEL_WANTED = [4, 18]

/** What came of having the kernel look at the ruleset without taking it. */
export type RulesetAnswer =
  | { readonly _tag: "Accepted" }
  | { readonly _tag: "Refused"; readonly message: string }
  | { readonly _tag: "Unknown"; readonly message: string }

/** Whether this kernel takes the tables that a network-anchor installs (SPEC §6, §15); `release` is that of uname(2). */
export const rulesetFindings = (release: string, answer: RulesetAnswer): ReadonlyArray<Finding> => {
  const version = versionIn(release)
  const old =
    version !== undefined && isBefore(version, KERNEL_WANTED)
      ? [fail("nftables", sentence`the kernel is ${release}`, "4.18 or later is needed: upgrade the host")]
      : []
  if (answer._tag === "Unknown") return [...old, notLookedAt("nftables", answer.message)]
  if (answer._tag === "Accepted")
    return old.length > 0 ? old : [ok("nftables", `kernel ${release} takes the ruleset (tried, not installed)`)]
  return [
    ...old,
    fail(
      "nftables",
      sentence`the ruleset cannot be installed: ${answer.message}`,
      "the host's kernel needs nf_tables with NAT, maps and fib (modules nf_tables, nft_chain_nat, nft_nat, nft_masq, nft_fib_ipv4, nft_fib_ipv6), and nft has to be 1.1 or later"
    )
  ]
}
