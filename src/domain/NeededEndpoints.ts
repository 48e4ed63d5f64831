import type { LifecycleSettings, Settings } from "./Settings.ts"
import { socketProxyConfig } from "./SocketProxyConfig.ts"

/** Calls of the Docker API that anchord makes, as a list of permissions has them. */
export const endpoints = [
  "GET /_ping",
  "GET /events",
  "GET /containers/json",
  "GET /containers/{id}/json",
  "GET /networks/{id}",
  "GET /images/{id}/json",
  "POST /containers/create",
  "POST /containers/{id}/start",
  "POST /containers/{id}/stop",
  "POST /containers/{id}/restart",
  "POST /containers/{id}/rename",
  "POST /containers/{id}/update",
  "POST /networks/{id}/connect",
  "POST /networks/{id}/disconnect",
  "DELETE /containers/{id}"
] as const
export type Endpoint = (typeof endpoints)[number]

/** A call that the settings need, and what becomes of it where it is forbidden. */
export interface NeededEndpoint {
  readonly endpoint: Endpoint
  readonly purpose: string
  /** Without it nothing works, or not what was asked for expressly; otherwise something that is on by default. */
  readonly vital: boolean
  /** What does without it. */
  readonly instead?: string
}

interface Purpose extends Omit<NeededEndpoint, "endpoint"> {
  readonly endpoints: ReadonlyArray<Endpoint>
}

const reading: Purpose = {
  endpoints: ["GET /_ping", "GET /events", "GET /containers/json", "GET /containers/{id}/json", "GET /networks/{id}"],
  purpose: "anchord reads Docker's state by it",
  vital: true
}

const replacing: ReadonlyArray<Endpoint> = [
  "POST /containers/create",
  "POST /containers/{id}/start",
  "POST /containers/{id}/stop",
  "POST /containers/{id}/restart",
  "POST /containers/{id}/rename",
  "POST /containers/{id}/update",
  "DELETE /containers/{id}"
]

const lifecyclePurposes = ({ managed, autofix, autostart }: LifecycleSettings): ReadonlyArray<Purpose> => [
  ...(managed === undefined
    ? []
    : [
        {
          endpoints: [...replacing, "GET /images/{id}/json" as const],
          purpose: "the managed service-anchor is made and kept by it",
          vital: true,
          instead: "leave ANCHORD_MANAGED_SA_TARGET out"
        }
      ]),
  ...(autofix === "off"
    ? []
    : [
        {
          endpoints: replacing,
          purpose: "containers in dead network namespaces are repaired by it",
          vital: autofix === "project",
          instead: "set ANCHORD_AUTOFIX_DEAD_NETNS=false"
        }
      ]),
  ...(autostart
    ? [
        {
          endpoints: ["POST /containers/{id}/start" as const],
          purpose: "created containers are started by it",
          vital: false,
          instead: "set ANCHORD_AUTOSTART_SIBLINGS=false"
        }
      ]
    : [])
]

const purposesOf = (settings: Settings): ReadonlyArray<Purpose> => {
  switch (settings.mode) {
    case "network-anchor":
      return [reading, ...lifecyclePurposes(settings.lifecycle)]
    case "service-anchor":
      return []
    case "external-rebinder":
      return [
        reading,
        {
          endpoints: [
            "POST /networks/{id}/connect",
            "POST /networks/{id}/disconnect",
            ...(settings.restart ? ["POST /containers/{id}/restart" as const] : [])
          ],
          purpose: "the container is kept on its network by it",
          vital: true
        }
      ]
    case "wrap-rebinder":
      return [
        reading,
        {
          endpoints: replacing.filter((endpoint) => endpoint !== "POST /containers/{id}/restart"),
          purpose: "containers are re-created by it",
          vital: true
        }
      ]
  }
}

/** The calls that a mode makes with these settings, each once, with the first purpose that needs it (SPEC §15). */
export const neededEndpoints = (settings: Settings): ReadonlyArray<NeededEndpoint> => {
  const needed = new Map<Endpoint, NeededEndpoint>()
  for (const { endpoints: calls, ...purpose } of purposesOf(settings))
    for (const endpoint of calls) if (!needed.has(endpoint)) needed.set(endpoint, { endpoint, ...purpose })
  return [...needed.values()]
}

const ANY_ID = "f".repeat(64)

/** A call with an ID in it, without version; an image is named by its digest. */
export const pathOf = (endpoint: Endpoint, id: string): string =>
  (endpoint.split(" ")[1] ?? "").replace("{id}", endpoint.includes("/images/") ? `sha256%3A${id}` : id)

/** The line of the examples' HAProxy configuration that lets a call through. */
const haproxyLine = (endpoint: Endpoint): string | undefined => {
  const [method = ""] = endpoint.split(" ")
  return [...socketProxyConfig.matchAll(/^ +(acl (\w+) +path_reg (\S+))$/gm)].find(
    ([, , verb = "", path = ""]) => verb.toUpperCase() === method && new RegExp(path).test(pathOf(endpoint, ANY_ID))
  )?.[1]
}

/** What proxies that are switched by variables call it. */
const switchesOf = (endpoint: Endpoint): string => {
  const [method = "", path = ""] = endpoint.split(" ")
  const group = (/^\/_?([a-z]+)/.exec(path)?.[1] ?? "").toUpperCase()
  return method === "GET" ? `${group}=1` : `${group}=1 and POST=1`
}

/** How a socket proxy is told to let a call through. */
export const allowing = (endpoint: Endpoint): string =>
  [
    `allow ${endpoint} in the socket proxy`,
    `HAProxy: ${haproxyLine(endpoint)?.replaceAll(/ +/g, " ") ?? endpoint}`,
    `a proxy with switches: ${switchesOf(endpoint)}`
  ].join("; ")
