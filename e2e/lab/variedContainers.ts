import type { Lab } from "./lab.ts"

/** A network that fixed addresses can be asked for on, and one that is there to be a second. */
export const FIRST = "varied_first"
export const SECOND = "varied_second"
const first = { v4: "172.30.90", v6: "fd00:90:" }
const second = { v4: "172.30.91", v6: "fd00:91:" }

/** The lab's image with a volume, a port and a few settings of its own. */
export const IMAGE_WITH_VOLUME = "varied:volume"

export interface Varied {
  readonly name: string
  /** What it is configured with, as arguments of `docker create`. */
  readonly args: ReadonlyArray<string>
  /** The image when it is not the lab's. */
  readonly image?: string
  /** Arguments of `docker network connect` that come before it is started. */
  readonly connect?: ReadonlyArray<ReadonlyArray<string>>
  /** Networks that it leaves when it runs. */
  readonly disconnect?: ReadonlyArray<string>
  /** It is created, and not started. */
  readonly idle?: true
}

const idle = ["--", "busybox", "sleep", "1000000"]

/** Containers that differ in everything that Docker lets one configure. The later ones need the earlier ones. */
export const variedContainers: ReadonlyArray<Varied> = [
  { name: "plain", args: [] },
  {
    name: "anonymous",
    image: IMAGE_WITH_VOLUME,
    args: ["-v", "/scratch", "--mount", "type=volume,dst=/typed", "--restart", "always"]
  },
  {
    name: "mounted",
    args: [
      ...["-v", "varied-named:/named", "-v", "varied-readonly:/readonly:ro", "-v", "/lab/varied:/host:ro"],
      ...["--mount", "type=volume,src=varied-typed,dst=/typed,readonly,volume-nocopy,volume-label=a=b"],
      ...["--mount", "type=tmpfs,dst=/typed-tmpfs,tmpfs-size=1048576,tmpfs-mode=1770"],
      ...["--mount", "type=bind,src=/lab/varied,dst=/typed-host,bind-propagation=rprivate"],
      ...["--mount", "type=bind,src=/lab/varied/secret,dst=/run/secrets/token,readonly"],
      ...["--tmpfs", "/tmpfs:size=1m,mode=1777", "--read-only"]
    ]
  },
  { name: "borrowing", args: ["--volumes-from", "varied-anonymous:ro"] },
  {
    name: "networks",
    args: [
      ...["--network", `name=${FIRST},alias=here,ip=${first.v4}.9,ip6=${first.v6}:9,mac-address=02:aa:00:00:00:01`],
      ...["--network", `name=${SECOND},alias=there,alias=yonder,ip=${second.v4}.9,mac-address=02:aa:00:00:00:02`]
    ]
  },
  {
    name: "connected",
    args: ["--hostname", "named.example", "--domainname", "example", "--add-host", "other:192.0.2.1"],
    connect: [
      ["--alias", "later", "--ip", `${second.v4}.10`, SECOND],
      ["--ip6", `${first.v6}:a`, "--driver-opt", "com.docker.network.endpoint.sysctls=", FIRST]
    ]
  },
  { name: "moved", args: ["--network", FIRST], connect: [[SECOND]], disconnect: [FIRST] },
  { name: "joined", image: IMAGE_WITH_VOLUME, args: ["--network", "container:varied-connected"] },
  { name: "companion", args: ["--pid", "container:varied-connected", "--ipc", "host", "--uts", "host"] },
  { name: "host", args: ["--network", "host", "--cgroupns", "host"] },
  { name: "alone", args: ["--network", "none", "--hostname", "alone"] },
  {
    name: "published",
    image: IMAGE_WITH_VOLUME,
    args: ["-p", "18080:80", "-p", "127.0.0.1:18081:81/udp", "-p", "[::1]:18082:82", "--expose", "9999", "-P"]
  },
  {
    name: "limited",
    args: [
      ...[
        "--memory",
        "64m",
        "--memory-reservation",
        "32m",
        "--cpus",
        "0.5",
        "--cpu-shares",
        "512",
        "--pids-limit",
        "50"
      ],
      ...["--ulimit", "nofile=100:200", "--ulimit", "nproc=64", "--oom-score-adj", "100", "--shm-size", "16m"],
      ...["--device", "/dev/null:/dev/nothing:r", "--device-cgroup-rule", "c 42:* rmw", "--blkio-weight", "300"],
      ...[
        "--sysctl",
        "net.ipv4.ip_forward=1",
        "--sysctl",
        "net.ipv6.conf.all.forwarding=1",
        "--cgroup-parent",
        "/varied"
      ]
    ]
  },
  {
    name: "secured",
    args: [
      ...["--cap-drop", "ALL", "--cap-add", "NET_ADMIN", "--security-opt", "no-new-privileges", "--user", "1000:1000"],
      ...["--security-opt", "seccomp=unconfined", "--security-opt", "systempaths=unconfined", "--group-add", "50"]
    ]
  },
  { name: "privileged", args: ["--privileged", "--userns", "host", "--init"] },
  {
    name: "supervised",
    args: [
      ...["--health-cmd", "true", "--health-interval", "7s", "--health-retries", "5", "--health-start-period", "2s"],
      ...["--restart", "on-failure:7", "--stop-signal", "SIGINT", "--stop-timeout", "3", "--workdir", "/tmp"],
      ...[
        "--log-driver",
        "json-file",
        "--log-opt",
        "max-size=1m",
        "--log-opt",
        "max-file=3",
        "-e",
        "EMPTY=",
        "-e",
        "A=b=c"
      ],
      ...["--label", "com.docker.compose.project=varied", "--label", "com.docker.compose.service=supervised"],
      ...["--dns", "192.0.2.53", "--dns-option", "ndots:2", "--dns-search", "example", "-i", "-t"]
    ]
  },
  {
    name: "commandless",
    args: ["--no-healthcheck", "--restart", "unless-stopped", "--stop-timeout", "1", "--entrypoint", ""]
  },
  { name: "unstarted", args: ["--network", FIRST, "-v", "/scratch"], idle: true }
]

