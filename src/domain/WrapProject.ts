import * as Result from "effect/Result"
import type { AddressPair } from "./Address.ts"
import type { ContainerToWrap, ProjectToWrap } from "./ProjectToWrap.ts"
import { canonicalPorts, type PublishedPort } from "./PublishedPort.ts"
import { anchorAddresses, isOn, sharedNetworkFor } from "./WrapNetwork.ts"
import { exposeLabel, isV4Only, sortPorts, type Remark, type SortedPorts } from "./WrapPorts.ts"

/** A container that gets a service-anchor. */
export interface Wrapped {
  readonly container: string
  /** Name of the service-anchor in the generated compose file. */
  readonly anchor: string
  /** `anchord.expose`. */
  readonly expose: string
  /** `anchord.expose.v6`. */
  readonly exposeV6: "auto" | "off"
}

/** What a service of the wrapped project no longer has to publish on the host, and what it goes on publishing. */
export interface Unpublished {
  readonly service: string
  readonly expose: string
  readonly kept: ReadonlyArray<PublishedPort>
}

/** How a project is wrapped (SPEC §13). */
export interface Wrapping {
  /** The project that is wrapped. */
  readonly upstream: string
  /** The project that wraps it. */
  readonly project: string
  /** The network of the wrapped project on which the network-anchor reaches the containers. */
  readonly network: string
  /** The name by which the network-anchor is found on it. */
  readonly gatewayName: string
  /** The addresses that the network-anchor has to have on it; a family that is left out gets one from Docker. */
  readonly gateway: AddressPair
  readonly wrapped: ReadonlyArray<Wrapped>
  readonly unpublished: ReadonlyArray<Unpublished>
  readonly remarks: ReadonlyArray<Remark>
}

/** There is nothing to wrap. */
export interface NothingToWrap {
  readonly message: string
  readonly remarks: ReadonlyArray<Remark>
}

const offNetwork = ({ container, exposed, remarks }: SortedPorts, network: string | undefined): SortedPorts => {
  const remark: Remark = {
    kind: "undecided",
    container: container.name,
    ports: exposed,
    why:
      network === undefined
        ? "it is on no bridge network of its own; Docker's default bridge and other drivers do not do"
        : `it is not on ${network}, where most of the others are, and a network-anchor reaches containers on one network`,
    whatToDo: network === undefined ? "give it one, and wrap again" : `put it on ${network} as well, and wrap again`
  }
  return { container, exposed: [], remarks: [...remarks, remark] }
}

const notesOf = ({ name, runs }: ContainerToWrap): ReadonlyArray<Remark> =>
  runs
    ? []
    : [
        {
          kind: "note",
          container: name,
          ports: [],
          why: "it does not run, and a service-anchor can only join one that does",
          whatToDo: "start it first"
        }
      ]

const internalNotes = (network: string, { networks }: ProjectToWrap): ReadonlyArray<Remark> =>
  networks.get(network)?.internal === true
    ? [
        {
          kind: "undecided",
          container: undefined,
          ports: [],
          why: `${network} is internal: where net.bridge.bridge-nf-call-iptables is 1, Docker drops what clients send into it`,
          whatToDo: "set that to 0 on the host, or put the containers on a bridge that is not internal, and wrap again"
        }
      ]
    : []

/** By services where that is unambiguous, else by containers, whose names are. */
const anchorNames = (containers: ReadonlyArray<ContainerToWrap>): ReadonlyMap<string, string> => {
  const services = containers.map(({ service, name }) => service ?? name)
  const chosen = new Set(services).size === services.length ? services : containers.map(({ name }) => name)
  return new Map(containers.map(({ name }, index) => [name, `${chosen[index]}-anchor`]))
}

const unpublishedBy = (sorted: ReadonlyArray<SortedPorts>): ReadonlyArray<Unpublished> => {
  const services = new Set(sorted.filter(({ exposed }) => exposed.length > 0).map(({ container }) => container.service))
  return [...services]
    .filter((service) => service !== undefined)
    .toSorted()
    .map((service) => {
      const own = sorted.filter(({ container }) => container.service === service)
      return {
        service,
        expose: exposeLabel(own.flatMap(({ exposed }) => exposed)),
        kept: canonicalPorts(own.flatMap(({ remarks }) => remarks.flatMap(({ ports }) => ports)))
      }
    })
}

/**
 * Decides how a project is wrapped: every container with published ports gets a service-anchor with the same ports, the network-anchor joins the
 * network that most of them are on. Every published port is in one `anchord.expose`, or in one remark. The order of containers and ports does
 * not matter.
 */
export const wrapProject = (input: ProjectToWrap): Result.Result<Wrapping, NothingToWrap> => {
  const sorted = sortPorts(input.containers)
  const wanted = sorted.filter(({ exposed }) => exposed.length > 0).map(({ container }) => container)
  const network = sharedNetworkFor(wanted, input)
  const settled = sorted.map((one) =>
    one.exposed.length === 0 || (network !== undefined && isOn(one.container, network)) ? one : offNetwork(one, network)
  )
  const remarks = settled.flatMap((one) => one.remarks)
  if (network === undefined) {
    const message = input.containers.some(({ ports }) => ports.length > 0)
      ? `none of the ports that the project ${input.project} publishes can be wrapped`
      : `the project ${input.project} publishes no port on the host: there is nothing to wrap`
    return Result.fail({ message, remarks })
  }
  const chosen = settled.filter(({ exposed }) => exposed.length > 0)
  const anchors = anchorNames(chosen.map(({ container }) => container))
  const { addresses, remarks: collisions } = anchorAddresses(network, input)
  const project = `${input.project}-wrap`
  return Result.succeed({
    upstream: input.project,
    project,
    network,
    gatewayName: `${project}-anchord`,
    gateway: addresses,
    wrapped: chosen.map(({ container: { name }, exposed }) => ({
      container: name,
      anchor: anchors.get(name) ?? name,
      expose: exposeLabel(exposed),
      exposeV6: isV4Only(exposed) ? "off" : "auto"
    })),
    unpublished: unpublishedBy(settled),
    remarks: [
      ...remarks,
      ...chosen.flatMap(({ container }) => notesOf(container)),
      ...internalNotes(network, input),
      ...collisions
    ]
  })
}
