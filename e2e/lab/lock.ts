import { readFileSync, rmSync, writeFileSync } from "node:fs"
import { isAlive } from "./processes.ts"
import { eventually } from "./steps.ts"

const LIMIT_MILLIS = 900_000

/** Does something while no other process does: a lock file with the holder's PID, which does not count when that process is gone. */
export const exclusively = async <A>(path: string, body: () => Promise<A>): Promise<A> => {
  await eventually(`the lock ${path}`, LIMIT_MILLIS, () => {
    try {
      writeFileSync(path, `${process.pid}`, { flag: "wx" })
    } catch (error) {
      if (!isAlive(Number(readFileSync(path, "utf8")))) rmSync(path, { force: true })
      throw error
    }
  })
  try {
    return await body()
  } finally {
    rmSync(path, { force: true })
  }
}
