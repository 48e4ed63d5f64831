import { setTimeout as pause } from "node:timers/promises"
import { interruption } from "./interruption.ts"

/** Says what is being done or waited for, and how long it took. */
export const step = async <A>(what: string, body: () => Promise<A>): Promise<A> => {
  const begun = performance.now()
  try {
    const result = await body()
    console.log(`  ${what}: ${(performance.now() - begun).toFixed(0)} ms`)
    return result
  } catch (error) {
    console.log(`  ${what}: FAILED after ${(performance.now() - begun).toFixed(0)} ms`)
    throw error
  }
}

/** Tries again until the body does not throw; after the limit the last error is the result. */
export const eventually = async <A>(what: string, limitMillis: number, body: () => Promise<A> | A): Promise<A> => {
  const end = performance.now() + limitMillis
  while (true) {
    try {
      return await body()
    } catch (error) {
      interruption()?.throwIfAborted()
      if (performance.now() > end) {
        throw new Error(
          `not within ${limitMillis} ms: ${what}: ${error instanceof Error ? error.message : String(error)}`,
          {
            cause: error
          }
        )
      }
      await pause(20)
    }
  }
}
