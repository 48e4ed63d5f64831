import { families, type AddressPair } from "./Address.ts"
import { fill, type Annotation, type CommentedData } from "./CommentedData.ts"
import { printPublished } from "./PublishedPort.ts"
import { socketProxyConfig } from "./SocketProxyConfig.ts"
import type { Remark } from "./WrapPorts.ts"
import type { Unpublished, Wrapped, Wrapping } from "./WrapProject.ts"

/** What the generated file says of the LAN. */
export interface WrapOptions {
  /** Docker's name of the external network. */
  readonly externalNetwork: string
  /** The addresses that the project is to have on it; a family that is left out gets one from Docker. */
  readonly addresses: AddressPair
}

const WIDTH = 108

/** `cloud-web-1 80, 8100-8105:81: why; what to do`. */
export const remarkText = ({ container, ports, why, whatToDo }: Remark): string => {
  const which = [container ?? "", ports.map(printPublished).join(", ")].filter((part) => part !== "").join(" ")
  return `${which === "" ? "" : `${which}: `}${why}; ${whatToDo}`
}

const listed = (title: string, remarks: ReadonlyArray<Remark>): ReadonlyArray<string> => {
  if (remarks.length === 0) return []
  const items = remarks.map((remark) => fill(remarkText(remark), WIDTH - 2))
  return ["", title, ...items.flatMap((lines) => lines.map((line, index) => `${index === 0 ? "-" : " "} ${line}`))]
}

const remarkLines = (remarks: ReadonlyArray<Remark>): ReadonlyArray<string> => [
  ...listed(
    "NOT DECIDED, and not in here:",
    remarks.filter(({ kind }) => kind === "undecided")
  ),
  ...listed(
    "Mind:",
    remarks.filter(({ kind }) => kind === "note")
  )
]

/** Compose replaces what begins with a dollar sign by a variable. */
const literal = (text: string): string => text.replaceAll("$", "$$$$")

const fixed = ({ v4, v6 }: AddressPair) => ({
  ...(v4 === undefined ? {} : { ipv4_address: v4 }),
  ...(v6 === undefined ? {} : { ipv6_address: v6 })
})

const anchorBase = {
  image: "${ANCHORD_IMAGE:-anchord:latest}",
  restart: "unless-stopped",
  cap_drop: ["ALL"],
  cap_add: ["NET_ADMIN"],
  security_opt: ["no-new-privileges:true"],
  read_only: true,
  tmpfs: ["/run"]
}

const networkAnchor = ({ project, network, gateway, gatewayName }: Wrapping, options: WrapOptions) => ({
  "<<": anchorBase,
  depends_on: ["docker-proxy"],
  environment: {
    ANCHORD_PROJECT: `\${COMPOSE_PROJECT_NAME:-${project}}`,
    ANCHORD_EXT_NETWORK: options.externalNetwork,
    ANCHORD_SHARED_NETWORK: network,
    DOCKER_HOST: "tcp://docker-proxy:2375"
  },
  networks: {
    dmz: fixed(options.addresses),
    upstream: { aliases: [gatewayName], ...fixed(gateway) },
    "docker-api": {}
  },
  sysctls: { "net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1" }
})

const socketProxy = {
  image: "${DOCKER_PROXY_IMAGE:-haproxy:3.2}",
  user: "0:0",
  command: ["haproxy", "-db", "-f", "/etc/haproxy/haproxy.cfg"],
  restart: "unless-stopped",
  networks: ["docker-api"],
  volumes: ["/var/run/docker.sock:/var/run/docker.sock:ro"],
  configs: [{ source: "docker-proxy", target: "/etc/haproxy/haproxy.cfg" }],
  cap_drop: ["ALL"],
  security_opt: ["no-new-privileges:true"]
}

const serviceAnchor = ({ container, expose, exposeV6 }: Wrapped, base: object) => ({
  "<<": base,
  network_mode: `container:${container}`,
  labels: { "anchord.expose": expose, ...(exposeV6 === "off" ? { "anchord.expose.v6": "off" } : {}) }
})

const external = (name: string) => ({ external: true, name })

const addressKeys = { v4: "ipv4_address", v6: "ipv6_address" } as const

const addressComment = ({ addresses }: WrapOptions): ReadonlyArray<string> => {
  const missing = families.filter((family) => addresses[family] === undefined).map((family) => addressKeys[family])
  const lan = "The LAN, and the project's own addresses on it."
  if (missing.length === 0) return [lan]
  return fill(
    `${lan} Docker chooses what is not given, and may choose another one each time: ${missing.join(", ")}.`,
    WIDTH
  )
}

const pinComment = ({ gateway }: Wrapping): ReadonlyArray<string> =>
  families.some((family) => gateway[family] !== undefined)
    ? [
        "The wrapped containers' network, where the service-anchors find anchord by this name. Its address is fixed, because",
        "Docker would else hand out one that is a container's own while that is stopped."
      ]
    : ["The wrapped containers' network, where the service-anchors find anchord by this name."]

