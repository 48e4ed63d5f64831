import { inject } from "vitest"
import { labOf, type Lab, type LabState } from "./lab.ts"

declare module "vitest" {
  interface ProvidedContext {
    readonly lab: LabState
  }
}

/** The lab that was opened for this run of the tests. */
export const attachLab = (): Lab => labOf(inject("lab"))
