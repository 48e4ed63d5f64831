import type { AddressPair } from "./Address.ts"
import { nameOf, runs, type Inspection } from "./Inspection.ts"
import type { ConfiguredNetwork, ContainerToWrap } from "./ProjectToWrap.ts"
import { publishedPorts } from "./PublishedPort.ts"

const namespaceOf = (mode: string): ContainerToWrap["namespace"] => {
  if (mode.startsWith("container:")) return "shared"
  return mode === "host" || mode === "none" ? mode : "own"
}

const pair = (v4: string | null | undefined, v6: string | null | undefined): AddressPair => ({
  ...(v4 ? { v4 } : {}),
  ...(v6 ? { v6 } : {})
})

const networksOf = ({ NetworkSettings }: Inspection): ReadonlyArray<ConfiguredNetwork> =>
  Object.entries(NetworkSettings.Networks ?? {}).map(([name, endpoint]) => ({
    name,
    pinned: pair(endpoint?.IPAMConfig?.IPv4Address, endpoint?.IPAMConfig?.IPv6Address)
  }))

/** What is to know of a container before it is wrapped, from its inspection. */
export const containerToWrap = (inspection: Inspection): ContainerToWrap => {
  const { Config, HostConfig } = inspection
  const namespace = namespaceOf(HostConfig.NetworkMode ?? "")
  return {
    name: nameOf(inspection),
    service: Config.Labels?.["com.docker.compose.service"],
    runs: runs(inspection),
    namespace,
    networks: namespace === "own" ? networksOf(inspection) : [],
    ports: publishedPorts(
      HostConfig.PortBindings ?? {},
      Config.ExposedPorts ?? {},
      HostConfig.PublishAllPorts === true
    ),
    exposed: (Config.Labels?.["anchord.expose"] ?? "").trim() !== ""
  }
}
