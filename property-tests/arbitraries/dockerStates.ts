import * as fc from "fast-check"
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

const exposeLabels: fc.Arbitrary<string> = fc.oneof(
  { arbitrary: goodLabels, weight: 8 },
  { arbitrary: badLabels, weight: 1 },
  { arbitrary: fc.constantFrom("", "  "), weight: 1 }
)

const without = (labels: Readonly<Record<string, string>>, left: string): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(labels).filter(([key]) => key !== left))

/** Mostly those of a backend of the project; now and then one is missing, or says something else. */
const labels: fc.Arbitrary<Readonly<Record<string, string>>> = fc
  .record({
    "anchord.expose": exposeLabels,
    "anchord.expose.v6": fc.constantFrom("auto", "auto", "", "off", "off", "sometimes"),
    "com.docker.compose.project": fc.constantFrom(...Array<string>(7).fill("mail"), "shop")
  })
  .chain((all) =>
    fc.constantFrom<Readonly<Record<string, string>>>(
      ...[all, all, all, all],
      ...["anchord.expose.v6", "anchord.expose.v6", "anchord.expose", "com.docker.compose.project"].map((left) =>
        without(all, left)
      )
    )
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
      labels,
      networkMode: networkModes
    })
    .map(({ createdAt, status, labels: own, networkMode }) => ({
      id,
      name: nameOf(id),
      createdAt,
      status,
      networkMode,
      networks: networkMode.includes(":") ? [] : [networkMode],
      labels: own
    }))

const memberOf = (id: string): fc.Arbitrary<NetworkMember> => {
  const host = id.codePointAt(0) ?? 0
  const member = { containerId: id }
  const [v4, v6] = [backendAddress("v4", host), backendAddress("v6", host)]
  const both = { ...member, v4, v6 }
  return fc.constantFrom<NetworkMember>(both, both, both, { ...member, v4 }, { ...member, v6 }, member)
}

export const networkOf = (name: string): fc.Arbitrary<NetworkSnapshot> =>
  fc
    .subarray([...containerIds, selfId])
    .chain((ids) => fc.tuple(...ids.map(memberOf)))
    .map((members) => ({
      id: networkIdOf(name),
      name,
      gateway: {},
      members: new Map(members.map((member) => [member.containerId, member]))
    }))

export const attachmentTo = (name: string): OwnAttachment => ({ networkId: networkIdOf(name), networkName: name })

/** What Docker may say at one moment: containers with labels, references that may lead nowhere or in circles, networks. */
export const dockerStates: fc.Arbitrary<DockerState> = fc
  .tuple(
    fc.subarray(containerIds),
    fc.oneof(
      { arbitrary: fc.subarray(networkNames, { minLength: 2 }), weight: 4 },
      { arbitrary: fc.subarray(networkNames), weight: 1 }
    )
  )
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
