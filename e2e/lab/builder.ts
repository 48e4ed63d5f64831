import { mkdirSync } from "node:fs"
import { startEngine } from "./engine.ts"
import { cache, project } from "./folders.ts"
import { uninterrupted } from "./interruption.ts"
import { exclusively } from "./lock.ts"
import { baseArchive, engineRoot } from "./rootfs.ts"

const BASE = "debian:trixie-slim"

/** An engine that can build: what to say to it, and how it calls a file of the repository. */
export interface Builder {
  readonly docker: (args: ReadonlyArray<string>, onOutput?: (text: string) => void) => Promise<string>
  readonly at: (path: string) => string
}

/** The base image: from a registry where one answers, otherwise made of Debian's packages. */
const haveBase = async ({ docker, at }: Builder, say: (text: string) => void): Promise<void> => {
  if (await docker(["image", "inspect", BASE]).catch(() => "")) return
  const pulled = await docker(["pull", BASE]).catch(() => undefined)
  if (pulled === undefined) await docker(["import", at(await baseArchive(say)), BASE])
}

/** The name of each step as it begins, without the thousand lines between. */
const stepsOnly = (say: (text: string) => void) => (text: string) => {
  for (const line of text.split("\n")) {
    const step = /^#\d+ (\[.*)$/.exec(line)?.[1]
    if (step !== undefined) say(step)
  }
}

/** Builds a folder of the repository. The build reaches what this machine reaches. */
export const buildFolder = (
  { docker, at }: Builder,
  say: (text: string) => void,
  folder: string,
  ...args: ReadonlyArray<string>
) => docker(["build", "--progress=plain", "--network=host", ...args, at(folder)], stepsOnly(say))

/**
 * Lends a builder: an engine that lives for as long as it is used and keeps what it has built. One process at a time. An engine that the
 * machine has is left alone: a build there would take the tags of images that somebody uses.
 */
export const withBuilder = (say: (text: string) => void, use: (builder: Builder) => Promise<void>): Promise<void> => {
  mkdirSync(cache, { recursive: true })
  return exclusively(`${cache}/build.lock`, async () => {
    const [root] = await Promise.all([engineRoot(say), baseArchive(say)])
    say("building")
    const { engine, stop } = await startEngine({ root, work: `${cache}/builder`, keep: true })
    const builder: Builder = {
      docker: (args, onOutput) => engine.inside(["docker", ...args], onOutput === undefined ? {} : { onOutput }),
      at: (path) => path.replace(project, "/project")
    }
    try {
      await haveBase(builder, say)
      await use(builder)
    } finally {
      await uninterrupted(stop)
    }
  })
}
