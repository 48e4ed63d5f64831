import { spawn } from "node:child_process"
import { mkdirSync, readFileSync, rmSync } from "node:fs"
import { attempt, run, type CommandOptions } from "./command.ts"
import { project } from "./folders.ts"
import { uninterrupted } from "./interruption.ts"
import { eventually } from "./steps.ts"

/** How to reach a running engine: enough for another process to do so. */
export interface EngineState {
  /** dockerd, as this machine numbers it. */
  readonly pid: number
  /** Its folder here; inside of the engine's tree it is `/lab`, and the repository is `/project`. */
  readonly work: string
}

export interface Engine extends EngineState {
  readonly socket: string
  readonly docker: (...args: ReadonlyArray<string>) => Promise<string>
  /** A command as this machine runs it in the engine's own namespaces; there, processes have the numbers that Docker tells. */
  readonly within: (command: ReadonlyArray<string>) => ReadonlyArray<string>
  readonly inside: (command: ReadonlyArray<string>, options?: CommandOptions) => Promise<string>
}

const SOCKET = "unix:///lab/sock/docker.sock"

const environment = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", `DOCKER_HOST=${SOCKET}`]

export const attachEngine = ({ pid, work }: EngineState): Engine => {
  const enter = ["nsenter", "-t", `${pid}`, "-m", "-n", "-p", "-r", "-w"]
  const within = (command: ReadonlyArray<string>) => [...enter, ...environment, ...command]
  const inside = (command: ReadonlyArray<string>, options: CommandOptions = {}) => run(within(command), options)
  return {
    pid,
    work,
    within,
    inside,
    socket: `${work}/sock/docker.sock`,
    docker: (...args) => inside(["docker", ...args])
  }
}

/** Mounts what dockerd needs into the tree, makes it the root, and becomes dockerd. */
const script = `
set -e
root=$1 work=$2 project=$3
shift 3
mount --bind "$root" "$root"
cd "$root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mkdir -p lab project oldroot
mount --bind "$work" lab
mount --bind "$project" project
cat /etc/resolv.conf > etc/resolv.conf
cat /etc/hosts > etc/hosts
pivot_root . oldroot
umount -l /oldroot
cd /
exec dockerd "$@"
`

export interface EngineOptions {
  readonly root: string
  readonly work: string
  /** A network namespace of its own; without, the machine's, and then the engine leaves its network alone. */
  readonly netns?: string
  /** Keeps its data for the next time. */
  readonly keep?: true
}

const childOf = (pid: number): number | undefined => {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ")
  return Number(children[0]) || undefined
}

/**
 * Starts a Docker engine in mount and process namespaces of its own: when this process ends, however it does, the kernel ends the engine
 * and everything in it.
 */
export const startEngine = async ({ root, work, netns, keep }: EngineOptions) => {
  if (keep === undefined) rmSync(work, { recursive: true, force: true })
  mkdirSync(`${work}/sock`, { recursive: true })
  const network = netns === undefined ? [] : ["nsenter", `--net=/run/netns/${netns}`]
  const options = [
    ...[
      "--data-root",
      "/lab/data",
      "--exec-root",
      "/run/docker",
      "-H",
      SOCKET,
      "-H",
      "unix:///run/docker.sock",
      "--pidfile",
      "/run/docker.pid"
    ],
    ...(netns === undefined
      ? ["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"]
      : ["--ipv6", "--fixed-cidr-v6", "fd00:d0c::/64", "--ip6tables", "--experimental"])
  ]
  const unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--propagation", "private"]
  const [program = "", ...args] = ["setpriv", "--pdeathsig", "KILL", ...network, ...unshare, "sh", "-c", script, "sh"]
  const child = spawn(program, [...args, root, work, project, ...options], { stdio: ["ignore", "pipe", "pipe"] })
  let log = ""
  let ended = false
  const record = (text: Buffer) => void (log = (log + text.toString()).slice(-20_000))
  child.stdout.on("data", record)
  child.stderr.on("data", record)
  const gone = new Promise<void>((resolve) => {
    child.on("close", () => {
      ended = true
      resolve()
    })
  })
  const tidyUp = async () => {
    await gone
    if (keep === undefined) await attempt(["rm", "-rf", work])
  }
  const stop = async () => {
    const dockerd = ended ? undefined : childOf(child.pid ?? 0)
    if (dockerd !== undefined) {
      const engine = attachEngine({ pid: dockerd, work })
      const ids = (await engine.docker("ps", "-aq").catch(() => "")).split("\n").filter((id) => id !== "")
      if (ids.length > 0) await engine.docker("rm", "-f", ...ids).catch(() => "")
      process.kill(dockerd, "SIGTERM")
    }
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000)
    await tidyUp()
    clearTimeout(timer)
  }
  try {
    const pid = await eventually("the Docker engine answers", 60_000, async () => {
      if (ended) throw new Error(`dockerd ended:\n${log}`)
      const dockerd = childOf(child.pid ?? 0)
      if (dockerd === undefined) throw new Error("not started yet")
      await attachEngine({ pid: dockerd, work }).docker("version")
      return dockerd
    })
    return { engine: attachEngine({ pid, work }), stop, log: () => log }
  } catch (error) {
    child.kill("SIGKILL")
    await uninterrupted(tidyUp)
    throw new Error(`${String(error)}\n${log}`, { cause: error })
  }
}
