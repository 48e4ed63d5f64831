import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { readFileSync } from "node:fs"
import { release } from "node:os"
import { capabilitiesIn } from "../../domain/CapabilityFindings.ts"
import type { RulesetAnswer, Tool, ToolAnswer } from "../../domain/ToolFindings.ts"
import { LocalSystem } from "../../services/LocalSystem.ts"
import { run } from "./CommandRunner.ts"
import { probeTcp } from "./TcpProbe.ts"

export interface LocalSystemOptions {
  /** Put before each command: another network namespace, another root. */
  readonly prefix?: ReadonlyArray<string>
}

/** What makes each program tell its version and nothing else. busybox's clients tell it only in the first line of their help. */
const asking: Readonly<Record<Tool, ReadonlyArray<string>>> = {
  nft: ["nft", "--version"],
  ip: ["ip", "-V"],
  conntrack: ["conntrack", "--version"],
  udhcpc: ["sh", "-c", "busybox udhcpc --help 2>&1"],
  udhcpc6: ["sh", "-c", "busybox udhcpc6 --help 2>&1"]
}

const HELP_OF_BUSYBOX = /^BusyBox v/

const firstLine = (text: string): string => text.trim().split("\n")[0] ?? ""

/** Help is worth a status of its own to busybox, and one that lacks the program says so on the same way. */
const toolAnswer = (tool: Tool, prefix: ReadonlyArray<string>): Effect.Effect<ToolAnswer> =>
  run(asking[tool], { prefix, timeoutMillis: 5_000 }).pipe(
    Effect.match({
      onSuccess: (text): ToolAnswer => ({ _tag: "Runs", text: firstLine(text) }),
      onFailure: ({ stdout, message }): ToolAnswer =>
        HELP_OF_BUSYBOX.test(stdout)
          ? { _tag: "Runs", text: firstLine(stdout) }
          : { _tag: "Fails", message: firstLine(stdout) || firstLine(message) }
    })
  )

/** Far longer than it takes, and shorter than anybody waits. */
const CHECK_MILLIS = 5_000

const rulesetAnswer = (commands: string, prefix: ReadonlyArray<string>): Effect.Effect<RulesetAnswer> =>
  run(["nft", "-c", "-j", commands], { prefix, timeoutMillis: CHECK_MILLIS }).pipe(
    Effect.match({
      onSuccess: (): RulesetAnswer => ({ _tag: "Accepted" }),
      onFailure: ({ status, message }): RulesetAnswer => ({
        _tag: "Refused",
        message: status === undefined ? `nft ${message}` : firstLine(message)
      })
    })
  )

const ownStatus = Effect.sync(() => {
  try {
    return readFileSync("/proc/self/status", "utf8")
  } catch {
    return ""
  }
})

export const layer = ({ prefix = [] }: LocalSystemOptions = {}): Layer.Layer<LocalSystem> =>
  Layer.succeed(LocalSystem)({
    capabilities: Effect.map(ownStatus, capabilitiesIn),
    kernelRelease: Effect.sync(release),
    tool: (tool) => toolAnswer(tool, prefix),
    checkRuleset: (commands) => rulesetAnswer(JSON.stringify({ nftables: commands }), prefix),
    probe: (to, source) => probeTcp(to, source)
  })
