import fc from "fast-check"
import type {
  ContainerSnapshot,
  DockerState,
  NetworkMember,
  NetworkSnapshot,
  OwnAttachment,
  Scope
} from "../../src/domain/DockerState.ts"
import { printMapping } from "../../src/domain/ExposeLabel.ts"
import { backendAddress } from "./addresses.ts"
import { mappings } from "./mappings.ts"

export const scope: Scope = { _tag: "Project", project: "mail" }

export const selfId = "0".repeat(64)

export const containerIds = ["a", "b", "c", "d", "e"].map((letter) => letter.repeat(64))

export const nameOf = (id: string): string => (id === selfId ? "anchord" : `c-${id.slice(0, 1)}`)

export const externalNetworkId = "net-dmz"

export const networkNames = ["dmz", "back", "front", "mail_Transit"]

export const networkIdOf = (name: string): string => `net-${name}`

export const goodLabels = mappings.map((all) => all.map(printMapping).join(","))

export const badLabels = fc.constantFrom("tcp/0", "tcp/25,sctp/1", "636:", "tcp/9-8", "tcp/25,tcp/25:26", "udp/70000")

const exposeLabels: fc.Arbitrary<string | undefined> = fc.oneof(
  { arbitrary: goodLabels, weight: 6 },
  { arbitrary: badLabels, weight: 1 },
  { arbitrary: fc.constantFrom("", "  ", undefined), weight: 1 }
)

const references = fc
  .tuple(fc.constantFrom(...containerIds, selfId, "f".repeat(64)), fc.constantFrom("id", "short", "name", "/name"))
  .map(([id, how]) => ({ id: id, short: id.slice(0, 12), name: nameOf(id), "/name": `/${nameOf(id)}` })[how] ?? id)

const networkModes = fc.oneof(
  { arbitrary: fc.constantFrom("mail_Transit", "bridge", "host"), weight: 2 },
  { arbitrary: references.map((ref) => `container:${ref}`), weight: 1 }
)

export const containerOf = (id: string): fc.Arbitrary<ContainerSnapshot> =>
  fc
    .record({
      createdAt: fc.integer({ min: 1, max: 4 }),
      status: fc.constantFrom(
        ...(["running", "running", "running", "created", "paused", "exited", "restarting", "removing", "dead"] as const)
      ),
      expose: exposeLabels,
      v6: fc.constantFrom(undefined, undefined, "auto", "off", "sometimes"),
      project: fc.constantFrom("mail", "mail", "mail", "shop", undefined),
      networkMode: networkModes
    })
    .map(({ createdAt, status, expose, v6, project, networkMode }) => ({
      id,
      name: nameOf(id),
      createdAt,
      status,
      networkMode,
      networks: networkMode.includes(":") ? [] : [networkMode],
      labels: {
        ...(expose === undefined ? {} : { "anchord.expose": expose }),
        ...(v6 === undefined ? {} : { "anchord.expose.v6": v6 }),
        ...(project === undefined ? {} : { "com.docker.compose.project": project })
      }
    }))

const memberOf = (id: string): fc.Arbitrary<NetworkMember> =>
  fc.constantFrom("both", "both", "v4", "v6", "none").map((which) => {
    const host = id.codePointAt(0) ?? 0
    return {
      containerId: id,
      containerName: nameOf(id),
      ...(which === "both" || which === "v4" ? { v4: backendAddress("v4", host) } : {}),
      ...(which === "both" || which === "v6" ? { v6: backendAddress("v6", host) } : {})
    }
  })

export const networkOf = (name: string): fc.Arbitrary<NetworkSnapshot> =>
  fc
    .subarray([...containerIds, selfId])
    .chain((ids) => fc.tuple(...ids.map(memberOf)))
    .map((members) => ({
      id: networkIdOf(name),
      name,
      driver: name === "dmz" ? "macvlan" : "bridge",
      gateway: {},
      members: new Map(members.map((member) => [member.containerId, member]))
    }))

const attachmentTo = (name: string): OwnAttachment => ({ networkId: networkIdOf(name), networkName: name })

/** What Docker may say at one moment: containers with labels, references that may lead nowhere or in circles, networks. */
export const dockerStates: fc.Arbitrary<DockerState> = fc
  .tuple(fc.subarray(containerIds), fc.subarray(networkNames))
  .chain(([ids, names]) =>
    fc.record({
      containers: fc.tuple(...[selfId, ...ids].map(containerOf)),
      networks: fc.tuple(...names.map(networkOf))
    })
  )
  .map(({ containers, networks }) => ({
    selfId,
    own: networks.map(({ name }) => attachmentTo(name)),
    containers: new Map(containers.map((container) => [container.id, container])),
    networks: new Map(networks.map((network) => [network.id, network]))
  }))
