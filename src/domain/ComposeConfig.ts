import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { parseAddress, type Address, type AddressPair } from "./Address.ts"
import { networkOf, type Network } from "./Network.ts"
import type { ConfiguredNetwork, ContainerToWrap, NetworkConfiguration, ProjectToWrap } from "./ProjectToWrap.ts"
import { outsideOf, type PublishedPort } from "./PublishedPort.ts"

const maybe = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))
const text = maybe(Schema.String)
const textOrNumber = maybe(Schema.Union([Schema.String, Schema.Number]))

const Port = Schema.Struct({
  target: Schema.Number,
  published: textOrNumber,
  protocol: text,
  host_ip: text
})

/** Nobody runs more of one service on one host; a larger number is a slip. */
const Replicas = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1000 }))

const Service = Schema.Struct({
  container_name: text,
  network_mode: text,
  networks: maybe(
    Schema.Record(Schema.String, Schema.NullOr(Schema.Struct({ ipv4_address: text, ipv6_address: text })))
  ),
  ports: maybe(Schema.Array(Port)),
  labels: maybe(Schema.Record(Schema.String, Schema.NullOr(Schema.String))),
  scale: maybe(Replicas),
  deploy: maybe(Schema.Struct({ replicas: maybe(Replicas) }))
})

const Pool = Schema.Struct({
  subnet: text,
  gateway: text,
  aux_addresses: maybe(Schema.Record(Schema.String, Schema.String))
})

const NetworkSection = Schema.Struct({
  name: Schema.String,
  driver: text,
  internal: maybe(Schema.Boolean),
  external: maybe(Schema.Boolean),
  ipam: maybe(Schema.Struct({ config: maybe(Schema.Array(Pool)) }))
})

const Config = Schema.Struct({
  name: Schema.String,
  services: maybe(Schema.Record(Schema.String, Service)),
  networks: maybe(Schema.Record(Schema.String, NetworkSection))
})
type Config = typeof Config.Type
type Service = typeof Service.Type

const decode = Schema.decodeUnknownResult(Config)

const namespaceOf = (mode: string | null | undefined): ContainerToWrap["namespace"] => {
  if (mode === "host" || mode === "none") return mode
  return /^(service|container):/.test(mode ?? "") ? "shared" : "own"
}

const addressIn = (given: string | null | undefined): ReadonlyArray<Address> => {
  const parsed = parseAddress(given ?? "")
  return parsed === undefined ? [] : [parsed.address]
}

const pair = (v4: ReadonlyArray<Address>, v6: ReadonlyArray<Address>): AddressPair => ({
  ...(v4[0] === undefined ? {} : { v4: v4[0] }),
  ...(v6[0] === undefined ? {} : { v6: v6[0] })
})

const networksOf = ({ network_mode, networks }: Service, config: Config): ReadonlyArray<ConfiguredNetwork> =>
  network_mode
    ? [{ name: network_mode, pinned: {} }]
    : Object.entries(networks ?? {}).map(([key, wanted]) => ({
        name: config.networks?.[key]?.name ?? key,
        pinned: pair(addressIn(wanted?.ipv4_address), addressIn(wanted?.ipv6_address))
      }))

const portOf = ({ target, published, protocol, host_ip }: typeof Port.Type): PublishedPort => ({
  protocol: protocol || "tcp",
  inside: target,
  outside: outsideOf(`${published ?? ""}`),
  hostAddress: host_ip ?? ""
})

const containersOf = (service: string, spec: Service, config: Config): ReadonlyArray<ContainerToWrap> => {
  const namespace = namespaceOf(spec.network_mode)
  const container = {
    service,
    runs: true,
    namespace,
    networks: namespace === "own" ? networksOf(spec, config) : [],
    ports: (spec.ports ?? []).map(portOf),
    exposed: (spec.labels?.["anchord.expose"] ?? "").trim() !== ""
  }
  const count = spec.scale ?? spec.deploy?.replicas ?? 1
  return Array.from({ length: count }, (_, index) =>
    Object.assign({ name: spec.container_name || `${config.name}-${service}-${index + 1}` }, container)
  )
}

const subnetOf = (subnet: string | null | undefined): ReadonlyArray<Network> => {
  const [address = "", length] = (subnet ?? "").split("/")
  const network = networkOf({ address, prefixLength: Number(length) })
  return network === undefined ? [] : [network]
}

/** Of an external network the file tells only the name. */
const networkIn = (section: typeof NetworkSection.Type): ReadonlyArray<NetworkConfiguration> => {
  if (section.external === true) return []
  const pools = section.ipam?.config ?? []
  const reserved = pools.flatMap(({ aux_addresses }) => Object.values(aux_addresses ?? {}))
  return [
    {
      name: section.name,
      driver: section.driver || "bridge",
      internal: section.internal ?? false,
      subnets: pools.flatMap(({ subnet }) => subnetOf(subnet)),
      taken: [...pools.map(({ gateway }) => gateway), ...reserved].flatMap(addressIn)
    }
  ]
}

/** Docker adds a number to the name of a container only where Compose names it. */
const namedTwice = ({ services }: Config): string | undefined =>
  Object.entries(services ?? {}).find(
    ([, { container_name, scale, deploy }]) => container_name && (scale ?? deploy?.replicas ?? 1) > 1
  )?.[0]

const INSTEAD = "docker compose config | anchord wrap --file -"

/** Reads what `docker compose config` prints, parsed. A compose file as people write it is refused: its short forms are not read. */
export const projectInConfig = (parsed: unknown): Result.Result<ProjectToWrap, string> => {
  const config = decode(parsed)
  if (Result.isFailure(config))
    return Result.fail(
      `it is not what "docker compose config" prints: ${config.failure.message.split("\n").join(" ")}; give what that makes of it: ${INSTEAD}`
    )
  const { name, services, networks } = config.success
  const twice = namedTwice(config.success)
  if (twice !== undefined) return Result.fail(`the service ${twice} has a container_name and more than one replica`)
  return Result.succeed({
    project: name,
    containers: Object.entries(services ?? {}).flatMap(([service, spec]) =>
      containersOf(service, spec, config.success)
    ),
    networks: new Map(
      Object.values(networks ?? {})
        .flatMap(networkIn)
        .map((network) => [network.name, network])
    )
  })
}
