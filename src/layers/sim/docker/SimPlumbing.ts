import type { SimEndpoint } from "./SimContainer.ts"
import type { SimNetwork } from "./SimNetworks.ts"
import type { SimTimers } from "../SimTime.ts"

/** What an engine does to network namespaces, told at the moment at which it does it. */
export interface SimPlumbing {
  /** A container starts: it gets a namespace of its own, or joins that in which its owner is now. Its endpoints follow. */
  readonly enter: (containerId: string, ownerId: string | undefined) => void
  /** Its main process has ended and its endpoints are gone: it leaves its namespace, which dies when nobody is left in it. */
  readonly leave: (containerId: string) => void
  /** A link with addresses appears in the container's namespace; at a start in the order in which the kernel numbers the links. */
  readonly attach: (containerId: string, network: SimNetwork, endpoint: SimEndpoint) => void
  readonly detach: (containerId: string, networkId: string) => void
}

/** What is run in a container. */
export interface SimProgram {
  readonly id: string
  readonly name: string
  /** As the container was created with: a name or an ID. */
  readonly image: string
  /** Entrypoint and arguments. */
  readonly command: ReadonlyArray<string>
  readonly env: ReadonlyArray<string>
  readonly labels: Readonly<Record<string, string>>
}

export type SimSignal = "SIGTERM" | "SIGKILL"

/** The main processes of the containers. That one has ended is told to the engine, which waits for it: `SimDocker.exited`. */
export interface SimProcesses {
  readonly started: (program: SimProgram) => void
  readonly signal: (containerId: string, signal: SimSignal) => void
}

/** What a simulated engine is built on. Without timers whatever takes time is done at once. */
export interface SimFoundations {
  readonly plumbing?: SimPlumbing
  /** Left out, every process ends as soon as it gets a signal: with status 0 by SIGTERM. */
  readonly processes?: SimProcesses
  readonly timers?: SimTimers
  /** How long the next start takes from its announced endpoints on: 350 ms when left out, as about a real engine takes. */
  readonly startMillis?: () => number
  /** Why the container of that name cannot be started now, if that is so: a volume of its own is away, for example. */
  readonly obstacle?: (name: string) => string | undefined
}

export const noPlumbing: SimPlumbing = {
  enter: () => {},
  leave: () => {},
  attach: () => {},
  detach: () => {}
}
