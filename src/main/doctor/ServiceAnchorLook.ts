import * as Effect from "effect/Effect"
import { families, type AddressPair, type Family } from "../../domain/Address.ts"
import {
  defaultRouteFindings,
  linkOf,
  nameFindings,
  serviceGatewayFindings,
  type GatewayToAsk,
  type NameAnswers
} from "../../domain/GatewayFindings.ts"
import type { ServiceAnchorSettings } from "../../domain/Settings.ts"
import type { Status } from "../../domain/Status.ts"
import { NameResolver } from "../../services/NameResolver.ts"
import { Netlink } from "../../services/Netlink.ts"
import { askGateways } from "./GatewayLook.ts"

const lookUp = Effect.fnUntraced(function* (hostname: string) {
  const { resolve } = yield* NameResolver
  const ask = (family: Family) =>
    resolve(hostname, family).pipe(
      Effect.map((address): NameAnswers[Family] => ({ address })),
      Effect.catch(({ reason, message }) => Effect.succeed<NameAnswers[Family]>({ reason, message }))
    )
  return yield* Effect.all({ v4: ask("v4"), v6: ask("v6") }, { concurrency: 2 })
})

const foundIn = (answers: NameAnswers): AddressPair =>
  Object.fromEntries(
    families.flatMap((family) => {
      const answer = answers[family]
      return "address" in answer ? [[family, answer.address]] : []
    })
  )

/** What a service-anchor needs: the network-anchor's name, an answer from there, and the route that leads there (SPEC §10, §13). */
export const lookAtServiceAnchor = Effect.fnUntraced(function* (
  settings: ServiceAnchorSettings,
  status: Status | undefined
) {
  const netlink = yield* Netlink
  const answers = settings.gateway === undefined ? yield* lookUp(settings.gatewayHostname) : undefined
  const gateways = settings.gateway ?? (answers === undefined ? {} : foundIn(answers))
  const addresses = yield* Effect.orElseSucceed(netlink.addresses, () => [])
  const routes = (yield* Effect.forEach(families, (family) =>
    Effect.orElseSucceed(netlink.defaultRoutes(family), () => [])
  )).flat()
  const why = settings.gateway === undefined ? `the name ${settings.gatewayHostname}` : "ANCHORD_GATEWAY_IP names it"
  const asked = yield* askGateways(
    families.flatMap((family): ReadonlyArray<GatewayToAsk> => {
      const address = gateways[family]
      return address === undefined ? [] : [{ family, address, link: linkOf(address, routes, addresses), why }]
    })
  )
  return [
    ...nameFindings(settings, answers),
    ...serviceGatewayFindings(settings, asked),
    ...(status === undefined ? [] : defaultRouteFindings(gateways, routes))
  ]
})
