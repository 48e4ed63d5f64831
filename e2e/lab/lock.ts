import { spawn } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { interruption, uninterrupted } from "./interruption.ts"

const LIMIT_SECONDS = 900

/**
 * Takes the kernel's lock of a file, which goes with its holder however that ends. The holder is a child that waits for the end of its input,
 * out of reach of what a terminal sends: the lock is not to go before the work under it has ended.
 */
const take = (path: string): Promise<() => Promise<void>> =>
  new Promise((resolve, reject) => {
    const signal = interruption()
    if (signal?.aborted) return reject(signal.reason)
    const wait = ["--timeout", `${LIMIT_SECONDS}`, path, "sh", "-c", "echo held; exec cat"]
    const holder = spawn("flock", wait, { stdio: ["pipe", "pipe", "inherit"], detached: true })
    const giveUp = () => void holder.kill("SIGKILL")
    signal?.addEventListener("abort", giveUp, { once: true })
    const closed = new Promise<void>((ended) => {
      holder.on("error", reject)
      holder.on("close", () => {
        reject(signal?.aborted ? signal.reason : new Error(`${path} is still locked by process ${holderOf(path)}`))
        ended()
      })
    })
    holder.stdin.on("error", () => {})
    holder.stdout.once("data", () => {
      signal?.removeEventListener("abort", giveUp)
      resolve(() => {
        holder.stdin.end()
        return closed
      })
    })
  })

const holderOf = (path: string): string => readFileSync(path, "utf8").trim()

/** Does something while no other process does: a locked file, with the holder's PID in it for those who wonder. */
export const exclusively = async <A>(path: string, body: () => Promise<A>): Promise<A> => {
  const release = await take(path)
  try {
    writeFileSync(path, `${process.pid}\n`)
    return await body()
  } finally {
    await uninterrupted(release)
  }
}
