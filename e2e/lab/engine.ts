import { spawn } from "node:child_process"
import { mkdirSync, readFileSync, rmSync } from "node:fs"
import { attempt, run, type CommandOptions } from "./command.ts"
import { project } from "./folders.ts"
import { uninterrupted } from "./interruption.ts"
import { eventually } from "./steps.ts"

/** How to reach a running engine: enough for another process to do so. */
export interface EngineState {
  /** The first process of the engine's namespaces, as this machine numbers it; it outlives a dockerd that is restarted. */
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
  /**
   * Starts dockerd again in the same namespaces and with the same data, after it has ended as it is told to, or after everything in the
   * engine was killed, as when the power fails; waits until it answers.
   */
  readonly restart: (after: "shutdown" | "power failure") => Promise<void>
}

const SOCKET = "unix:///lab/sock/docker.sock"

const environment = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", `DOCKER_HOST=${SOCKET}`]

/** While this file is there, a dockerd that ends is followed by another one. */
const AGAIN = "/run/dockerd-again"
const PIDFILE = "/run/docker.pid"

export const attachEngine = ({ pid, work }: EngineState): Engine => {
  const enter = ["nsenter", "-t", `${pid}`, "-m", "-n", "-p", "-r", "-w"]
  const within = (command: ReadonlyArray<string>) => [...enter, ...environment, ...command]
  const inside = (command: ReadonlyArray<string>, options: CommandOptions = {}) => run(within(command), options)
  const docker = (...args: ReadonlyArray<string>) => inside(["docker", ...args])
  const restart: Engine["restart"] = async (after) => {
    const before = await inside(["cat", PIDFILE])
    // All but the first process and the shell itself.
    const end = after === "shutdown" ? `kill -TERM ${before}` : "kill -KILL -1"
    await inside(["sh", "-c", `touch ${AGAIN} && ${end}`])
    await eventually("another dockerd runs", 120_000, async () => {
      if ((await inside(["cat", PIDFILE])) === before) throw new Error(`dockerd is still ${before}`)
    })
    await eventually("it answers", 120_000, () => docker("version"))
  }
  return {
    pid,
    work,
    within,
    inside,
    socket: `${work}/sock/docker.sock`,
    docker,
    restart
  }
}

/** Mounts what dockerd needs into the tree, makes it the root, and runs dockerd there, again as long as that is asked for. */
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
trap 'kill -TERM $dockerd' TERM
while
  dockerd "$@" &
  dockerd=$!
  while kill -0 $dockerd 2> /dev/null; do wait $dockerd || true; done
  rm ${AGAIN} 2> /dev/null
do :; done
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
      PIDFILE
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
    const first = ended ? undefined : childOf(child.pid ?? 0)
    if (first !== undefined) {
      const engine = attachEngine({ pid: first, work })
      const ids = (await engine.docker("ps", "-aq").catch(() => "")).split("\n").filter((id) => id !== "")
      if (ids.length > 0) await engine.docker("rm", "-f", ...ids).catch(() => "")
      process.kill(first, "SIGTERM")
    }
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000)
    await tidyUp()
    clearTimeout(timer)
  }
  try {
    const pid = await eventually("the Docker engine answers", 60_000, async () => {
      if (ended) throw new Error(`dockerd ended:\n${log}`)
      const first = childOf(child.pid ?? 0)
      if (first === undefined) throw new Error("not started yet")
      await attachEngine({ pid: first, work }).docker("version")
      return first
    })
    return { engine: attachEngine({ pid, work }), stop, log: () => log }
  } catch (error) {
    child.kill("SIGKILL")
    await uninterrupted(tidyUp)
    throw new Error(`${String(error)}\n${log}`, { cause: error })
  }
}
