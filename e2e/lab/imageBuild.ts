import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs"
import { run } from "./command.ts"
import { startEngine } from "./engine.ts"
import { cache, dist, labFolder, project } from "./folders.ts"
import { exclusively } from "./lock.ts"
import { baseArchive, engineRoot } from "./rootfs.ts"

export const IMAGE = "anchord:latest"
export const BASE = "debian:trixie-slim"
export const archive = `${dist}/anchord-image.tar`
const stamp = `${dist}/anchord-image.inputs`

const inputs = [
  "Dockerfile",
  "package.json",
  "package-lock.json",
  ".npmrc",
  "tsconfig.json",
  "build.mjs",
  "image",
  "src"
]

const filesOf = (path: string): ReadonlyArray<string> =>
  statSync(`${project}/${path}`).isDirectory()
    ? readdirSync(`${project}/${path}`)
        .toSorted()
        .flatMap((name) => filesOf(`${path}/${name}`))
    : [path]

/** A digest of everything that the image is made of. */
const fingerprint = (): string => {
  const hash = createHash("sha256")
  for (const file of inputs.flatMap(filesOf)) hash.update(file).update(readFileSync(`${project}/${file}`))
  return hash.digest("hex")
}

/** Whether the archive is there and was made of what is here now. */
export const isCurrent = (): boolean =>
  existsSync(archive) && existsSync(stamp) && readFileSync(stamp, "utf8") === fingerprint()

type Docker = (args: ReadonlyArray<string>, onOutput?: (text: string) => void) => Promise<string>

const commit = (): Promise<string> =>
  run(["git", "-C", project, "rev-parse", "--short=12", "HEAD"]).then(
    (text) => text.trim(),
    () => "none"
  )

/** Progress of a build without its thousand lines: the name of each step as it begins. */
const stepsOnly = (say: (text: string) => void) => (text: string) => {
  for (const line of text.split("\n")) {
    const step = /^#\d+ (\[.*)$/.exec(line)?.[1]
    if (step !== undefined) say(step)
  }
}

/** The base image: from a registry where one answers, otherwise made of Debian's packages. */
const haveBase = async (docker: Docker, say: (text: string) => void): Promise<void> => {
  if (await docker(["image", "inspect", BASE]).catch(() => "")) return
  const pulled = await docker(["pull", BASE]).catch(() => undefined)
  if (pulled !== undefined) return
  const tar = await baseArchive(say)
  await docker(["import", tar.replace(project, "/project"), BASE])
}

const buildWith = async (docker: Docker, context: string, folder: string, say: (text: string) => void) => {
  const { version } = JSON.parse(readFileSync(`${project}/package.json`, "utf8")) as { version: string }
  const ca = process.env["NODE_EXTRA_CA_CERTS"]
  const secrets = `${labFolder}/ca.pem`
  mkdirSync(labFolder, { recursive: true })
  writeFileSync(secrets, ca === undefined || !existsSync(ca) ? "" : readFileSync(ca))
  await docker(
    [
      ...["build", "--progress=plain", "--network=host", "-t", IMAGE],
      ...["--secret", `id=ca,src=${secrets.replace(project, context)}`],
      ...["--build-arg", `ANCHORD_VERSION=${version}`, "--build-arg", `ANCHORD_COMMIT=${await commit()}`],
      folder
    ],
    stepsOnly(say)
  )
}

const finish = async () => {
  renameSync(`${archive}.unfinished`, archive)
  writeFileSync(stamp, fingerprint())
}

const hostDocker: Docker = (args, onOutput) => run(["docker", ...args], onOutput === undefined ? {} : { onOutput })

/** Whether the machine has an engine: the one of DOCKER_HOST or the default socket. */
const engineAtHand = (): Promise<boolean> =>
  run(["docker", "version", "--format", "{{.Server.Version}}"], { timeoutMillis: 10_000 }).then(
    () => true,
    () => false
  )

/**
 * Builds the image and leaves it as an archive that `docker load` takes: with the machine's Docker engine, or where there is none with one
 * that lives for as long as the build.
 */
export const buildImage = (say: (text: string) => void): Promise<void> => {
  mkdirSync(cache, { recursive: true })
  mkdirSync(dist, { recursive: true })
  return exclusively(`${cache}/build.lock`, () => (isCurrent() ? Promise.resolve() : build(say)))
}

const build = async (say: (text: string) => void): Promise<void> => {
  const unfinished = `${archive}.unfinished`
  if (await engineAtHand()) {
    say("building with the Docker engine of this machine")
    await buildWith(hostDocker, project, project, say)
    await hostDocker(["save", "-o", unfinished, IMAGE])
    return finish()
  }
  const [root] = await Promise.all([engineRoot(say), baseArchive(say)])
  say("building with a Docker engine of its own")
  const { engine, stop } = await startEngine({ root, work: `${cache}/builder`, keep: true })
  try {
    const docker: Docker = (args, onOutput) =>
      engine.inside(["docker", ...args], onOutput === undefined ? {} : { onOutput })
    await haveBase(docker, say)
    await buildWith(docker, "/project", "/project", say)
    await docker(["save", "-o", unfinished.replace(project, "/project"), IMAGE])
    return await finish()
  } finally {
    await stop()
  }
}
