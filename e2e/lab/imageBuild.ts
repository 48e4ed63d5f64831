import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { run } from "./command.ts"
import { buildFolder, withBuilder, type Builder } from "./builder.ts"
import { dist, labFolder, project } from "./folders.ts"

/** Images that are made together, as an archive that `docker load` takes. */
export interface Archive {
  readonly path: string
  /** Files and folders of the repository that the images are made of. */
  readonly inputs: ReadonlyArray<string>
  /** Builds, and answers with the images' names. */
  readonly build: (builder: Builder, say: (text: string) => void) => Promise<ReadonlyArray<string>>
}

export const IMAGE = "anchord:latest"

const revision = async (name: string): Promise<string> =>
  (await run(["git", "-C", project, "rev-parse", "--short=12", `${name}^{commit}`])).trim()

/** The certificates that this machine trusts beside Node's own, as a file in the repository; empty when there are none. */
const certificates = (): string => {
  const path = `${labFolder}/ca.pem`
  const given = process.env["NODE_EXTRA_CA_CERTS"]
  mkdirSync(labFolder, { recursive: true })
  writeFileSync(path, given === undefined || !existsSync(given) ? "" : readFileSync(given))
  return path
}

const buildAnchord = async (
  builder: Builder,
  say: (text: string) => void,
  { folder, tag, commit }: { readonly folder: string; readonly tag: string; readonly commit: string }
): Promise<ReadonlyArray<string>> => {
  const { version } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8")) as { version: string }
  const about = ["--build-arg", `ANCHORD_VERSION=${version}`, "--build-arg", `ANCHORD_COMMIT=${commit}`]
  const secret = ["--secret", `id=ca,src=${builder.at(certificates())}`]
  await buildFolder(builder, say, folder, "-t", tag, ...secret, ...about)
  return [tag]
}

export const anchordImage: Archive = {
  path: `${dist}/anchord-image.tar`,
  inputs: ["Dockerfile", "package.json", "package-lock.json", ".npmrc", "tsconfig.json", "build.mjs", "image", "src"],
  build: async (builder, say) => {
    const commit = await revision("HEAD").catch(() => "none")
    return buildAnchord(builder, say, { folder: project, tag: IMAGE, commit })
  }
}

/** The image of another commit of this repository, and what it is called. */
export const imageOfCommit = async (name: string): Promise<{ readonly archive: Archive; readonly tag: string }> => {
  const commit = await revision(name)
  const tag = `anchord:${commit}`
  const folder = `${labFolder}/commit-${commit}`
  return {
    tag,
    archive: {
      path: `${dist}/anchord-${commit}.tar`,
      inputs: [],
      build: async (builder, say) => {
        rmSync(folder, { recursive: true, force: true })
        mkdirSync(folder, { recursive: true })
        await run(["sh", "-c", 'git -C "$1" archive "$2" | tar -x -C "$3"', "sh", project, commit, folder])
        return buildAnchord(builder, say, { folder, tag, commit })
      }
    }
  }
}

/** What Compose calls the images that the services of the examples build. */
const imagesOfExamples = {
  "docker-proxy": ["mailcow-shaped-docker-proxy", "authentik-like-docker-proxy", "wrap-mailcow-docker-proxy"],
  "stand-in": [
    ...["mailcow-shaped-postfix", "mailcow-shaped-dovecot", "mailcow-shaped-nginx"],
    "dhcp-web",
    ...["authentik-like-server", "authentik-like-worker"],
    ...["unbound", "mysql", "redis", "dovecot", "postfix", "nginx"].map((name) => `mailcowdockerized-${name}-mailcow`)
  ]
}

export const exampleImages: Archive = {
  path: `${dist}/example-images.tar`,
  inputs: [...Object.keys(imagesOfExamples).map((folder) => `examples/${folder}`), "e2e/lab/imageBuild.ts"],
  build: async (builder, say) => {
    for (const [folder, names] of Object.entries(imagesOfExamples)) {
      await buildFolder(builder, say, `${project}/examples/${folder}`, ...names.flatMap((name) => ["-t", name]))
    }
    return Object.values(imagesOfExamples).flat()
  }
}

const filesOf = (path: string): ReadonlyArray<string> =>
  statSync(`${project}/${path}`).isDirectory()
    ? readdirSync(`${project}/${path}`)
        .toSorted()
        .flatMap((name) => filesOf(`${path}/${name}`))
    : [path]

const fingerprint = ({ inputs }: Archive): string => {
  const hash = createHash("sha256")
  for (const file of inputs.flatMap(filesOf)) hash.update(file).update(readFileSync(`${project}/${file}`))
  return hash.digest("hex")
}

const stampOf = ({ path }: Archive): string => `${path}.inputs`

/** Whether the archive is there and was made of what is here now. */
const isCurrent = (archive: Archive): boolean =>
  existsSync(archive.path) &&
  existsSync(stampOf(archive)) &&
  readFileSync(stampOf(archive), "utf8") === fingerprint(archive)

/** Builds the images of an archive, unless it is current. */
export const makeArchive = async (archive: Archive, say: (text: string) => void): Promise<void> => {
  if (isCurrent(archive)) return
  mkdirSync(dist, { recursive: true })
  await withBuilder(say, async (builder) => {
    // Another process may have built it meanwhile.
    if (isCurrent(archive)) return
    const inputs = fingerprint(archive)
    const unfinished = `${archive.path}.unfinished`
    const names = await archive.build(builder, say)
    await builder.docker(["save", "-o", builder.at(unfinished), ...names])
    renameSync(unfinished, archive.path)
    writeFileSync(stampOf(archive), inputs)
  })
}
