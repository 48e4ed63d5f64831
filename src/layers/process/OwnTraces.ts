import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { hostname } from "node:os"
import type { OwnTraces } from "../../domain/OwnContainer.ts"

const textOf = (path: string): string => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}

/** What this process can read of the container that it runs in; a file that is not there is empty. */
export const ownTraces: Effect.Effect<OwnTraces> = Effect.sync(() => ({
  mountinfo: textOf("/proc/self/mountinfo"),
  cgroup: textOf("/proc/self/cgroup"),
  hostname: hostname()
}))
