import * as Effect from "effect/Effect"
import {
  answerOf,
  isFixed,
  type AskedGateway,
  type GatewayAnswer,
  type GatewayToAsk
} from "../../domain/GatewayFindings.ts"
import { Netlink } from "../../services/Netlink.ts"

/** The kernel gives up on a neighbour after three to four seconds. */
const LIMIT = "6 seconds"
const BETWEEN = "100 millis"

const answer = Effect.fnUntraced(function* (gateway: GatewayToAsk, link: string) {
  const netlink = yield* Netlink
  if (isFixed(gateway, yield* netlink.neighbours(gateway.family))) return "answers"
  yield* netlink.askNeighbour(link, gateway.address)
  let seen: GatewayAnswer = "unclear"
  const settle = Effect.gen(function* () {
    while (seen === "unclear") {
      seen = answerOf(gateway, yield* netlink.neighbours(gateway.family))
      if (seen === "unclear") yield* Effect.sleep(BETWEEN)
    }
  })
  yield* Effect.timeoutOption(settle, LIMIT)
  return seen
})

/** Has the kernel ask each gateway whether it is there. */
export const askGateways = (gateways: ReadonlyArray<GatewayToAsk>) =>
  Effect.forEach(
    gateways,
    Effect.fnUntraced(function* (gateway): Effect.fn.Return<AskedGateway, never, Netlink> {
      const { link } = gateway
      if (link === undefined) return { ...gateway, answer: undefined }
      const answered = yield* Effect.orElseSucceed(answer(gateway, link), () => undefined)
      return { ...gateway, answer: answered }
    }),
    { concurrency: "unbounded" }
  )