export const nameOf = (name: string): string => `varied-${name}`

/** Makes the networks, the image and the containers. */
export const makeVaried = async (lab: Lab): Promise<void> => {
  const { docker } = lab
  await lab.engine.inside(["sh", "-c", "mkdir -p /lab/varied && echo token >/lab/varied/secret"])
  for (const [name, { v4, v6 }] of [
    [FIRST, first],
    [SECOND, second]
  ] as const) {
    await docker("network", "create", "--ipv6", "--subnet", `${v4}.0/24`, "--subnet", `${v6}:/64`, name)
  }
  await docker("create", "--name", nameOf("template"), lab.image)
  const changes = ["VOLUME /data", "EXPOSE 80 81/udp", "ENV FROM_IMAGE=yes", "LABEL from=image", "WORKDIR /srv"]
  const options = changes.flatMap((change) => ["--change", change])
  await docker("commit", ...options, nameOf("template"), IMAGE_WITH_VOLUME)
  await docker("rm", nameOf("template"))
  for (const varied of variedContainers) await make(lab, varied)
}

const make = async ({ docker, image: labImage }: Lab, varied: Varied): Promise<void> => {
  const { args, image = labImage, connect = [], disconnect = [] } = varied
  const name = nameOf(varied.name)
  const program = args.includes("--entrypoint") ? [image, ...idle.slice(1)] : ["--entrypoint", "tini", image, ...idle]
  await docker("create", "--name", name, ...args, ...program)
  for (const network of connect) await docker("network", "connect", ...network, name)
  if (varied.idle !== undefined) return
  await docker("start", name)
  for (const network of disconnect) await docker("network", "disconnect", network, name)
}

/** Removes what {@link makeVaried} made, and what is left of an attempt that failed. */
export const removeVaried = async ({ docker, engine }: Lab): Promise<void> => {
  const names = (await docker("ps", "-a", "--filter", "name=^varied-", "--format", "{{.Names}}")).split("\n")
  await engine.inside(["sh", "-c", `docker rm -fv ${names.filter((name) => name !== "").join(" ")} true || true`])
  await engine.inside(["sh", "-c", `docker network rm ${FIRST} ${SECOND} || true`])
  await engine.inside(["sh", "-c", "docker volume ls -q --filter name=varied- | xargs -r docker volume rm"])
  await engine.inside(["sh", "-c", "docker volume prune -f && rm -rf /lab/varied"])
}
