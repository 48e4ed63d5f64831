import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Address, Family } from "../domain/Address.ts"
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
  /** The address to ask for, if the server has it for nobody else (option 50, RFC 2131 §4.3.1). */
  readonly wanted?: Address
}

export interface DhcpSession {
  /** The next thing that the client reports; fails when the client has ended. */
  readonly next: Effect.Effect<DhcpReport, DhcpClientEnded>
  /** Asks the client to renew now. When nobody answers it gives its lease up after some seconds, and begins again. */
  readonly renew: Effect.Effect<void>
  /** Ends the client at once, and does not release the lease; `next` does not answer any more. */
  readonly abandon: Effect.Effect<void>
}

/** A DHCP client for one family on one link (SPEC §9). */
export class DhcpClient extends Context.Service<
  DhcpClient,
  {
    /** Runs a client until the scope closes; then the lease is released and the client ended, within two seconds. */
    readonly start: (request: DhcpRequest) => Effect.Effect<DhcpSession, never, Scope.Scope>
  }
>()("anchord/services/DhcpClient") {}
