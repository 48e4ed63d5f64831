import { POLL_SECONDS } from "./cast.ts"
import { checkMaps, checkFlows } from "./quiet/maps.ts"
import { checkRoutes } from "./quiet/routes.ts"
import { checkAutostart, checkNamespaces, checkReferences } from "./quiet/namespaces.ts"
import { checkHairpin, checkEgress, checkAnswers } from "./quiet/traffic.ts"
import { checkMetrics, checkStillness } from "./quiet/metrics.ts"
import { checkOthersStatus, checkStatus } from "./quiet/selfReport.ts"
import { checkFollower, checkWrapped } from "./quiet/rebinders.ts"
import { checkSafety, isServing } from "./safety.ts"
import type { Simulation } from "./Simulation.ts"
import { checkUnchanged } from "./quiet/unchanged.ts"

/** After the last fault everything has to be right within two polls, and the time that a repair may be put off for. */
export const QUIET_MILLIS = (2 * POLL_SECONDS + 10) * 1_000

/** What must hold when nothing has happened for {@link QUIET_MILLIS}. */
export const checkLiveness = (sim: Simulation): void => {
  checkSafety(sim)
  checkUnchanged(sim)
  checkFollower(sim)
  checkWrapped(sim)
  if (!isServing(sim)) return
  checkMaps(sim)
  checkFlows(sim)
  checkRoutes(sim)
  checkNamespaces(sim)
  checkReferences(sim)
  checkAutostart(sim)
  checkAnswers(sim)
  checkHairpin(sim)
  checkEgress(sim)
  checkStatus(sim)
  checkOthersStatus(sim)
  checkMetrics(sim)
  checkStillness(sim)
}
