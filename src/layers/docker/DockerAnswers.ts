import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type Address, type AddressPair, parseAddress } from "../../domain/Address.ts"
import {
  containerStatus,
  type ContainerSnapshot,
  type ContainerStatus,
  type NetworkMember,
  type NetworkSnapshot,
  type OwnAttachment
} from "../../domain/DockerState.ts"
import { networkOf, type Network } from "../../domain/Network.ts"
import type { NetworkConfiguration } from "../../domain/ProjectToWrap.ts"
import type { DockerError, OwnContainer } from "../../services/DockerEngine.ts"
import { notUnderstood } from "./DockerFailure.ts"
import { nameOf as nameOfQuestion, type Question } from "./DockerodeConnection.ts"

/** Absent, null and empty are one: which of them an engine writes has changed with its versions. */
const Text = Schema.optionalKey(Schema.NullOr(Schema.String))
const maybe = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const Endpoint = Schema.Struct({
  NetworkID: Text,
  IPAddress: Text,
  GlobalIPv6Address: Text,
  MacAddress: Text
})

const Attachments = maybe(Schema.Struct({ Networks: maybe(Schema.Record(Schema.String, Schema.NullOr(Endpoint))) }))

const Listed = Schema.Struct({
  Id: Schema.String,
  Names: maybe(Schema.Array(Schema.String)),
  Created: Schema.Number,
  State: Schema.String,
  Labels: maybe(Schema.Record(Schema.String, Schema.String)),
  HostConfig: maybe(Schema.Struct({ NetworkMode: Text })),
  NetworkSettings: Attachments
})

export const ContainerList = Schema.Array(Listed)

export const InspectedContainer = Schema.Struct({
  Id: Schema.String,
  Name: Schema.String,
  Image: Schema.String,
  NetworkSettings: Attachments
})

const Member = Schema.Struct({ MacAddress: Text, IPv4Address: Text, IPv6Address: Text })

const Pool = Schema.Struct({
  Subnet: Text,
  Gateway: Text,
  AuxiliaryAddresses: maybe(Schema.Record(Schema.String, Schema.String))
})

export const InspectedNetwork = Schema.Struct({
  Id: Schema.String,
  Name: Schema.String,
  Driver: Text,
  Internal: maybe(Schema.Boolean),
  IPAM: maybe(Schema.Struct({ Config: maybe(Schema.Array(Pool)) })),
  Containers: maybe(Schema.Record(Schema.String, Member))
})

type Texts = ReadonlyArray<string | null | undefined>

/** The first address of each family, without prefix length; what is no address counts as none. */
const pairOf = (texts: Texts): AddressPair => {
  const pair: { v4?: string; v6?: string } = {}
  for (const text of texts) {
    const parsed = parseAddress((text ?? "").split("/")[0] ?? "")
    if (parsed !== undefined) pair[parsed.family] ??= parsed.address
  }
  return pair
}

const macOf = (text: string | null | undefined): { readonly mac?: string } => (text ? { mac: text.toLowerCase() } : {})

/** A name with a second slash is what a legacy link calls the container. */
const nameOf = (names: ReadonlyArray<string>): string => {
  const plain = names.map((name) => name.replace(/^\//, ""))
  return plain.find((name) => !name.includes("/")) ?? plain[0] ?? ""
}

const statusOf = (state: string): ContainerStatus => containerStatus(state) ?? "exited"

/** What `GET /containers/json` says of one container. Docker's old name for the default bridge, `default`, becomes `bridge`. */
export const toContainer = (listed: typeof Listed.Type): ContainerSnapshot => {
  const mode = listed.HostConfig?.NetworkMode || "bridge"
  return {
    id: listed.Id,
    name: nameOf(listed.Names ?? []),
    createdAt: listed.Created,
    status: statusOf(listed.State),
    labels: listed.Labels ?? {},
    networkMode: mode === "default" ? "bridge" : mode,
    networks: Object.keys(listed.NetworkSettings?.Networks ?? {})
  }
}

/** What `GET /networks/{id}` says. Gateways and members come with a prefix length or without, by version and driver. */
export const toNetwork = (network: typeof InspectedNetwork.Type): NetworkSnapshot => ({
  id: network.Id,
  name: network.Name,
  gateway: pairOf((network.IPAM?.Config ?? []).map(({ Gateway }) => Gateway)),
  members: new Map(
    Object.entries(network.Containers ?? {}).map(([containerId, member]): [string, NetworkMember] => [
      containerId,
      {
        containerId,
        ...macOf(member.MacAddress),
        ...pairOf([member.IPv4Address, member.IPv6Address])
      }
    ])
  )
})

/** An address without its prefix length, in a list of at most one. */
const bare = (text: string | null | undefined): ReadonlyArray<Address> => {
  const parsed = parseAddress((text ?? "").split("/")[0] ?? "")
  return parsed === undefined ? [] : [parsed.address]
}

const subnetOf = (text: string | null | undefined): ReadonlyArray<Network> => {
  const [address = "", length = ""] = (text ?? "").split("/")
  const network = networkOf({ address, prefixLength: Number(length) })
  return network === undefined || length === "" ? [] : [network]
}

/** How the same network is set up. */
export const toNetworkConfiguration = (network: typeof InspectedNetwork.Type): NetworkConfiguration => {
  const pools = network.IPAM?.Config ?? []
  const members = Object.values(network.Containers ?? {})
  const reserved = pools.flatMap(({ AuxiliaryAddresses }) => Object.values(AuxiliaryAddresses ?? {}))
  return {
    name: network.Name,
    driver: network.Driver ?? "",
    internal: network.Internal ?? false,
    subnets: pools.flatMap(({ Subnet }) => subnetOf(Subnet)),
    taken: [
      ...pools.map(({ Gateway }) => Gateway),
      ...reserved,
      ...members.flatMap(({ IPv4Address, IPv6Address }) => [IPv4Address, IPv6Address])
    ].flatMap(bare)
  }
}

/** What `GET /containers/{id}/json` says. A network without an ID is configured, but not attached. */
export const toOwnContainer = (container: typeof InspectedContainer.Type): OwnContainer => ({
  id: container.Id,
  name: nameOf([container.Name]),
  imageId: container.Image,
  attachments: Object.entries(container.NetworkSettings?.Networks ?? {}).flatMap(
    ([networkName, endpoint]): ReadonlyArray<OwnAttachment> =>
      endpoint?.NetworkID
        ? [
            {
              networkId: endpoint.NetworkID,
              networkName,
              ...macOf(endpoint.MacAddress),
              ...pairOf([endpoint.IPAddress, endpoint.GlobalIPv6Address])
            }
          ]
        : []
  )
})

/** An answer that must be JSON of that shape. */
export const decodeBody = <S extends Schema.ConstraintDecoder<unknown>>(
  question: Question,
  schema: S,
  body: string
): Effect.Effect<S["Type"], DockerError> => {
  const name = nameOfQuestion(question)
  return Effect.try({
    try: (): unknown => JSON.parse(body),
    catch: () => notUnderstood(name, `not JSON: ${body.slice(0, 200)}`)
  }).pipe(
    Effect.flatMap((answer) =>
      Effect.mapError(Schema.decodeUnknownEffect(schema)(answer), (error) => notUnderstood(name, error.message))
    )
  )
}
