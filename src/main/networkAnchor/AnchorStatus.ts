import { families } from "../../domain/Address.ts"
import { describeSource, type Gateway } from "../../domain/DefaultRoute.ts"
import type { DockerState } from "../../domain/DockerState.ts"
import { explain } from "../../domain/Explanation.ts"
import type { FoundExternal } from "../../domain/ExternalInterface.ts"
import type { NetworkAnchorSettings } from "../../domain/Settings.ts"
import type { SharedNetwork } from "../../domain/SharedNetwork.ts"
import type { NetworkAnchorStatus, StatusDocker, StatusGateway, StatusLease } from "../../domain/Status.ts"

/** What is kept of the last reconcile for whoever asks. */
export interface LastReconcile {
  /** Unix milliseconds. */
  readonly at: number
  readonly error: string | undefined
  /** Elements in the DNAT maps, as far as anchord knows. */
  readonly entries: number
}

export interface AnchorStatusInput {
  readonly settings: NetworkAnchorSettings
  readonly docker: StatusDocker
  readonly state: DockerState
  readonly external: FoundExternal
  readonly leases: ReadonlyArray<StatusLease>
  readonly gateways: ReadonlyArray<Gateway>
  readonly shared: SharedNetwork | undefined
  readonly last: LastReconcile | undefined
}

const gatewaysOf = ({ gateways, settings }: AnchorStatusInput): ReadonlyArray<StatusGateway> =>
  families.map((family) => {
    const gateway = gateways.find((one) => one.family === family)
    if (gateway !== undefined) return { family, address: gateway.address, why: describeSource[gateway.source] }
    const advertised = family === "v6" && settings.addressMode === "slaac-ra-only"
    return { family, why: advertised ? "router advertisements choose it" : "nobody knows one" }
  })

/** What a network-anchor tells of itself, from what it holds in memory: nobody is asked, and nothing is changed. */
export const networkAnchorStatus = (input: AnchorStatusInput): NetworkAnchorStatus => {
  const { settings, docker, state, external, leases, shared, last } = input
  const network = state.own.find(({ networkId }) => networkId === external.networkId)?.networkName
  return {
    docker,
    external: {
      interface: external.link,
      ...(network === undefined ? {} : { network }),
      ...external.addresses
    },
    leases,
    gateways: gatewaysOf(input),
    ...(shared === undefined ? {} : { shared: { network: shared.name, settled: shared.settled, why: shared.reason } }),
    containers: shared === undefined ? [] : explain(state, settings.scope, shared.networkId),
    entries: last?.entries ?? 0,
    ...(last === undefined
      ? {}
      : {
          lastReconcile: {
            time: new Date(last.at).toISOString(),
            ok: last.error === undefined,
            ...(last.error === undefined ? {} : { error: last.error })
          }
        })
  }
}
