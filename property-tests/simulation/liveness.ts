import { FOLLOWER, POLL_SECONDS, type Casting } from "./cast.ts"
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
const POLLED_MILLIS = (2 * POLL_SECONDS + 10) * 1_000

/** The external-rebinder looks every 30 s, and waits for 3 s then. */
const FOLLOWED_MILLIS = 34_000

/** For how long nothing has to have happened. */
export const quietMillis = ({ present }: Casting): number =>
  present.includes(FOLLOWER) ? FOLLOWED_MILLIS : POLLED_MILLIS

/** What must hold when nothing has happened for {@link quietMillis}. */
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
