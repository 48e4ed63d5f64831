import type { Family } from "../../src/domain/Address.ts"
import type { SimCalls } from "../../src/layers/sim/docker/SimDockerFaults.ts"

/** What is done to one container. */
export type ContainerAction =
  | "Start"
  | "Stop"
  | "Kill"
  | "Restart"
  | "Remove"
  | "Recreate"
  | "Pause"
  | "Unpause"
  | "Crash"
  | "Noise"
  | "Disconnect"
  | "Reconnect"

/** What happens in one step of a history: plain data, so that a history can be kept in a file and played again. */
export type Action =
  // Containers, as an operator or another program handles them.
  | { readonly _tag: ContainerAction; readonly name: string }
  /** `docker compose up -d --force-recreate` of everything, `down`, `up`. */
  | { readonly _tag: "ComposeUp" | "ComposeDown" | "ComposeRecreate" }
  /** The project of the neighbour goes down and comes up: its network is another one of the same name. */
  | { readonly _tag: "NetworkReborn" }
  /** Every fault ends, and nothing happens for so long that nothing has an excuse any more. */
  | { readonly _tag: "Quiet" }
  // Clients on the LAN.
  | { readonly _tag: "Open"; readonly client: number; readonly port: number; readonly family: Family }
  // What goes wrong: Docker.
  | { readonly _tag: "StreamCut" }
  | { readonly _tag: "EngineRestart"; readonly how: "shutdown" | "power failure" | "live restore" }
  | { readonly _tag: "EngineAway" | "EngineHangs"; readonly millis: number }
  | { readonly _tag: "ApiSlow"; readonly millis: number }
  | { readonly _tag: "ApiFails"; readonly times: number }
  /** The next calls have their effect, and their answers do not arrive; of any kind, when left out. */
  | { readonly _tag: "AnswersLost"; readonly times: number; readonly call?: SimCalls }
  | { readonly _tag: "EventsLost" | "EventsDoubled"; readonly count: number }
  /** Those of one type, which so get behind those of the other; 0 ends it. */
  | { readonly _tag: "EventsLate"; readonly of: "container" | "network"; readonly millis: number }
  // nft, conntrack, ip.
  | { readonly _tag: "NftDies"; readonly when: "idle" | "before" | "after" }
  | { readonly _tag: "NftRefuses" }
  | { readonly _tag: "ConntrackFails"; readonly millis: number }
  | { readonly _tag: "MonitorLosesLines"; readonly count: number }
  // Somebody else on the host.
  | { readonly _tag: "FlushRuleset" }
  | { readonly _tag: "DeleteElement"; readonly index: number }
  | {
      readonly _tag: "SpoilDefaultRoute"
      readonly family: Family
      readonly name: string
      readonly how: "delete" | "replace" | "add"
    }
  | { readonly _tag: "DeleteAddress"; readonly family: Family }
  /** The external network is disconnected from the network-anchor and connected again: another link, maybe of another name. */
  | { readonly _tag: "Replug"; readonly gapMillis: number; readonly renamed: boolean }
  // The network around.
  | { readonly _tag: "DhcpSilent" | "DhcpServes" | "DhcpDies" }
  /** The server refuses whatever is asked for. */
  | { readonly _tag: "DhcpRefuses" }
  /** The server has lost its table: it refuses the next renewal, and then gives the same once more. */
  | { readonly _tag: "DhcpForgets" }
  /** Another DHCP server on the LAN, with other addresses and another gateway: it comes or goes, and answers before the first one or after it. */
  | { readonly _tag: "DhcpRival"; readonly serves: boolean; readonly isFirst: boolean }
  /** The LAN's router sends an advertisement, or one that takes itself back (RFC 4861 §6.2.5: a lifetime of 0). */
  | { readonly _tag: "RouterAdvertises"; readonly lives: boolean }
  | { readonly _tag: "DhcpRotates"; readonly index: number }
  | { readonly _tag: "DnsFails" | "DnsFlaps"; readonly millis: number }
  /** A program ends in the middle of what it does: at the n-th call from now on that it makes to anything outside. */
  | {
      readonly _tag: "DiesAtCall"
      readonly name: string
      readonly calls: number
      readonly signal: "SIGTERM" | "SIGKILL"
    }
  /** Docker cannot start a container so many times, whoever asks for it: what it mounts is away. */
  | { readonly _tag: "StartFails"; readonly name: string; readonly times: number }
  /** A container goes right after the engine has answered the next call of this kind, before the next one. */
  | {
      readonly _tag: "GoneAfter"
      readonly name: string
      readonly call: "GET /containers/json?id" | "GET /networks/{id}"
    }

/** A step: something happens, and then so much time passes. */
export interface Step {
  readonly action: Action
  readonly thenMillis: number
}
