import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Address } from "../domain/Address.ts"
import type { ProbeAnswer } from "../domain/ForeignSource.ts"
import type { NftCommand } from "../domain/NftJson.ts"
import type { RulesetAnswer, Tool, ToolAnswer } from "../domain/ToolFindings.ts"

/** What the doctor looks at beside Docker and netlink: its own process, the programs and the kernel here, and who answers. Changes nothing. */
export class LocalSystem extends Context.Service<
  LocalSystem,
  {
    /** Effective capabilities by name; nothing where they cannot be read. */
    readonly capabilities: Effect.Effect<ReadonlyArray<string> | undefined>
    /** `uname -r`. */
    readonly kernelRelease: Effect.Effect<string>
    readonly tool: (tool: Tool) => Effect.Effect<ToolAnswer>
    /** Has nft and the kernel check a transaction without making it. */
    readonly checkRuleset: (commands: ReadonlyArray<NftCommand>) => Effect.Effect<RulesetAnswer>
    /**
     * Asks the kernel at an address for a TCP connection to a port that is meant to be closed, so that it answers by itself and no program hears of it; from
     * `source`, or the address that the route says. A connection that comes about is an answer too, and closed at once.
     */
    readonly probe: (to: Address, source?: Address) => Effect.Effect<ProbeAnswer>
  }
>()("anchord/services/LocalSystem") {}
