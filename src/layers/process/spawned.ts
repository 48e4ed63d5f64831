import type { ChildProcess } from "node:child_process"

/**
 * The child that `spawn` makes, or why there is none. Node tells of a program that is not there by an event, throws where the arguments or the
 * memory do not allow a child, and answers with a child that has no pipes when descriptors have run out.
 */
export const spawned = <Child extends ChildProcess>(spawn: () => Child): Child | Error => {
  try {
    const child = spawn()
    if (child.stdout) return child
    child.on("error", () => {})
    return new Error("no file descriptors are left for another process (EMFILE)")
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}
