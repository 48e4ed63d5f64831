import { mkdirSync, writeFileSync } from "node:fs"
import type { Lab } from "./lab.ts"
import { DMZ } from "./lab.ts"
import { eventually } from "./steps.ts"

/** A service of a compose file, as far as the scenarios care. */
export type Service = Readonly<Record<string, unknown>>

const hardened: Service = {
  cap_drop: ["ALL"],
  cap_add: ["NET_ADMIN"],
  security_opt: ["no-new-privileges:true"],
  read_only: true,
  tmpfs: ["/run"]
}

export interface NetworkAnchorOptions {
  readonly v4: string
  readonly v6: string
  readonly env?: Readonly<Record<string, string>>
  readonly transitV4?: string
  readonly transitV6?: string
}

/** As SPEC §15 demands it: no capability but NET_ADMIN, a read-only root, no new privileges. */
export const networkAnchor = (lab: Lab, { v4, v6, env = {}, transitV4, transitV6 }: NetworkAnchorOptions): Service => ({
  ...hardened,
  image: lab.image,
  environment: {
    DOCKER_HOST: "unix:///docker/docker.sock",
    ANCHORD_PROJECT: "${COMPOSE_PROJECT_NAME}",
    ANCHORD_EXT_NETWORK: DMZ,
    ANCHORD_LOG_LEVEL: "debug",
    ...env
  },
  networks: {
    dmz: { ipv4_address: v4, ipv6_address: v6 },
    transit: {
      ...(transitV4 === undefined ? {} : { ipv4_address: transitV4 }),
      ...(transitV6 === undefined ? {} : { ipv6_address: transitV6 })
    }
  },
  sysctls: { "net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1" },
  volumes: ["/lab/sock:/docker:ro"],
  stop_grace_period: "10s"
})

/** Needs nothing but the Docker API. */
export const rebinder = (
  lab: Lab,
  mode: "external-rebinder" | "wrap-rebinder",
  env: Readonly<Record<string, string>> = {}
): Service => ({
  ...hardened,
  cap_add: [],
  image: lab.image,
  environment: {
    ANCHORD_MODE: mode,
    DOCKER_HOST: "unix:///docker/docker.sock",
    ANCHORD_LOG_LEVEL: "debug",
    ...env
  },
  volumes: ["/lab/sock:/docker:ro"],
  stop_grace_period: "10s"
})

export const serviceAnchor = (lab: Lab, labels: Readonly<Record<string, string>>, more: Service = {}): Service => ({
  ...hardened,
  image: lab.image,
  environment: { ANCHORD_MODE: "service-anchor", ANCHORD_GATEWAY_HOSTNAME: "anchord", ANCHORD_LOG_LEVEL: "debug" },
  networks: { transit: {} },
  labels,
  stop_grace_period: "10s",
  ...more
})

const application = { entrypoint: ["tini", "--", "node", "/app/app.mjs"], healthcheck: { disable: true } }
const appFiles = ["/project/e2e/lab:/app:ro"]

/** The application of the lab in the namespace of a service-anchor. */
export const app = (lab: Lab, anchor: string, name: string, ports: ReadonlyArray<string>): Service => ({
  ...application,
  image: lab.image,
  command: [name, ...ports],
  network_mode: `service:${anchor}`,
  volumes: appFiles,
  stop_grace_period: "1s"
})

/** The application in a namespace of its own, on networks that `more` names; it knows nothing of anchord. */
export const plainApp = (lab: Lab, name: string, ports: ReadonlyArray<string>, more: Service): Service => ({
  ...application,
  image: lab.image,
  command: [name, ...ports],
  volumes: appFiles,
  stop_grace_period: "1s",
  ...more
})

