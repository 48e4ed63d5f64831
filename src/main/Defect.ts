import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"

/** Whether a program ended because of a bug in it: then what works in the kernel is left in place (SPEC §14). */
export const endedByDefect = (exit: Exit.Exit<unknown, unknown>): boolean =>
  Exit.isFailure(exit) && Cause.hasDies(exit.cause)
