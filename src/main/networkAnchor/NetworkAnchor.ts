import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { chooseGateways } from "../../domain/DefaultRoute.ts"
import type { Address, AddressPair } from "../../domain/Address.ts"
import type { DockerEvent, DockerState } from "../../domain/DockerState.ts"
import { emptyRefresh, fullRefresh, isEmptyRefresh, refreshFor } from "../../domain/EventScope.ts"
import { kernelFindings } from "../../domain/KernelSettings.ts"
import { removeTables } from "../../domain/NftJson.ts"
import type { NetlinkChange } from "../../domain/Routing.ts"
import type { NetworkAnchorSettings } from "../../domain/Settings.ts"
import { withFix } from "../../domain/Sentence.ts"
import type { SharedNetwork } from "../../domain/SharedNetwork.ts"
import * as Metrics from "../../layers/observability/NetworkAnchorMetrics.ts"
import type { Readiness } from "../../layers/observability/Readiness.ts"
import type { StatusBoard } from "../../layers/observability/StatusBoard.ts"
import type { ContainerLifecycle } from "../../services/ContainerLifecycle.ts"
import type { Conntrack } from "../../services/Conntrack.ts"
import type { DockerEngine } from "../../services/DockerEngine.ts"
import { Netlink } from "../../services/Netlink.ts"
import { Nftables } from "../../services/Nftables.ts"
import { endedByDefect } from "../Defect.ts"
import { awaitDocker } from "../docker/DockerStart.ts"
import { makeDockerConnection, type DockerConnection } from "../docker/DockerConnection.ts"
import { follow } from "../docker/EventFeed.ts"
import type { FatalError } from "../FatalError.ts"
import { makeLateEnd } from "../LateEnd.ts"
import { requireNetAdmin } from "../NetAdmin.ts"
import { networkAnchorStatus, type LastReconcile } from "./AnchorStatus.ts"
import { makeDefaultRouteKeeper, type DefaultRouteKeeper } from "./DefaultRouteKeeper.ts"
import { makeDockerMirror, type DockerMirror } from "./DockerMirror.ts"
import { awaitExternal, makeExternalLink, type ExternalLink } from "./ExternalLink.ts"
import { makeLifecycleKeeper } from "./LifecycleKeeper.ts"
import { noLeases, type Leases, type MakeLeases } from "./Leases.ts"
import { prepareLinks } from "./LinkPreparation.ts"
import { makePendingWork, type PendingWork } from "./PendingWork.ts"
import { makeReconciler, type Reconciler } from "./Reconciler.ts"
import { makeSharedChoice } from "./SharedChoice.ts"
import { sentence } from "../../domain/Sentence.ts"
import { logError, logWarning } from "../../layers/observability/OperatorLog.ts"

/** What must hold before a network-anchor is ready (SPEC §12), for {@link Readiness}. */
export const conditions = {
  nftables: "the tables are not installed yet",
  reconcile: "no reconcile has succeeded yet"
} as const

const warnOfKernel = Effect.fnUntraced(function* (link: string, addressMode: NetworkAnchorSettings["addressMode"]) {
  const { sysctl } = yield* Netlink
  const [ipForward, ipv6Forwarding, acceptRa] = yield* Effect.all([
    sysctl("net.ipv4.ip_forward"),
    sysctl("net.ipv6.conf.all.forwarding"),
    sysctl(`net.ipv6.conf.${link}.accept_ra`)
  ])
  for (const { level, finding, fix } of kernelFindings({ ipForward, ipv6Forwarding, acceptRa }, link, addressMode)) {
    const message = withFix(finding, fix)
    yield* level === "ERROR" ? logError(message) : logWarning(message)
  }
})

/** Both tables go when the program is told to end; after a defect everything stays as it is (SPEC §14). */
const removeTablesAtEnd = Effect.fnUntraced(function* () {
  const nft = yield* Nftables
  yield* Effect.addFinalizer((exit) =>
    endedByDefect(exit)
      ? Effect.void
      : nft.transaction(removeTables()).pipe(
          Effect.andThen(Effect.logInfo("the tables are removed")),
          Effect.interruptible,
          Effect.timeout("2 seconds"),
          Effect.catch((error) =>
            logError(sentence`cannot remove the tables`).pipe(Effect.annotateLogs({ error: error.message }))
          )
        )
  )
})

