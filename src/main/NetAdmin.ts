import * as Effect from "effect/Effect"
import { ANCHORD_ROUTE_PROTOCOL, ORIGINALS_TABLE, type RouteStep } from "../domain/Routing.ts"
import { Netlink } from "../services/Netlink.ts"
import { FatalError } from "./FatalError.ts"
import { sentence } from "../domain/Sentence.ts"
import { logWarning } from "../layers/observability/OperatorLog.ts"

/** A deletion of what is never there: the kernel checks the permission before it looks. */
const probe: RouteStep = {
  _tag: "Delete",
  route: { family: "v4", protocol: ANCHORD_ROUTE_PROTOCOL, metric: 4_294_967_295, table: ORIGINALS_TABLE }
}

/**
 * Ends the program when it may not change its namespace at all: nothing that it could wait for would change that. `what` says in the
 * message what the capability is needed for.
 */
export const requireNetAdmin = Effect.fnUntraced(function* (what: string) {
  const netlink = yield* Netlink
  yield* netlink.applyRoutes([probe]).pipe(
    Effect.catch((error) =>
      error.reason === "not-permitted"
        ? Effect.fail(
            new FatalError({
              message: sentence`${what}, which needs the capability NET_ADMIN (cap_add: [NET_ADMIN])`
            })
          )
        : logWarning(sentence`cannot tell whether routes may be changed; going on`).pipe(
            Effect.annotateLogs({ error: error.message })
          )
    )
  )
})
