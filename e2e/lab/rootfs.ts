import { createHash } from "node:crypto"
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs"
import { run } from "./command.ts"
import { cache } from "./folders.ts"
import { exclusively } from "./lock.ts"

const SUITE = "trixie"

const enginePackages = [
  "docker.io",
  "docker-cli",
  "docker-buildx",
  "docker-compose",
  "containerd",
  "runc",
  "iptables",
  "nftables",
  "conntrack",
  "iproute2",
  "busybox",
  "procps",
  "ca-certificates",
  "kmod"
]

/** A name for a set of packages, so that another set is another tree. */
const contentsOf = (packages: ReadonlyArray<string>): string =>
  createHash("sha256").update(packages.toSorted().join()).digest("hex").slice(0, 8)

/** Makes something under a name that it only gets when it is whole, in one process at a time. */
const madeOnce = async (path: string, make: (unfinished: string) => Promise<void>): Promise<string> => {
  if (existsSync(path)) return path
  mkdirSync(cache, { recursive: true })
  return exclusively(`${path}.lock`, async () => {
    // Another process may have made it meanwhile.
    if (existsSync(path)) return path
    const unfinished = `${path}.unfinished`
    rmSync(unfinished, { recursive: true, force: true })
    try {
      await make(unfinished)
      renameSync(unfinished, path)
    } finally {
      rmSync(unfinished, { recursive: true, force: true })
    }
    return path
  })
}

/** A Debian tree with a Docker engine, its command line, Compose and buildx in it. Made once, from Debian's packages. */
export const engineRoot = (say: (text: string) => void): Promise<string> =>
  madeOnce(`${cache}/engine-${SUITE}-${contentsOf(enginePackages)}`, async (unfinished) => {
    say("making a Debian tree with a Docker engine (about 30 s, once)")
    await run(["mmdebstrap", "--variant=minbase", `--include=${enginePackages.join(",")}`, SUITE, unfinished])
  })

/** What the slim variant of Debian's image leaves out. */
const leftOut = ["doc", "groff", "info", "linda", "lintian", "locale", "man"].map((name) => `/usr/share/${name}/*`)

/** What `debian:trixie-slim` is where no registry answers: an archive for `docker import`. */
export const baseArchive = (say: (text: string) => void): Promise<string> =>
  madeOnce(`${cache}/debian-${SUITE}-slim.tar`, async (unfinished) => {
    say("making the Debian base image from packages (about 20 s, once)")
    await run([
      ...["mmdebstrap", "--variant=minbase", "--format=tar"],
      ...leftOut.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
      ...["--dpkgopt=path-include=/usr/share/doc/*/copyright", SUITE, unfinished]
    ])
  })

/** The nft of Debian 12, which is too old for anchord, with all that it is linked to. */
export const oldNft = (say: (text: string) => void): Promise<string> =>
  madeOnce(`${cache}/nft-bookworm`, async (unfinished) => {
    say("fetching the nft of Debian 12 (once)")
    await run(["mmdebstrap", "--variant=extract", "--include=nftables", "bookworm", unfinished])
  })
