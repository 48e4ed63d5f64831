import { mutant, type Mutant } from "./Mutant.ts"

const ANCHOR = "src/main/networkAnchor/NetworkAnchor.ts"
const DEFAULT = "src/domain/DefaultRoute.ts"
const LOOKUP = "src/main/serviceAnchor/GatewayLookup.ts"
const SERVICE = "src/domain/ServiceAnchorRoutes.ts"
const SERVICE_ANCHOR = "src/main/serviceAnchor/ServiceAnchor.ts"
const LEASED = "src/main/networkAnchor/LeasedInterface.ts"
const HOLDER = "src/main/networkAnchor/LeaseHolder.ts"
const KEEPER = "src/main/networkAnchor/LeaseKeeper.ts"
const EXTERNAL = "src/main/networkAnchor/ExternalLink.ts"
const LEASES = "src/main/networkAnchor/DhcpLeases.ts"
const ADDRESSES = "src/domain/AddressPlan.ts"

/** What was resolved is not known any more when a look-up fails. */
const failureForgets = {
  file: LOOKUP,
  find: "    for (const family of families) {\n      const answer",
  replace:
    "    for (const family of families) if (Result.isFailure(answers[family])) found.delete(family)\n    for (const family of families) {\n      const answer"
}

/** Default routes of both kinds of anchor, and leases. */
export const routeMutants: ReadonlyArray<Mutant> = [
  mutant(
    "default-not-set-again",
    "What the kernel tells of routes is no reason to look at the default route; the safety net of 30 s is.",
    ANCHOR,
    `change === "neighbour" ? Effect.void : routes.lookAgain`,
    "Effect.void"
  ),
  mutant(
    "second-default-left",
    "The wanted default is set, and other ones are left beside it.",
    DEFAULT,
    "unwanted.filter((route) => !displaced.includes(route))",
    "unwanted.filter((route) => displaced.includes(route))"
  ),
  mutant(
    "old-gateway-kept",
    "A service-anchor keeps the first address that its gateway's name had.",
    LOOKUP,
    "Result.isFailure(answer) || answer.success === found.get(family)",
    "Result.isFailure(answer) || found.has(family)"
  ),
  {
    name: "failed-look-up-removes-the-route",
    about: "When the gateway's name does not resolve, the default route is taken away.",
    changes: [
      failureForgets,
      {
        file: SERVICE,
        find: "    if (gateway === undefined || link === undefined) return []",
        replace:
          '    if (gateway === undefined) return of(family, main).filter(isOurs).map((route): RouteStep => ({ _tag: "Delete", route }))\n    if (link === undefined) return []'
      }
    ]
  },
  {
    name: "failed-look-up-restores",
    about: "While the gateway's name does not resolve, the namespace is as Docker has set it up.",
    changes: [
      failureForgets,
      {
        file: SERVICE,
        find: "    if (gateway === undefined || link === undefined) return []",
        replace:
          "    if (gateway === undefined) return planRestore({ main: of(family, main), originals: of(family, originals) }, family)\n    if (link === undefined) return []"
      }
    ]
  },
  mutant(
    "only-v4-is-watched",
    "A service-anchor looks its gateway up for IPv4, and for IPv6 once.",
    LOOKUP,
    `v6: ask("v6") }`,
    `v6: Effect.suspend(() => (found.has("v6") ? Effect.succeed<Answer>(Result.succeed(found.get("v6") ?? "")) : ask("v6"))) }`
  ),
  mutant(
    "service-route-not-set-again",
    "A service-anchor does not notice that somebody changed its route.",
    SERVICE_ANCHOR,
    `change === "neighbour" ? raise(neighbours) : routes.again`,
    `change === "neighbour" ? raise(neighbours) : Effect.void`
  ),
  mutant(
    "originals-not-restored",
    "A service-anchor that ends takes its own route away, and does not put back what it had displaced.",
    SERVICE,
    `    ...putBy
      .filter((original) => !present.some((route) => isSameRoute(route, original)))
`,
    "    ...[]\n      .filter((original) => !present.some((route) => isSameRoute(route, original)))\n"
  ),
  {
    name: "own-route-for-the-original",
    about: "A service-anchor that is started again takes the route of the one before for the original.",
    changes: [
      { file: SERVICE, find: "!isOurs(route) && route.protocol", replace: "route.protocol" },
      { file: SERVICE, find: "!main.some(isOurs) && originals", replace: "originals" }
    ]
  },
  mutant(
    "routes-left-at-the-end",
    "A service-anchor that ends leaves its own default route where it is.",
    SERVICE,
    '    ...present.filter(isOurs).map((route): RouteStep => ({ _tag: "Delete", route })),\n',
    ""
  ),
  mutant(
    "lost-lease-kept",
    "The address of a lease that is lost stays on the interface.",
    HOLDER,
    "const isThere = yield* put(undefined)",
    "const isThere = true"
  ),
  mutant(
    "refused-lease-kept",
    "The address of a lease that the server refuses to renew stays on the interface.",
    KEEPER,
    '        yield* lose("the server refused it")\n',
    ""
  ),
  mutant(
    "expiry-ignored",
    "A lease that has run out is asked to be renewed, and not given up.",
    KEEPER,
    "yield* expired ? lose(RUN_OUT) : renew",
    "yield* renew"
  ),
  mutant(
    "old-address-first",
    "The old address is removed before the new one is added.",
    ADDRESSES,
    `    { _tag: "SetAddress", family, link, ...kept, lifetime: lifetimeOf(lease) },
`,
    `    ...outdated(situation, kept),
    { _tag: "SetAddress", family, link, ...kept, lifetime: lifetimeOf(lease) },
`
  ),
  mutant(
    "earlier-lease-left",
    "The address of the lease before stays beside that of the new one.",
    ADDRESSES,
    "address === bootstrap?.address || address === previous?.address",
    "address === bootstrap?.address"
  ),
  mutant(
    "leased-address-not-set-again",
    "Nobody looks whether the leased address is still on the interface until 30 s are over.",
    ANCHOR,
    `change === "address" || change === "link" ? leases.lookAgain(change) : Effect.void`,
    "Effect.void"
  ),
  mutant(
    "undone-lease-not-seen",
    "The look at the interface does not notice that the leased address is gone.",
    LEASED,
    "const undone = isUndone(situation)",
    "const undone = false"
  ),
  mutant(
    "replugged-interface-not-found-again",
    "The external interface is looked for at the start, and not when its network was disconnected and connected again.",
    EXTERNAL,
    "    current = result\n    if (!changed) return",
    "    if (changed) return\n    current = result"
  ),
  mutant(
    "router-of-docker",
    "The gateway is the one that Docker knows, whatever a lease says.",
    LEASES,
    `kept.find(({ family }) => family === "v4")?.holder.held()?.lease.router`,
    "undefined"
  )
]