/** The application in a namespace of its own, which it leaves by a gateway that it is told. */
export const routedApp = (
  lab: Lab,
  name: string,
  ports: ReadonlyArray<string>,
  gateway: { readonly v4: string; readonly v6: string },
  more: Service = {}
): Service => ({
  ...application,
  image: lab.image,
  entrypoint: [
    ...["tini", "--", "sh", "-c"],
    `ip route replace default via ${gateway.v4}; ip -6 route replace default via ${gateway.v6}; exec node /app/app.mjs "$@"`,
    "sh"
  ],
  command: [name, ...ports],
  cap_add: ["NET_ADMIN"],
  networks: { transit: {} },
  volumes: appFiles,
  stop_grace_period: "1s",
  ...more
})

/** A container that only is there. */
export const idle = (lab: Lab, more: Service = {}): Service => ({
  image: lab.image,
  entrypoint: ["tini", "--", "busybox", "sleep", "1000000"],
  healthcheck: { disable: true },
  networks: { transit: {} },
  stop_grace_period: "1s",
  ...more
})

/** The transit network number `n` of the lab, in the shape that works with bridge netfilter on or off (SPEC §15). */
export const transit = (n: number, more: Service = {}): Service => ({
  driver: "bridge",
  driver_opts: { "com.docker.network.bridge.enable_ip_masquerade": "false" },
  enable_ipv6: true,
  ipam: {
    config: [
      { subnet: `172.31.${n}.0/24`, gateway: `172.31.${n}.1` },
      { subnet: `fd00:a2c0:${n}::/64`, gateway: `fd00:a2c0:${n}::1` }
    ]
  },
  ...more
})

export const externalDmz = { external: true, name: DMZ }

export interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>
  readonly networks: Readonly<Record<string, Service>>
}

export interface LogLine {
  readonly time: string
  readonly level: string
  readonly msg: string
  readonly [field: string]: unknown
}

const isObject = (line: string): boolean => line.startsWith("{")

export interface Project {
  readonly name: string
  readonly compose: (...args: ReadonlyArray<string>) => Promise<string>
  /** Writes another compose file for what comes next. */
  readonly rewrite: (file: ComposeFile) => void
  readonly exec: (service: string, ...command: ReadonlyArray<string>) => Promise<string>
  readonly container: (service: string) => string
  readonly logs: (service: string) => Promise<ReadonlyArray<LogLine>>
  readonly inspect: (service: string, format: string) => Promise<string>
  /** Waits until the anchors say that they are ready. */
  readonly ready: (...services: ReadonlyArray<string>) => Promise<void>
  readonly down: () => Promise<void>
}

/** A Compose project in the lab's engine. */
export const composeProject = (lab: Lab, name: string, file: ComposeFile): Project => {
  const path = `projects/${name}.json`
  const rewrite = (next: ComposeFile) => {
    mkdirSync(`${lab.engine.work}/projects`, { recursive: true })
    writeFileSync(`${lab.engine.work}/${path}`, JSON.stringify({ name, ...next }, undefined, 2))
  }
  rewrite(file)
  const compose = (...args: ReadonlyArray<string>) =>
    lab.engine.inside(["docker", "compose", "-f", `/lab/${path}`, "--ansi=never", ...args])
  const container = (service: string) => `${name}-${service}-1`
  const exec = (service: string, ...command: ReadonlyArray<string>) =>
    lab.docker("exec", container(service), ...command)
  return {
    name,
    compose,
    rewrite,
    container,
    exec,
    logs: async (service) => {
      const text = await lab.engine.inside(["sh", "-c", `docker logs ${container(service)} 2>&1`])
      return text
        .split("\n")
        .filter(isObject)
        .map((line): LogLine => JSON.parse(line))
    },
    inspect: async (service, format) => (await lab.docker("inspect", "-f", format, container(service))).trim(),
    ready: async (...services) => {
      for (const service of services) {
        await eventually(`${service} is ready`, 20_000, () => exec(service, "anchord-health"))
      }
    },
    down: async () => void (await compose("down", "-t", "5", "--remove-orphans", "-v"))
  }
}
