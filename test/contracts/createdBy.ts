import type { Json } from "../../src/domain/Inspection.ts"
import { networkShapes, type NetworkName, type Operation, type Policy, type Ref } from "./dockerOperation.ts"

type Create = Extract<Operation, { readonly _tag: "create" }>

/** The label of a container that does not end by SIGTERM. */
export const STUBBORN = "ops.stubborn"

/**
 * What runs in a container: ends with status 0 by SIGTERM, unless it is stubborn, and by itself with 0 by SIGUSR2 and with 138 by SIGUSR1. A shell
 * would lose a signal that arrives before it waits.
 */
const program = (stubborn: boolean): ReadonlyArray<string> => {
  const asleep = ["sleep", "1000000"]
  const patient = ["sh", "-c", `trap '' TERM; exec ${asleep.join(" ")}`]
  return ["tini", "-e", "143", "-e", "140", "--", ...(stubborn ? patient : asleep)]
}

export const policyOf = (policy: Policy): Json => {
  const [Name, count] = policy.split(":")
  return { Name, MaximumRetryCount: Number(count ?? 0) }
}

/** What a container asks for on a network: an address that ends with this number. */
export const endpointsOf = (network: string, fixed: number | undefined): Json => {
  const shape = networkShapes[network as NetworkName] as { readonly v4?: string | undefined } | undefined
  if (fixed === undefined || shape?.v4 === undefined) return {}
  return { IPAMConfig: { IPv4Address: shape.v4.replace(/\.0\/\d+$/, `.${fixed}`) } }
}

/** `POST /containers/create` as an operation asks for it; `ref` says what is meant in the engine. */
export const createdBy = (
  { mode, fixed, policy, autoRemove, stubborn }: Create,
  image: string,
  ref: (ref: Ref) => string
): { readonly body: Json; readonly endpoints: Readonly<Record<string, Json>> } => {
  const network = typeof mode === "object" && "network" in mode ? mode.network : undefined
  const NetworkMode =
    typeof mode === "string"
      ? mode
      : network === undefined && "container" in mode
        ? `container:${ref(mode.container)}`
        : network && ref(network)
  const endpoints = network === undefined ? {} : { [ref(network)]: endpointsOf(network.name, fixed) }
  return {
    body: {
      Image: image,
      Entrypoint: program(stubborn),
      Labels: { [STUBBORN]: String(stubborn) },
      Healthcheck: { Test: ["NONE"] },
      HostConfig: { NetworkMode, RestartPolicy: policyOf(policy), AutoRemove: autoRemove }
    },
    endpoints
  }
}
