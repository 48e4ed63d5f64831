import type { Mode } from "../../src/domain/SettingDefinitions.ts"
import type { SimProject } from "../../src/layers/sim/docker/SimProject.ts"
import type { SimContainerSpec, SimNetworkSpec } from "../../src/layers/sim/docker/SimSpec.ts"
import { LAN } from "../../src/layers/sim/lan/SimLan.ts"

/** The project's addresses on the LAN, and its names in Docker. */
export const EXTERNAL = { v4: "10.99.0.7", v6: "fd99::7" } as const
export const PROJECT = "shop"
export const DMZ = "dmz"
export const TRANSIT = "shop_transit"
/** Comes before {@link TRANSIT} in every order, and no backend is on it. */
export const ADMINISTRATION = "admin_transit"
export const ELSEWHERE = "elsewhere_default"
export const REPORTING = "reporting_default"
export const NEIGHBOUR = "neighbour"
export const FOLLOWER = "follower"
export const WRAPPED = "wrapped"
export const NETWORK_ANCHOR = "anchord"
export const OUTPOST = "outpost"
export const MANAGED = "outpost-service-anchor"
export const BACKUP = "backup"

export const POLL_SECONDS = 10

/** Milliseconds between two router advertisements. */
export const ADVERTISED_EACH = 7_000

/** What differs from one history to the next. */
export interface Casting {
  readonly addressMode: "bootstrap" | "dhcp-refresh" | "slaac-ra-only"
  readonly autofixScope: "own" | "project"
  /** Whether the network-anchor serves what a label selects, and not the project. */
  readonly selector: boolean
  /** False: the network-anchor is on another network as well, and has to find out by itself on which its backends are. */
  readonly pinned?: boolean
  /** Whether the network-anchor keeps a service-anchor beside the container that nobody's compose file knows. */
  readonly managed: boolean
  /** The seed of what is left to chance in the world itself. */
  readonly chance: number
  /** Which of {@link optionalRoles} are there. */
  readonly present: ReadonlyArray<string>
}

/** A port of a label, as a generator writes it: one entry of `anchord.expose`, and what it stands for. */
export interface Claim {
  readonly protocol: "tcp" | "udp"
  readonly from: number
  readonly to: number
  readonly backendFrom: number
}

const claim = (protocol: Claim["protocol"], from: number, to = from, backendFrom = from): Claim => ({
  protocol,
  from,
  to,
  backendFrom
})

/** `anchord.expose` for these claims. */
export const labelOf = (claims: ReadonlyArray<Claim>): string =>
  claims
    .map(({ protocol, from, to, backendFrom }) => {
      const outside = from === to ? `${from}` : `${from}-${to}`
      const inside = from === to ? `${backendFrom}` : `${backendFrom}-${backendFrom + to - from}`
      return outside === inside ? `${protocol}/${outside}` : `${protocol}/${outside}:${inside}`
    })
    .join(", ")

/** A container of the cast. */
export interface Role {
  readonly name: string
  readonly claims: ReadonlyArray<Claim>
  /** Its IPv6 address gets no ports. */
  readonly v4Only?: true
  readonly project?: string
  /** The container whose namespace it joins. */
  readonly joins?: string
  readonly anchor?: Mode
  /** Further networks that it is on. */
  readonly also?: ReadonlyArray<string>
  /** Left out: the project's transit network, or {@link ELSEWHERE} for another project. */
  readonly network?: string
  /** An IPv4 address of its own choice there, so that its IPv6 address is not the one that goes with it, and so not those of the others. */
  readonly v4?: string
  readonly env?: Readonly<Record<string, string>>
  /** Left out: `unless-stopped`. */
  readonly restart?: "no"
  /** Not there at the beginning. */
  readonly later?: true
}

const serviceAnchor = (name: string, claims: ReadonlyArray<Claim>, more: Partial<Role> = {}): Role => ({
  name,
  claims,
  anchor: "service-anchor",
  project: PROJECT,
  ...more
})
const application = (name: string, joins: string): Role => ({ name, claims: [], joins, project: PROJECT })