interface Listeners {
  readonly routes: DefaultRouteKeeper
  readonly external: ExternalLink
  readonly leases: Leases
  readonly reconciler: Pick<Reconciler, "checkFlows">
}

/** Answers whether the namespace has an address that it did not have when it was asked before; where the kernel does not tell, it may. */
const makeAddressWatch = ({ addresses }: Netlink["Service"]) => {
  let before: ReadonlySet<Address> = new Set()
  return Effect.map(Effect.option(addresses), (all) => {
    if (Option.isNone(all)) return true
    const now = new Set(all.value.filter(({ scope }) => scope === "global").map(({ address }) => address))
    const hasNew = now.difference(before).size > 0
    before = now
    return hasNew
  })
}

/** Says of each change in the kernel who has to look again. */
const listenToKernel = Effect.fnUntraced(function* ({ routes, external, leases, reconciler }: Listeners) {
  const netlink = yield* Netlink
  const hasNewAddress = makeAddressWatch(netlink)
  const linksChanged = yield* Queue.sliding<void>(1)
  const keepPrepared = Queue.take(linksChanged).pipe(
    Effect.andThen(Effect.suspend(() => prepareLinks(external.current().link))),
    Effect.forever
  )
  const onChange = (change: NetlinkChange) =>
    Effect.all(
      [
        change === "neighbour" ? Effect.void : routes.lookAgain,
        change === "link" ? external.lookIfLinksChanged : Effect.void,
        change === "address" || change === "link" ? leases.lookAgain(change) : Effect.void,
        change === "address" ? Effect.when(reconciler.checkFlows, hasNewAddress) : Effect.void,
        change === "link" || change === "address" ? Queue.offer(linksChanged, undefined) : Effect.void
      ],
      { discard: true }
    )
  return yield* Effect.all([keepPrepared, Stream.runForEach(netlink.changes, onChange)], {
    concurrency: "unbounded",
    discard: true
  })
})

/** anchord's own addresses on the shared network, once nothing is expected to change that choice. */
const ownAddresses = ({ own }: DockerState, shared: SharedNetwork | undefined): AddressPair | undefined =>
  shared?.settled === true ? own.find(({ networkId }) => networkId === shared.networkId) : undefined

const lookAtSelf = (pending: PendingWork) =>
  pending.offer({ refresh: { ...emptyRefresh, self: true }, source: "event", eventTimeNano: undefined })

interface DockerWatch {
  readonly pending: PendingWork
  readonly connection: DockerConnection
  readonly onEvent: (event: DockerEvent) => Effect.Effect<void>
}

const followDocker = ({ pending, connection, onEvent }: DockerWatch) =>
  follow({
    onOpen: (source) =>
      Effect.andThen(connection.opened, pending.offer({ refresh: fullRefresh, source, eventTimeNano: undefined })),
    onEvent,
    onLost: connection.lost,
    meanwhile: "NAT state stays as it is"
  })

const poll = (pending: PendingWork, { pollInterval }: NetworkAnchorSettings) =>
  Effect.sleep(pollInterval).pipe(
    Effect.andThen(pending.offer({ refresh: fullRefresh, source: "poll", eventTimeNano: undefined })),
    Effect.forever
  )

/** What has to be there before anything else: the capability, Docker, and the external interface. */
const begin = Effect.fnUntraced(function* (settings: NetworkAnchorSettings, selfRef: string) {
  yield* Metrics.initialise
  yield* requireNetAdmin("network-anchor sets nftables rules and the default route")
  const self = yield* awaitDocker(selfRef)
  const first = yield* awaitExternal(self.id, settings.external)
  yield* prepareLinks(first.link)
  yield* warnOfKernel(first.link, settings.addressMode)
  // A re-creation may take longer to end than there is time; the tables do not wait for it.
  const late = yield* makeLateEnd
  yield* removeTablesAtEnd()
  return { self, first, late }
})

interface Routing {
  readonly settings: NetworkAnchorSettings
  readonly mirror: DockerMirror
  readonly external: ExternalLink
  readonly makeLeases: MakeLeases
}