const composeAnnotations = (wrapping: Wrapping, options: WrapOptions): ReadonlyArray<Annotation> => [
  { path: ["x-anchord"], anchor: "anchord" },
  {
    path: ["x-wrap"],
    anchor: "wrap",
    comment: [
      "Joins the network namespace of a running container from outside, and points its default route at anchord. When it is",
      "stopped, it puts the old one back."
    ]
  },
  {
    path: ["services", "anchord"],
    comment: [
      "Has the project's address on the LAN, and sends each port to its container. When a wrapped container is restarted or",
      "made anew, anchord does the same with the service-anchor beside it."
    ]
  },
  { path: ["services", "anchord", "networks", "dmz"], comment: addressComment(options) },
  { path: ["services", "anchord", "networks", "upstream"], comment: pinComment(wrapping) },
  {
    path: ["services", "docker-proxy"],
    comment: [
      "The only container that sees the Docker socket. It lets through exactly the calls that anchord makes; but whoever may",
      "create containers can become root on the host, so nobody else is on its network. Its root is not read-only, because",
      "Compose could not put the configuration into it."
    ]
  },
  ...wrapping.wrapped
    .filter(({ exposeV6 }) => exposeV6 === "off")
    .map(({ anchor }) => ({
      path: ["services", anchor, "labels", "anchord.expose.v6"],
      comment: ["It is published on IPv4 addresses only."]
    })),
  { path: ["networks", "dmz"], comment: ["The LAN. Made once per host, outside of this project."] },
  { path: ["networks", "upstream"], comment: [`Of the project ${wrapping.upstream}.`] }
]

const composeHeader = ({ upstream, remarks }: Wrapping): ReadonlyArray<string> => [
  `Gives the containers of the Compose project ${upstream} an address of their own on the LAN. They are not touched.`,
  "Printed by anchord wrap; for Docker Compose 2.23.1 and later.",
  "",
  "While this runs, they see their clients' own addresses, and everything that they send leaves with the new address.",
  "Ports that they publish on the host stop answering clients elsewhere, because the replies take the new route: see",
  "anchord wrap --override.",
  ...remarkLines(remarks)
]

/** The compose file that wraps a project (SPEC §13): network-anchor, socket proxy, and a service-anchor for each container. */
export const wrapComposeFile = (wrapping: Wrapping, options: WrapOptions): CommentedData => {
  const wrap = {
    "<<": anchorBase,
    depends_on: ["anchord"],
    environment: { ANCHORD_MODE: "service-anchor", ANCHORD_GATEWAY_HOSTNAME: wrapping.gatewayName }
  }
  return {
    header: composeHeader(wrapping),
    data: {
      name: wrapping.project,
      "x-anchord": anchorBase,
      "x-wrap": wrap,
      services: {
        anchord: networkAnchor(wrapping, options),
        "docker-proxy": socketProxy,
        ...Object.fromEntries(wrapping.wrapped.map((one) => [one.anchor, serviceAnchor(one, wrap)]))
      },
      networks: {
        dmz: external(options.externalNetwork),
        upstream: external(wrapping.network),
        "docker-api": { driver: "bridge", internal: true }
      },
      configs: { "docker-proxy": { content: literal(socketProxyConfig) } }
    },
    annotations: composeAnnotations(wrapping, options)
  }
}

const overrideComment = ({ expose, kept }: Unpublished): ReadonlyArray<string> => [
  ...fill(`On the LAN by anchord.expose: ${expose.replaceAll(",", ", ")}`, WIDTH - 4),
  ...(kept.length === 0 ? [] : ["These are not, and stay published on the host."])
]

/** The override for the wrapped project itself, after which its services publish on the host only what anchord does not expose. */
export const wrapOverride = ({ upstream, project, unpublished }: Wrapping): CommentedData => ({
  header: [
    `Ends the publishing on the host of those ports of the Compose project ${upstream} that ${project} puts on the LAN. Whether`,
    "to use it is up to you: without it the ports stay taken on the host, and answer the host itself only. The labels with",
    `the ports are on the service-anchors of ${project}; nothing is to be added here.`,
    "",
    "Printed by anchord wrap --override; for Docker Compose 2.24.4 and later. Copy it to compose.override.yaml beside the",
    "project's compose file (docker-compose.override.yml beside a docker-compose.yml), which Compose reads by itself."
  ],
  data: {
    services: Object.fromEntries(unpublished.map(({ service, kept }) => [service, { ports: kept.map(printPublished) }]))
  },
  annotations: unpublished.flatMap((one) => [
    { path: ["services", one.service], comment: overrideComment(one) },
    { path: ["services", one.service, "ports"], tag: one.kept.length === 0 ? "!reset" : "!override" }
  ])
})