/**
 * A project with two services behind service-anchors, one of which asks for a port that an older one has; a container that is wrapped from
 * outside, and two that live with its service-anchor, on the third storey; one that another program runs and that the network-anchor gives a
 * service-anchor; and somebody else's.
 */
export const roles: ReadonlyArray<Role> = [
  { name: NETWORK_ANCHOR, claims: [], anchor: "network-anchor", project: PROJECT },
  serviceAnchor("web-anchor", [claim("tcp", 80), claim("tcp", 443, 443, 8443)]),
  application("web", "web-anchor"),
  serviceAnchor("mail-anchor", [claim("tcp", 25), claim("udp", 53), claim("udp", 4000, 4003)], { v4: "172.20.0.100" }),
  application("mail", "mail-anchor"),
  serviceAnchor("spare-anchor", [claim("tcp", 80), claim("udp", 4002, 4005), claim("tcp", 9000, 9002, 9100)], {
    v4Only: true
  }),
  { name: "files", claims: [], project: PROJECT },
  serviceAnchor("files-anchor", [claim("tcp", 2049)], { joins: "files" }),
  application(BACKUP, "files-anchor"),
  application("indexer", "files-anchor"),
  { name: OUTPOST, claims: [], restart: "no" },
  { name: NEIGHBOUR, claims: [claim("tcp", 80)], project: "elsewhere" },
  { name: FOLLOWER, claims: [], project: "reporting", network: REPORTING, also: [ELSEWHERE] },
  {
    name: "external-rebinder",
    claims: [],
    project: "reporting",
    network: REPORTING,
    anchor: "external-rebinder",
    env: { ANCHORD_FOLLOW_NETWORK: ELSEWHERE, ANCHORD_FOLLOW_TARGET: FOLLOWER }
  },
  { name: WRAPPED, claims: [], project: "wrapped", network: REPORTING },
  { name: "wrapping", claims: [], project: "wrapped", joins: WRAPPED },
  { name: "wrap-rebinder", claims: [], project: "wrapped", network: REPORTING, anchor: "wrap-rebinder" }
]

/** Those that a history may be without: the fewer there are, the faster it is and the more happens to each. */
export const optionalRoles = ["mail-anchor", "spare-anchor", "files", BACKUP, OUTPOST, FOLLOWER, WRAPPED]

/** Who is there only with somebody else. */
const companions: Readonly<Record<string, string>> = {
  "external-rebinder": FOLLOWER,
  "wrap-rebinder": WRAPPED,
  [BACKUP]: BACKUP,
  indexer: BACKUP
}

/** Whoever belongs to a cast. Nobody is on the third storey of a house without the other two. */
export const rolesOf = ({ present }: Casting): ReadonlyArray<Role> => {
  const isThere = (name: string) => present.includes(name) || (name === "files" && present.includes(BACKUP))
  return roles.filter(({ name, joins = name }) => {
    const first = companions[name] ?? joins
    return !optionalRoles.includes(first) || isThere(first)
  })
}

export const roleOf = (name: string): Role | undefined => roles.find((role) => role.name === name)

/** What the managed service-anchor asks for. */
export const managedClaims: ReadonlyArray<Claim> = [claim("tcp", 389)]

export const networks: ReadonlyArray<SimNetworkSpec> = [
  { name: DMZ, driver: "macvlan", v4: LAN.subnet.v4, v6: LAN.subnet.v6, gateway: LAN.router },
  { name: TRANSIT, v4: "172.20.0.0/16", v6: "fd20::/64", masquerade: false },
  { name: ADMINISTRATION, v4: "172.23.0.0/16", v6: "fd23::/64", masquerade: false },
  { name: ELSEWHERE, v4: "172.21.0.0/16", v6: "fd21::/64" },
  { name: REPORTING, v4: "172.22.0.0/16", v6: "fd22::/64" }
]

/** Carried by all that a selector is to find. */
const SERVER = { key: "com.example.server", value: PROJECT } as const

/** Whether the network-anchor serves a container with these labels. */
export const isServed = (labels: Readonly<Record<string, string>>, { selector }: Casting): boolean =>
  selector ? labels[SERVER.key] === SERVER.value : labels["com.docker.compose.project"] === PROJECT

