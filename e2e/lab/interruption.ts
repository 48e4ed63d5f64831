import { AsyncLocalStorage } from "node:async_hooks"
import { constants } from "node:os"

const current = new AsyncLocalStorage<AbortSignal | undefined>()

/** What ends the commands and waits of the work under way, if anything does. */
export const interruption = (): AbortSignal | undefined => current.getStore()

/** Work that is not interrupted, within work that is: tidying up, and what must not stop half-way. */
export const uninterrupted = <A>(body: () => Promise<A>): Promise<A> => current.run(undefined, body)

/**
 * Acts on the first SIGINT or SIGTERM, and ignores those that follow: npm passes on what the terminal has sent to all of its processes. Others
 * that listen (Vitest ends the process at once) get no signal meanwhile. The answer ends that.
 */
export const onSignal = (act: (signal: "SIGINT" | "SIGTERM") => void): (() => void) => {
  let told = false
  const handlers = (["SIGINT", "SIGTERM"] as const).map((signal) => {
    const handle = () => {
      if (told) return
      told = true
      act(signal)
    }
    const others = process.listeners(signal)
    process.removeAllListeners(signal)
    process.on(signal, handle)
    return () => {
      process.off(signal, handle)
      for (const other of others) process.on(signal, other)
    }
  })
  return () => {
    for (const remove of handlers) remove()
  }
}

/**
 * Work that ends early when the process is told to end: its commands are stopped, its waits fail, and when it has tidied up after itself the
 * process ends.
 */
export const interruptible = async <A>(body: () => Promise<A>): Promise<A> => {
  const controller = new AbortController()
  let status = 0
  const forget = onSignal((signal) => {
    console.log(`${signal}: closing what has been opened`)
    status = 128 + constants.signals[signal]
    controller.abort(new Error(`interrupted by ${signal}`))
  })
  try {
    return await current.run(controller.signal, body)
  } finally {
    if (controller.signal.aborted) process.exit(status)
    forget()
  }
}
