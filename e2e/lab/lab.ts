import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { basename } from "node:path"
import { attempt, run } from "./command.ts"
import { attachEngine, startEngine, type Engine, type EngineState } from "./engine.ts"
import { labFolder, project } from "./folders.ts"
import { anchordImage, IMAGE, makeArchive } from "./imageBuild.ts"
import { interruptible, interruption, uninterrupted } from "./interruption.ts"
import { addHost, engineNetns, LAN, lanNetns, makeLan, removeLan, removeStaleNetns, type Host } from "./lan.ts"
import { cannotRun, installPackages } from "./machine.ts"
import { isAlive } from "./processes.ts"
import { engineRoot } from "./rootfs.ts"

/** The external network of every project of the lab. */
export const DMZ = "dmz_macvlan"

/** What another process needs to work in an open lab; plain data. */
export interface LabState {
  readonly engine: EngineState
  readonly lanNetns: string
  readonly engineNetns: string
  readonly hosts: ReadonlyArray<Host>
  /** A Debian tree with nft 1.1 and conntrack, for tests that need the tools and no container. */
  readonly root: string
}

export interface Lab extends LabState {
  readonly engine: Engine
  readonly image: string
  readonly docker: Engine["docker"]
  readonly socket: string
  /** Two hosts on the LAN. */
  readonly alice: Host
  readonly bob: Host
  readonly router: { readonly netns: string }
}

export const labOf = (state: LabState): Lab => {
  const engine = attachEngine(state.engine)
  const [alice, bob] = state.hosts
  if (alice === undefined || bob === undefined) throw new Error("a lab has two hosts")
  return {
    ...state,
    engine,
    alice,
    bob,
    image: IMAGE,
    docker: engine.docker,
    socket: engine.socket,
    router: { netns: state.lanNetns }
  }
}

const createDmz = (engine: Engine) =>
  engine.docker(
    ...["network", "create", "-d", "macvlan", "-o", "parent=vlan0"],
    ...["--subnet", LAN.subnet4, "--gateway", LAN.v4, "--ipv6", "--subnet", LAN.subnet6, "--gateway", LAN.v6],
    DMZ
  )

/** Loads an archive of images into the engine, after making it where it is not current. */
export const loadImages = async (engine: Engine, archive: typeof anchordImage, say: (text: string) => void) => {
  await makeArchive(archive, say)
  const note = `${engine.work}/loaded-${basename(archive.path)}`
  const made = `${statSync(archive.path).mtimeMs}`
  if (existsSync(note) && readFileSync(note, "utf8") === made) return
  say(`loading ${basename(archive.path)}`)
  await engine.docker("load", "-q", "-i", archive.path.replace(project, "/project"))
  writeFileSync(note, made)
}

/** Where a lab that stays open says so. */
const OPEN = `${labFolder}/open.json`

/** The lab that `npm run lab` keeps open, with the image of what is here now, or nothing. */
export const openedElsewhere = async (say: (text: string) => void): Promise<LabState | undefined> => {
  if (!existsSync(OPEN)) return undefined
  const state: LabState = JSON.parse(readFileSync(OPEN, "utf8"))
  if (!existsSync(`/proc/${state.engine.pid}`)) return undefined
  await loadImages(attachEngine(state.engine), anchordImage, say)
  return state
}

export const announce = (state: LabState): (() => void) => {
  writeFileSync(OPEN, JSON.stringify(state))
  return () => rmSync(OPEN, { force: true })
}

/** Folders of labs whose process was killed before it could tidy up. */
const removeStaleRuns = async (): Promise<void> => {
  const names = existsSync(labFolder) ? readdirSync(labFolder) : []
  for (const name of names) {
    const owner = /^run-(\d+)$/.exec(name)?.[1]
    if (owner !== undefined && !isAlive(Number(owner))) await attempt(["rm", "-rf", `${labFolder}/${name}`])
  }
}

/** Opens a lab of its own: packages, image, LAN, engine; `close` leaves nothing behind but the cache. */
const open = async (say: (text: string) => void) => {
  await uninterrupted(() => installPackages(say))
  await removeStaleNetns()
  await removeStaleRuns()
  await makeArchive(anchordImage, say)
  const root = await engineRoot(say)
  const work = `${labFolder}/run-${process.pid}`
  let stopEngine = async () => {}
  const close = async () => {
    await stopEngine()
    await removeLan()
    await attempt(["rm", "-rf", work])
  }
  try {
    say("starting the LAN and a Docker engine")
    await makeLan()
    const { engine, stop } = await startEngine({ root, work, netns: engineNetns })
    stopEngine = stop
    await run(["sh", "-c", `nsenter --net=/run/netns/${engineNetns} sysctl -qw net.ipv6.conf.all.forwarding=1`])
    await loadImages(engine, anchordImage, say)
    await createDmz(engine)
    const hosts = [await addHost(201), await addHost(202)]
    interruption()?.throwIfAborted()
    const state: LabState = { engine: { pid: engine.pid, work }, lanNetns, engineNetns, hosts, root }
    return { state, close }
  } catch (error) {
    await uninterrupted(close)
    throw error
  }
}

/** The same; a process that is told to end while its lab is being opened does so with nothing left behind. */
export const openLab = async (say: (text: string) => void) => {
  const why = cannotRun()
  if (why !== undefined) throw new Error(`the lab ${why}`)
  return interruptible(() => open(say))
}