const labelsOf = ({ claims, v4Only, project, name }: Role): Readonly<Record<string, string>> => ({
  ...(project === undefined
    ? {}
    : {
        "com.docker.compose.project": project,
        "com.docker.compose.service": name,
        "com.docker.compose.oneoff": "False"
      }),
  ...(project === PROJECT ? { [SERVER.key]: SERVER.value } : {}),
  ...(claims.length === 0 ? {} : { "anchord.expose": labelOf(claims) }),
  ...(v4Only === undefined ? {} : { "anchord.expose.v6": "off" })
})

const environmentOf = (role: Role, casting: Casting): Readonly<Record<string, string>> => {
  if (role.anchor === undefined) return {}
  if (role.anchor !== "network-anchor") return { ANCHORD_MODE: role.anchor, ...role.env }
  return {
    ...(casting.selector ? { ANCHORD_LABEL_SELECTOR: `${SERVER.key}=${SERVER.value}` } : { ANCHORD_PROJECT: PROJECT }),
    ANCHORD_EXT_NETWORK: DMZ,
    ...(casting.pinned === false ? {} : { ANCHORD_SHARED_NETWORK: TRANSIT }),
    ANCHORD_POLL_INTERVAL: `${POLL_SECONDS}s`,
    ANCHORD_ADDRESS_MODE: casting.addressMode,
    ANCHORD_AUTOFIX_SCOPE: casting.autofixScope,
    ...(casting.managed
      ? {
          ANCHORD_MANAGED_SA_TARGET: OUTPOST,
          ANCHORD_MANAGED_SA_LABELS: JSON.stringify({
            [SERVER.key]: SERVER.value,
            "anchord.expose": labelOf(managedClaims)
          })
        }
      : {}),
    ...role.env
  }
}

const networkOf = (
  { name, project, joins, network, also, v4 }: Role,
  { pinned }: Casting
): Pick<SimContainerSpec, "network" | "also" | "addresses"> => {
  if (joins !== undefined) return { network: `container:${joins}` }
  if (name === NETWORK_ANCHOR)
    return {
      network: TRANSIT,
      also: [DMZ, ...(pinned === false ? [ADMINISTRATION] : [])],
      addresses: { [DMZ]: EXTERNAL }
    }
  return {
    network: network ?? (project === "elsewhere" ? ELSEWHERE : TRANSIT),
    ...(also === undefined ? {} : { also }),
    ...(v4 === undefined ? {} : { addresses: { [TRANSIT]: { v4 } } })
  }
}

/** The project as its compose file has it, without the network-anchor. */
export const composeProject = (casting: Casting): SimProject => ({
  name: PROJECT,
  services: Object.fromEntries(
    rolesOf(casting)
      .filter(({ name, project }) => project === PROJECT && name !== NETWORK_ANCHOR)
      .map((role) => {
        const { image = "", command = [], env = [], restart = "no" } = containerOf(role, casting)
        const how =
          role.joins === undefined
            ? {}
            : { networkMode: `${role.anchor === undefined ? "service" : "container"}:${role.joins}` }
        const where =
          role.joins === undefined ? { networks: { transit: role.v4 === undefined ? {} : { v4: role.v4 } } } : {}
        const service = { image, command, environment: env, labels: labelsOf(role), restart, containerName: role.name }
        return [role.name, { ...service, ...how, ...where }]
      })
  ),
  networks: { transit: { external: TRANSIT } }
})

/** How the role is created. */
export const containerOf = (role: Role, casting: Casting): SimContainerSpec => ({
  name: role.name,
  image: role.anchor === undefined ? "application" : "anchord",
  command: role.anchor === undefined ? ["serve"] : [],
  labels: labelsOf(role),
  env: Object.entries(environmentOf(role, casting)).map(([key, value]) => `${key}=${value}`),
  restart: role.restart ?? "unless-stopped",
  sysctls:
    role.anchor === "network-anchor"
      ? {
          "net.ipv4.ip_forward": "1",
          "net.ipv6.conf.all.forwarding": "1",
          ...Object.fromEntries(["eth0", "eth1", "eth2"].map((link) => [`net.ipv6.conf.${link}.accept_ra`, "2"]))
        }
      : {},
  ...networkOf(role, casting)
})
