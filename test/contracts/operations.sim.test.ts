import { operatedSim } from "./operatedSim.ts"
import { operationsContract } from "./operations.ts"

operationsContract(
  "SimDocker",
  () => ({ docker: operatedSim(), close: () => Promise.resolve() }),
  (body) => body()
)
