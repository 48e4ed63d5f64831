import type { SimContainer } from "./SimContainer.ts"
import type { SimContainers } from "./SimContainers.ts"
import type { SimEndpoints } from "./SimEndpoints.ts"
import type { SimEventLog } from "./SimEventLog.ts"
import type { SimEvents } from "./SimEvents.ts"
import type { SimNetworks } from "./SimNetworks.ts"
import type { SimFoundations } from "./SimPlumbing.ts"

/** Chance, from a seed: at least 0 and less than 1. */
export interface SimRandom {
  readonly next: () => number
}

/** What the life of a container happens in. */
export interface SimSurroundings {
  readonly containers: SimContainers
  readonly networks: SimNetworks
  readonly endpoints: SimEndpoints
  readonly events: SimEvents
  readonly log: SimEventLog
  readonly foundations: SimFoundations
  /** A time later than any before. */
  readonly stamp: () => bigint
  readonly newId: () => string
  /** Whatever is left of a container that does not run is gone. */
  readonly discard: (container: SimContainer) => void
}
