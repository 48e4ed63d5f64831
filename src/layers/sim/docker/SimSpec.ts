import type { AddressPair } from "../../../domain/Address.ts"
import type { Json } from "../../../domain/Inspection.ts"

export interface SimNetworkSpec {
  readonly name: string
  /** `bridge` when left out. */
  readonly driver?: string
  /** `172.20.0.0/16`, or `pool` for the next of Docker's default pools; a network without a subnet gives no addresses of that family. */
  readonly v4?: string
  /** `fd00:20::/64`. */
  readonly v6?: string
  /** Left out, the first address of the subnet is the gateway, but is not reported as such. */
  readonly gateway?: AddressPair
  readonly internal?: boolean
  /** `com.docker.network.bridge.enable_ip_masquerade`; true when left out. */
  readonly masquerade?: boolean
}

export interface SimContainerSpec {
  readonly name: string
  readonly image?: string
  readonly labels?: Readonly<Record<string, string>>
  /** `run` when left out. */
  readonly command?: ReadonlyArray<string>
  /** `KEY=value`, beside those of its image. */
  readonly env?: ReadonlyArray<string>
  /** `network_mode`: `bridge` (default), `host`, `none`, a network, or `container:<ref>`. */
  readonly network?: string
  /** More networks, by name or ID. */
  readonly also?: ReadonlyArray<string>
  /** `no` when left out. */
  readonly restart?: "no" | "on-failure" | "always" | "unless-stopped"
  readonly sysctls?: Readonly<Record<string, string>>
  /** Fixed addresses, by network name. */
  readonly addresses?: Readonly<Record<string, AddressPair>>
}

/** What `docker create` makes of a specification. */
export const requestOf = (spec: SimContainerSpec): Json => ({
  Image: spec.image ?? "0".repeat(64),
  Cmd: spec.command ?? ["run"],
  Labels: spec.labels ?? {},
  Env: spec.env ?? [],
  HostConfig: {
    NetworkMode: spec.network ?? "bridge",
    ...(spec.restart === undefined ? {} : { RestartPolicy: { Name: spec.restart } }),
    ...(spec.sysctls === undefined ? {} : { Sysctls: spec.sysctls })
  }
})

export const endpointFor = ({ v4, v6 }: AddressPair = {}): Json => ({
  IPAMConfig: {
    ...(v4 === undefined ? {} : { IPv4Address: v4 }),
    ...(v6 === undefined ? {} : { IPv6Address: v6 })
  }
})
