import * as Schema from "effect/Schema"
import { ExplainedContainer } from "./Explanation.ts"
import { count, familyField, flag, text } from "./JsonFields.ts"

export const RecentLine = Schema.Struct({
  time: text("when it was written, RFC 3339"),
  level: Schema.Literals(["ERROR", "WARN", "INFO"]).annotate({ description: "its level in the log" }),
  message: text("its `msg` in the log; docs/messages.md says what to do")
})
export type RecentLine = typeof RecentLine.Type

export const StatusGateway = Schema.Struct({
  family: familyField,
  address: Schema.optionalKey(text("the gateway that was chosen; absent when there is none")),
  why: text("where it was learnt, or why there is none")
})
export type StatusGateway = typeof StatusGateway.Type

export const StatusLease = Schema.Struct({
  family: familyField,
  address: text("the leased address"),
  expires: text("when it runs out unless it is renewed, RFC 3339"),
  server: Schema.optionalKey(text("the DHCP server that gave it")),
  router: Schema.optionalKey(text("the router that it names"))
})
export type StatusLease = typeof StatusLease.Type

export const StatusDocker = Schema.Struct({
  connected: flag("whether Docker's event stream is open"),
  since: text("since when that is so, RFC 3339")
}).annotate({ description: "how it stands with the Docker API" })
export type StatusDocker = typeof StatusDocker.Type

export const NetworkAnchorStatus = Schema.Struct({
  docker: StatusDocker,
  external: Schema.Struct({
    interface: text("the name of the external interface"),
    network: Schema.optionalKey(text("Docker's name of its network")),
    v4: Schema.optionalKey(text("the IPv4 address that Docker gave it: the project's own while there is no lease")),
    v6: Schema.optionalKey(text("the IPv6 address that Docker gave it: the project's own while there is no lease"))
  }).annotate({ description: "where the project is on the LAN" }),
  leases: Schema.Array(StatusLease).annotate({ description: "the DHCP leases that hold" }),
  gateways: Schema.Array(StatusGateway).annotate({ description: "the external gateway of each family" }),
  shared: Schema.optionalKey(
    Schema.Struct({
      network: text("its name"),
      settled: flag("true: this choice stays; false: another network may be chosen when the first backend is attached"),
      why: text("why it is this one")
    }).annotate({ description: "the network on which backends are reached; absent before it is chosen" })
  ),
  containers: Schema.Array(ExplainedContainer).annotate({ description: "every container in scope, by name" }),
  entries: count("how many elements the DNAT maps hold"),
  lastReconcile: Schema.optionalKey(
    Schema.Struct({
      time: text("when it ended, RFC 3339"),
      ok: flag("whether it succeeded"),
      error: Schema.optionalKey(text("why it failed"))
    }).annotate({ description: "the last comparison of the rules with Docker; absent before the first" })
  )
}).annotate({ description: "what a network-anchor serves at this moment" })
export type NetworkAnchorStatus = typeof NetworkAnchorStatus.Type

export const ServiceAnchorStatus = Schema.Struct({
  hostname: Schema.optionalKey(text("the gateway's name; absent where its addresses are given")),
  gateways: Schema.Array(
    Schema.Struct({
      family: familyField,
      address: Schema.optionalKey(text("the gateway's address; absent while it has none")),
      routed: flag("whether the default route leads there")
    })
  ).annotate({ description: "the gateway of each family" })
}).annotate({ description: "where a service-anchor leads its namespace" })
export type ServiceAnchorStatus = typeof ServiceAnchorStatus.Type

export const RebinderStatus = Schema.Struct({ docker: StatusDocker }).annotate({
  description: "what an external-rebinder or a wrap-rebinder tells of itself"
})
export type RebinderStatus = typeof RebinderStatus.Type

/** What a mode tells of itself beside what all of them do. */
export interface StatusPart {
  readonly networkAnchor?: NetworkAnchorStatus
  readonly serviceAnchor?: ServiceAnchorStatus
  readonly rebinder?: RebinderStatus
}

/** The state of a running anchor (SPEC §13): the answer to `anchord status --json`. One of the three parts is there once the program runs. */
export const Status = Schema.Struct({
  mode: text("the mode that runs"),
  version: text("the version of anchord"),
  commit: text("the commit that it was built of"),
  started: text("when the process started, RFC 3339"),
  ready: flag("whether everything that the mode needs has come about"),
  missing: Schema.Array(Schema.String).annotate({
    description: "what is missing until it is ready, each as `condition: what is missing`; empty once it is"
  }),
  networkAnchor: Schema.optionalKey(NetworkAnchorStatus),
  serviceAnchor: Schema.optionalKey(ServiceAnchorStatus),
  rebinder: Schema.optionalKey(RebinderStatus),
  recent: Schema.Array(RecentLine).annotate({ description: "the last lines of its log, the newest last" })
})
export type Status = typeof Status.Type
