import type { Json } from "./Inspection.ts"
import type { Sentence } from "./Sentence.ts"

/** What to make a managed service-anchor of: the parts of a create request (SPEC §11.2). */
export interface ManagedSpec {
  readonly name: string
  /** A name, or the ID of anchord's own image. */
  readonly image: string
  readonly networkMode: string
  /** `KEY=value`, in the order of the keys. */
  readonly environment: ReadonlyArray<string>
  readonly labels: Readonly<Record<string, string>>
  readonly capAdd: ReadonlyArray<string>
  readonly capDrop: ReadonlyArray<string>
  readonly securityOpt: ReadonlyArray<string>
  readonly readOnly: boolean
  readonly tmpfs: ReadonlyArray<string>
  readonly restartPolicy: string
}

interface Acting {
  readonly id: string
  readonly name: string
  /** A sentence for the log. */
  readonly reason: string
  /** The container whose own action, or the last one on this container, must have succeeded before; when it failed, this one is left out. */
  readonly after?: string
}

export interface Start extends Acting {
  readonly _tag: "Start"
}

export interface Restart extends Acting {
  readonly _tag: "Restart"
  /** How long it has to stop before it is killed; left out where nobody can talk to it any more. */
  readonly graceSeconds?: number
}

/** Made anew with its whole configuration, but for what is named here (SPEC §11). */
export interface Recreate extends Acting {
  readonly _tag: "Recreate"
  /**
   * `container:<name>` or the name of a network, looked up when the new one is created: it may be the name of one that was re-created just before.
   */
  readonly networkMode: string
  /** Whether the new one is started, also where the old one did not run: not, when that was stopped on purpose. */
  readonly start: boolean
  readonly image?: string
  /** Variables that get another value. */
  readonly environment?: Readonly<Record<string, string>>
}

/** Created and started. When there is one of that name by now, that is no failure: the next look decides again. */
export interface CreateManaged {
  readonly _tag: "CreateManaged"
  readonly spec: ManagedSpec
  readonly reason: string
}

export interface Disconnect extends Acting {
  readonly _tag: "Disconnect"
  /** Its name: a container that holds on to a network that is gone can only be freed of it by name, and by force. */
  readonly network: string
}

export interface Connect extends Acting {
  readonly _tag: "Connect"
  readonly networkId: string
  readonly network: string
  /** What it asks for there: addresses, aliases (`EndpointSettings` of the Docker API). */
  readonly endpoint?: Json
}

/** An action on a container that exists. */
export type Repair = Start | Restart | Recreate

/** What to do, in this order, one after the other; one failure does not stop the rest (SPEC §11.4). */
export type LifecycleAction = Repair | CreateManaged | Disconnect | Connect

/** Something that an operator should know while it lasts; `key` stays the same as long as it does. */
export interface LifecycleProblem {
  readonly key: string
  readonly level: "ERROR" | "WARN" | "INFO"
  readonly message: Sentence
}

export interface LifecycleDecision {
  readonly actions: ReadonlyArray<LifecycleAction>
  readonly problems: ReadonlyArray<LifecycleProblem>
  /** Unix milliseconds: when to ask again although nothing may have happened until then. */
  readonly again?: number
}
