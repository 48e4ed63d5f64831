import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { families } from "../../../domain/Address.ts"
import type { NetlinkChange, RouteStep } from "../../../domain/Routing.ts"
import { Netlink, NetlinkError } from "../../../services/Netlink.ts"
import type { SimNetns } from "./SimNetns.ts"

const everything: ReadonlyArray<NetlinkChange> = ["route", "address", "link", "neighbour"]

const isGone = (message: string): boolean => message.includes("No such process")

/** Carries the steps of one family out until one is refused; the answer is why. Deletions go on, and may find nothing. */
const applyFamily = (netns: SimNetns, steps: ReadonlyArray<RouteStep>): NetlinkError | undefined => {
  let failed: NetlinkError | undefined
  for (const step of steps) {
    if (failed !== undefined && step._tag !== "Delete") break
    const message = netns.apply(step)
    if (message === undefined || (step._tag === "Delete" && isGone(message))) continue
    const reason = message.includes("not permitted") ? "not-permitted" : "failed"
    failed ??= new NetlinkError({ command: `${step._tag} ${step.route.gateway ?? ""}`, reason, message })
    if (step._tag !== "Delete") break
  }
  return failed
}

/** Netlink on a simulated namespace. It has no delay: a command is done when it is asked for. */
export const layer = (netns: SimNetns): Layer.Layer<Netlink> =>
  Layer.succeed(Netlink)({
    links: Effect.sync(() => netns.links()),
    addresses: Effect.sync(() => netns.addresses()),
    defaultRoutes: (family, table) => Effect.sync(() => netns.defaultRoutes(family, table)),
    applyRoutes: Effect.fnUntraced(function* (steps) {
      const failures = families.flatMap((family) => {
        const failed = applyFamily(
          netns,
          steps.filter(({ route }) => route.family === family)
        )
        return failed === undefined ? [] : [failed]
      })
      const [first] = failures
      if (first !== undefined) return yield* first
    }),
    neighbours: (family) => Effect.sync(() => netns.neighbours(family)),
    forgetNeighbours: (addresses) => Effect.sync(() => netns.forgetNeighbours(addresses)),
    askNeighbour: Effect.fnUntraced(function* (link, address) {
      const refuse = (reason: NetlinkError["reason"], message: string) =>
        new NetlinkError({ command: `neigh ${address} dev ${link}`, reason, message })
      if (!netns.capable) return yield* refuse("not-permitted", "RTNETLINK answers: Operation not permitted")
      if (!netns.links().some(({ name }) => name === link)) {
        return yield* refuse("failed", `Cannot find device "${link}"`)
      }
      netns.setNeighbour(link, address, netns.answering.has(address) ? "reachable" : "failed")
    }),
    setNeighbourRetransmission: (link, millis) => {
      const message = netns.setRetransmission(link, millis)
      return message === undefined
        ? Effect.void
        : Effect.fail(new NetlinkError({ command: `ntable change dev ${link}`, reason: "failed", message }))
    },
    endAddressDetection: ({ address, link }) =>
      Effect.sync(() => {
        netns.endDetection(link, address)
      }),
    applyAddresses: Effect.fnUntraced(function* (steps) {
      for (const step of steps) {
        const message = netns.applyAddress(step)
        if (message !== undefined) return yield* new NetlinkError({ command: step._tag, reason: "failed", message })
      }
    }),
    sysctl: (name) => Effect.sync(() => netns.sysctl(name)),
    changes: Stream.callback<NetlinkChange>(
      Effect.fnUntraced(function* (queue) {
        yield* Effect.acquireRelease(
          Effect.sync(() => netns.listen((change) => void Queue.offerUnsafe(queue, change))),
          (stop) => Effect.sync(stop)
        )
        yield* Queue.offerAll(queue, everything)
        return yield* Effect.never
      }),
      { bufferSize: 256, strategy: "sliding" }
    )
  })
