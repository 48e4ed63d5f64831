import type { TestProject } from "vitest/node"
import "./attach.ts"
import { openedElsewhere, openLab } from "./lab.ts"

/** One lab for all scenarios of a run: the one that is open already, or one of its own. */
export default async (project: TestProject): Promise<() => Promise<void>> => {
  const say = (text: string) => console.log(text)
  const open = await openedElsewhere(say)
  const { state, close } = open === undefined ? await openLab(say) : { state: open, close: async () => {} }
  project.provide("lab", state)
  return close
}
