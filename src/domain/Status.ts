import * as Schema from "effect/Schema"
import { ExplainedContainer } from "./Explanation.ts"

const Family = Schema.Literals(["v4", "v6"])

/** A line of the log, as it was written; `time` is RFC 3339. */
export const RecentLine = Schema.Struct({
  time: Schema.String,
  level: Schema.Literals(["ERROR", "WARN", "INFO"]),
  message: Schema.String
})
export type RecentLine = typeof RecentLine.Type

/** A gateway, and whether the default route leads there. */
export const StatusGateway = Schema.Struct({
  family: Family,
  address: Schema.optionalKey(Schema.String),
  /** Where it was learnt, or why there is none. */
  why: Schema.String
})
export type StatusGateway = typeof StatusGateway.Type

/** A DHCP lease that holds. Times are RFC 3339. */
export const StatusLease = Schema.Struct({
  family: Family,
  address: Schema.String,
  expires: Schema.String,
  server: Schema.optionalKey(Schema.String),
  router: Schema.optionalKey(Schema.String)
})
export type StatusLease = typeof StatusLease.Type

/** How a program stands with the Docker API; `since` is RFC 3339. */
export const StatusDocker = Schema.Struct({ connected: Schema.Boolean, since: Schema.String })
export type StatusDocker = typeof StatusDocker.Type

/** What a network-anchor serves at this moment. */
export const NetworkAnchorStatus = Schema.Struct({
  docker: StatusDocker,
  external: Schema.Struct({
    interface: Schema.String,
    network: Schema.optionalKey(Schema.String),
    /** The addresses that Docker gave it: without a lease the project's own. */
    v4: Schema.optionalKey(Schema.String),
    v6: Schema.optionalKey(Schema.String)
  }),
  leases: Schema.Array(StatusLease),
  gateways: Schema.Array(StatusGateway),
  shared: Schema.optionalKey(Schema.Struct({ network: Schema.String, settled: Schema.Boolean, why: Schema.String })),
  containers: Schema.Array(ExplainedContainer),
  /** Elements in the DNAT maps. */
  entries: Schema.Number,
  /** Absent before the first. */
  lastReconcile: Schema.optionalKey(
    Schema.Struct({ time: Schema.String, ok: Schema.Boolean, error: Schema.optionalKey(Schema.String) })
  )
})
export type NetworkAnchorStatus = typeof NetworkAnchorStatus.Type

/** Where a service-anchor leads its namespace. */
export const ServiceAnchorStatus = Schema.Struct({
  /** Absent where the addresses are given. */
  hostname: Schema.optionalKey(Schema.String),
  gateways: Schema.Array(
    Schema.Struct({ family: Family, address: Schema.optionalKey(Schema.String), routed: Schema.Boolean })
  )
})
export type ServiceAnchorStatus = typeof ServiceAnchorStatus.Type

/** What the rebinders tell of themselves. */
export const RebinderStatus = Schema.Struct({ docker: StatusDocker })
export type RebinderStatus = typeof RebinderStatus.Type

/** What a mode tells of itself beside what all of them do. */
export interface StatusPart {
  readonly networkAnchor?: NetworkAnchorStatus
  readonly serviceAnchor?: ServiceAnchorStatus
  readonly rebinder?: RebinderStatus
}

/** The state of a running anchor (SPEC §13): the answer to `anchord status --json`. One of the three parts is there once the program runs. */
export const Status = Schema.Struct({
  mode: Schema.String,
  version: Schema.String,
  commit: Schema.String,
  /** When the process started, RFC 3339. */
  started: Schema.String,
  ready: Schema.Boolean,
  /** `key: value` of what is missing. */
  missing: Schema.Array(Schema.String),
  networkAnchor: Schema.optionalKey(NetworkAnchorStatus),
  serviceAnchor: Schema.optionalKey(ServiceAnchorStatus),
  rebinder: Schema.optionalKey(RebinderStatus),
  /** The last lines of its log, the newest last. */
  recent: Schema.Array(RecentLine)
})
export type Status = typeof Status.Type
