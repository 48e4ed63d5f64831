import { dockerMutants } from "./docker.ts"
import { flowMutants } from "./flows.ts"
import { lifecycleMutants } from "./lifecycle.ts"
import { mapMutants } from "./maps.ts"
import type { Mutant } from "./Mutant.ts"
import { routeMutants } from "./routes.ts"
import { selfReportMutants } from "./selfReport.ts"
import { strangerMutants } from "./strangers.ts"

/** Bugs that the simulation has to find, each by itself. */
export const mutants: ReadonlyArray<Mutant> = [
  ...mapMutants,
  ...flowMutants,
  ...dockerMutants,
  ...routeMutants,
  ...lifecycleMutants,
  ...strangerMutants,
  ...selfReportMutants
]
