import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { commandNames } from "../../src/domain/CommandLine.ts"
import { modes } from "../../src/domain/SettingDefinitions.ts"
import { run } from "../lab/command.ts"
import { project } from "../lab/folders.ts"

const anchord = (...args: ReadonlyArray<string>) =>
  run([process.execPath, join(project, "src/main/anchord.ts"), ...args])

const folder = mkdtempSync(join(tmpdir(), "anchord-completions-"))
afterAll(() => rmSync(folder, { recursive: true }))

const offersScript = (shell: string) => join(project, "e2e/lab/shells", `offers.${shell}`)

/** How each shell is asked what it offers after a line. */
const shells: Readonly<Record<string, (script: string, line: string) => ReadonlyArray<string>>> = {
  bash: (script, line) => ["bash", "--norc", offersScript("bash"), script, ...line.split(" ")],
  zsh: (script, line) => ["zsh", "-f", offersScript("zsh"), script, line],
  fish: (script, line) => ["fish", "--no-config", offersScript("fish"), script, line]
}

const commands = [[], ...[...modes, ...commandNames].map((name) => [name]), ["doctor", "stale-netns"]]

/** What the help of a command lists. */
const optionsOf = async (command: ReadonlyArray<string>): Promise<ReadonlyArray<string>> =>
  [...(await anchord(...command, "--help")).matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, option = ""]) => option)

const options = new Map<ReadonlyArray<string>, ReadonlyArray<string>>()
beforeAll(async () => {
  for (const command of commands) options.set(command, await optionsOf(command))
})

describe.each(Object.entries(shells))("the completions for %s", (shell, asking) => {
  const script = join(folder, `anchord.${shell}`)
  const offered = async (line: string): Promise<ReadonlyArray<string>> => {
    const said = await run(asking(script, line), { cwd: folder, timeoutMillis: 20_000 })
    return said.split("\n").filter((word) => word !== "")
  }
  const offeredWords = async (line: string) => (await offered(line)).filter((word) => !word.startsWith("-")).toSorted()

  beforeAll(async () => writeFileSync(script, await anchord("--completions", shell)))

  it("offer every mode and every command", async () => {
    expect(await offeredWords("anchord ")).toEqual([...modes, ...commandNames].toSorted())
    expect(await offeredWords("anchord service")).toEqual(["service-anchor"])
    expect(await offeredWords("anchord doctor ")).toEqual(["stale-netns"])
  })

  it.each(commands.map((command) => [["anchord", ...command].join(" "), command] as const))(
    "offer after %s the options that its help lists",
    async (line, command) => {
      expect(options.get(command)).toEqual(expect.arrayContaining(["--help", "--version", "--completions"]))
      expect((await offered(`${line} --`)).toSorted()).toEqual(options.get(command)?.toSorted())
    }
  )

  it("offer the values of an option", async () => {
    expect(await offeredWords("anchord doctor --mode ")).toEqual([...modes].toSorted())
    expect(await offeredWords("anchord --completions ")).toEqual(expect.arrayContaining(["bash", "fish", "zsh"]))
  })

  it("offer files for --file", async () => {
    writeFileSync(join(folder, "config.yaml"), "")
    expect(await offeredWords("anchord wrap --file conf")).toEqual(["config.yaml"])
  })
})
