import type { RecentLine, Status, StatusPart } from "../../domain/Status.ts"
import type { Readiness } from "./Readiness.ts"

/** Where a program says how its status is found, and where that is asked for. Nothing is computed before somebody asks. */
export interface StatusBoard {
  readonly tell: (part: () => StatusPart) => void
  readonly status: () => Status
}

export interface StatusBoardInput {
  readonly about: Pick<Status, "mode" | "version" | "commit" | "started">
  readonly readiness: Readiness
  readonly recent: () => ReadonlyArray<RecentLine>
}

export const makeStatusBoard = ({ about, readiness, recent }: StatusBoardInput): StatusBoard => {
  let part = (): StatusPart => ({})
  return {
    tell: (next) => {
      part = next
    },
    status: () => {
      const missing = readiness.missing()
      return { ...about, ready: missing.length === 0, missing, ...part(), recent: recent() }
    }
  }
}
