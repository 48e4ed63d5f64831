import { constants } from "node:os"
import type { TestProject } from "vitest/node"
import "./attach.ts"
import { onSignal } from "./interruption.ts"
import { openedElsewhere, openLab } from "./lab.ts"

/** One lab for all scenarios of a run: the one that is open already, or one of its own. */
export default async (project: TestProject): Promise<() => Promise<void>> => {
  const say = (text: string) => console.log(text)
  const open = await openedElsewhere(say)
  if (open !== undefined) {
    project.provide("lab", open)
    return async () => {}
  }
  const { state, close } = await openLab(say)
  const forget = onSignal((signal) => {
    say(`${signal}: closing the lab`)
    void close().finally(() => process.exit(128 + constants.signals[signal]))
  })
  project.provide("lab", state)
  return async () => {
    await close()
    forget()
  }
}
