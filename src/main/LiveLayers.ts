import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import { ownContainerRef } from "../domain/OwnContainer.ts"
import type { Mode } from "../domain/SettingDefinitions.ts"
import type { DockerSettings } from "../domain/Settings.ts"
import type { Tracing } from "../domain/Tracing.ts"
import * as ConntrackTool from "../layers/conntrack/ConntrackTool.ts"
import * as SystemResolver from "../layers/dns/SystemResolver.ts"
import * as IpRoute2 from "../layers/netlink/IpRoute2.ts"
import * as NftSession from "../layers/nftables/NftSession.ts"
import { ownTraces } from "../layers/process/OwnTraces.ts"
import { version } from "./Build.ts"

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

const dockerPermissions = (docker: DockerSettings) =>
  Layer.unwrap(
    Effect.map(
      Effect.promise(() => import("../layers/docker/DockerodePermissions.ts")),
      ({ layer }) => layer(addressOf(docker))
    )
  )

const localSystem = Layer.unwrap(
  Effect.map(
    Effect.promise(() => import("../layers/process/LocalSystem.ts")),
    ({ layer }) => layer()
  )
)

/** What the doctor examines by. */
export const doctorLayers = (docker: DockerSettings) =>
  Layer.mergeAll(dockerLayers(docker), dockerPermissions(docker), IpRoute2.layer(), SystemResolver.layer(), localSystem)

export const networkAnchorLayers = (docker: DockerSettings) =>
  Layer.mergeAll(dockerLayers(docker), NftSession.layer(), ConntrackTool.layer(), IpRoute2.layer())

export const dhcpClientLayer = Layer.unwrap(
  Effect.map(
    Effect.promise(() => import("../layers/dhcp/Udhcpc.ts")),
    ({ layer }) => layer()
  )
)

export const serviceAnchorLayers = Layer.mergeAll(IpRoute2.layer(), SystemResolver.layer())

/** Spans go nowhere, and cost next to nothing, unless they are exported; only then is anything of OpenTelemetry loaded. */
export const tracingLayer = (tracing: Tracing, mode: Mode): Layer.Layer<never> =>
  tracing._tag === "Off"
    ? Layer.succeed(References.TracerEnabled)(false)
    : Layer.unwrap(
        Effect.gen(function* () {
          const { layer } = yield* Effect.promise(() => import("../layers/observability/Tracing.ts"))
          const { ref, source } = ownContainerRef(yield* ownTraces)
          const attributes = { "anchord.mode": mode, ...(source === "hostname" ? {} : { "container.id": ref }) }
          return layer({ protocol: tracing.protocol, version, attributes })
        })
      )
