import * as Effect from "effect/Effect"
import { chmodSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { baseRuleset } from "../../../src/domain/NftJson.ts"
import { layer } from "../../../src/layers/process/LocalSystem.ts"
import { LocalSystem } from "../../../src/services/LocalSystem.ts"
import { makeFolder } from "./scripts.ts"

/** A system on which these programs are the only ones, beside the shell. */
const systemWith = (programs: Readonly<Record<string, string>>) => {
  const folder = makeFolder()
  for (const [name, body] of Object.entries({ sh: 'exec /bin/sh "$@"', ...programs })) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`)
    chmodSync(join(folder, name), 0o755)
  }
  const use = <A>(ask: (system: LocalSystem["Service"]) => Effect.Effect<A>): Promise<A> =>
    Effect.runPromise(
      Effect.flatMap(LocalSystem, ask).pipe(Effect.provide(layer({ prefix: ["env", `PATH=${folder}`] })))
    )
  return { folder, use }
}

const commands = baseRuleset({ extIface: "eth0" })

describe("the local system", () => {
  it("tells what its process may do, and its kernel", async () => {
    const { use } = systemWith({})
    expect(await use(({ capabilities }) => capabilities)).toEqual(expect.any(Array))
    expect(await use(({ kernelRelease }) => kernelRelease)).toMatch(/^\d+\.\d+/)
  })

  it("tells the first line of what a program says of its version", async () => {
    const { use } = systemWith({ nft: 'echo "nftables v1.1.3 ($*)"; echo more' })
    expect(await use(({ tool }) => tool("nft"))).toEqual({ _tag: "Runs", text: "nftables v1.1.3 (--version)" })
  })

  it("takes the help of busybox's clients for their version, which is worth a status of its own", async () => {
    const { use } = systemWith({ busybox: 'echo "BusyBox v1.37.0 (Debian) multi-call binary." >&2; exit 1' })
    expect(await use(({ tool }) => tool("udhcpc"))).toEqual({
      _tag: "Runs",
      text: "BusyBox v1.37.0 (Debian) multi-call binary."
    })
  })

  it("tells why a program cannot be run: it is not there, or busybox lacks it", async () => {
    const { use } = systemWith({ busybox: 'echo "udhcpc6: applet not found" >&2; exit 127' })
    expect(await use(({ tool }) => tool("conntrack"))).toMatchObject({
      _tag: "Fails",
      message: expect.stringContaining("conntrack")
    })
    expect(await use(({ tool }) => tool("udhcpc6"))).toEqual({
      _tag: "Fails",
      message: "udhcpc6: applet not found"
    })
  })

  it("has nft check a ruleset, and no more than that", async () => {
    const { folder, use } = systemWith({ nft: 'printf "%s\\n" "$@" > "$0.called"' })
    expect(await use(({ checkRuleset }) => checkRuleset(commands))).toEqual({ _tag: "Accepted" })
    const [flag, json, document = ""] = readFileSync(join(folder, "nft.called"), "utf8").split("\n")
    expect([flag, json]).toEqual(["-c", "-j"])
    expect(JSON.parse(document)).toEqual({ nftables: commands })
  })

  it("tells what nft says against a ruleset, or how it ended", async () => {
    const refusing = systemWith({ nft: 'echo "Error: No such file or directory" >&2; echo "{…}" >&2; exit 1' })
    expect(await refusing.use(({ checkRuleset }) => checkRuleset(commands))).toEqual({
      _tag: "Refused",
      message: "Error: No such file or directory"
    })
    const crashing = systemWith({ nft: "kill -SEGV $$" })
    expect(await crashing.use(({ checkRuleset }) => checkRuleset(commands))).toEqual({
      _tag: "Refused",
      message: "nft was ended by SIGSEGV"
    })
  })
})
