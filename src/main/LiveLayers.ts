import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { DockerSettings } from "../domain/Settings.ts"
import * as ConntrackTool from "../layers/conntrack/ConntrackTool.ts"
import * as SystemResolver from "../layers/dns/SystemResolver.ts"
import * as IpRoute2 from "../layers/netlink/IpRoute2.ts"
import * as NftSession from "../layers/nftables/NftSession.ts"

const addressOf = ({ host, tlsVerify, certPath }: DockerSettings) => ({
  host,
  tlsVerify,
  ...(certPath === undefined ? {} : { certPath })
})

/** Loaded only where it is used: a service-anchor never speaks to Docker, and there are many of them. */
const dockerEngine = (docker: DockerSettings) =>
  Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("../layers/docker/DockerodeEngine.ts")),
      ({ layer }) => layer(addressOf(docker))
    )
  )

const containerLifecycle = (docker: DockerSettings) =>
  Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("../layers/docker/DockerodeLifecycle.ts")),
      ({ layer }) => layer(addressOf(docker))
    )
  )

/** Docker and nothing else. */
export const dockerLayers = (docker: DockerSettings) => Layer.mergeAll(dockerEngine(docker), containerLifecycle(docker))

/** What a plan is made of: nothing that changes anything. */
export const planLayers = (docker: DockerSettings) => Layer.mergeAll(dockerLayers(docker), IpRoute2.layer())

export const networkAnchorLayers = (docker: DockerSettings) =>
  Layer.mergeAll(dockerLayers(docker), NftSession.layer(), ConntrackTool.layer(), IpRoute2.layer())

export const dhcpClientLayer = Layer.unwrap(
  Effect.map(
    Effect.promise(() => import("../layers/dhcp/Udhcpc.ts")),
    ({ layer }) => layer()
  )
)

export const serviceAnchorLayers = Layer.mergeAll(IpRoute2.layer(), SystemResolver.layer())