/** Leases and default routes: a lease may bring the gateway, and a gateway that changes is a route to set. */
const makeRouting = Effect.fnUntraced(function* ({ settings, mirror, external, makeLeases }: Routing) {
  const v6ByAdvertisement = settings.addressMode === "slaac-ra-only"
  const gateways = () => {
    const ipam = mirror.state().networks.get(external.current().networkId ?? "")?.gateway ?? {}
    return chooseGateways({ lease: leases.router(), pin: settings.gateway, ipam, v6ByAdvertisement })
  }
  const routes = yield* makeDefaultRouteKeeper(() => ({
    link: external.current().link,
    gateways: gateways(),
    v6ByAdvertisement
  }))
  const leases: Leases = yield* makeLeases({ external, onChange: routes.lookAgain })
  return { gateways, routes, leases }
})

interface EventTaking {
  readonly mirror: DockerMirror
  readonly pending: PendingWork
  readonly external: ExternalLink
}

/** Turns an event into what has to be looked at again. */
const makeTakeEvent =
  ({ mirror, pending, external }: EventTaking) =>
  (event: DockerEvent, note: (event: DockerEvent) => void) => {
    note(event)
    const refresh = refreshFor(event, mirror.state())
    if (isEmptyRefresh(refresh)) return Effect.void
    const offered = pending.offer({ refresh, source: "event", eventTimeNano: event.timeNano })
    return refresh.self ? Effect.andThen(offered, external.lookAgain) : offered
  }

/** How long the DHCP clients wait for the first reconcile: they would only slow it down, and Docker's addresses are there already. */
const FIRST_RECONCILE_LIMIT = "1 second"

/** What is not the same for every network-anchor, or for every test of one. */
export interface NetworkAnchorParts {
  readonly makeLeases?: MakeLeases | undefined
  readonly tell?: StatusBoard["tell"]
}

/**
 * The network-anchor: keeps the DNAT maps what the labels of the project's containers ask for, and the default route on the external
 * network, for as long as it runs (SPEC §4 to §8). Ends by itself only when its start is impossible.
 */
export const networkAnchor = Effect.fnUntraced(function* (
  settings: NetworkAnchorSettings,
  selfRef: string,
  readiness: Readiness,
  { makeLeases = noLeases, tell = () => {} }: NetworkAnchorParts = {}
): Effect.fn.Return<
  never,
  FatalError,
  DockerEngine | ContainerLifecycle | Nftables | Conntrack | Netlink | Scope.Scope
> {
  const { self, first, late } = yield* begin(settings, selfRef)
  const pending = yield* makePendingWork
  const mirror = yield* makeDockerMirror(self)
  const external = yield* makeExternalLink(self.id, settings.external, first)
  external.tell(lookAtSelf(pending))
  const { gateways, routes, leases } = yield* makeRouting({ settings, mirror, external, makeLeases })
  const take = makeTakeEvent({ mirror, pending, external })
  const shared = makeSharedChoice(settings)
  const containers = yield* makeLifecycleKeeper({
    settings,
    self,
    containers: () => mirror.state().containers,
    own: () => ownAddresses(mirror.state(), shared.current()),
    lookAgain: (refresh) => pending.offer({ refresh, source: "event", eventTimeNano: undefined })
  })

  const connection = yield* makeDockerConnection
  let last: LastReconcile | undefined
  tell(() => ({
    networkAnchor: networkAnchorStatus({
      settings,
      docker: connection.status(),
      state: mirror.state(),
      external: external.current(),
      leases: leases.held(),
      gateways: gateways(),
      shared: shared.current(),
      last
    })
  }))

  const reconciled = yield* Deferred.make<void>()
  const reconciler = yield* makeReconciler({
    settings,
    mirror,
    external,
    shared,
    pending,
    readiness,
    onReconciled: (latest) => {
      last = latest
    },
    onLooked: containers.lookAfter,
    onOwnNetworks: Effect.andThen(Deferred.succeed(reconciled, undefined), routes.lookAgain)
  })
  yield* Effect.all(
    [
      reconciler.keep,
      followDocker({ pending, connection, onEvent: (event) => take(event, containers.note) }),
      poll(pending, settings),
      late.run(containers.keep),
      external.keep,
      Effect.andThen(Effect.timeoutOption(Deferred.await(reconciled), FIRST_RECONCILE_LIMIT), leases.keep),
      routes.keep,
      listenToKernel({ routes, external, leases, reconciler })
    ],
    { concurrency: "unbounded", discard: true }
  )
  return yield* Effect.never
})
