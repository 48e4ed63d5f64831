import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Family } from "../domain/Address.ts"
import type { DhcpReport } from "../domain/DhcpLease.ts"

/** The client ended, or could not be started. */
export class DhcpClientEnded extends Data.TaggedError("DhcpClientEnded")<{
  readonly family: Family
  readonly message: string
}> {}

export interface DhcpRequest {
  readonly family: Family
  readonly link: string
  /** Announced to the server; also what the client-id is made of (option 61: byte 0 and the host name). */
  readonly hostname: string
}

export interface DhcpSession {
  /** The next thing that the client reports; fails when the client has ended. */
  readonly next: Effect.Effect<DhcpReport, DhcpClientEnded>
  /** Asks the client to renew now. */
  readonly renew: Effect.Effect<void>
}

/** A DHCP client for one family on one link (SPEC §9). */
export class DhcpClient extends Context.Service<
  DhcpClient,
  {
    /** Runs a client until the scope closes; then the lease is released and the client ended, within two seconds. */
    readonly start: (request: DhcpRequest) => Effect.Effect<DhcpSession, never, Scope.Scope>
  }
>()("anchord/services/DhcpClient") {}
