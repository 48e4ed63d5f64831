/** What a process can read of itself: two files of /proc and its host name. */
export interface OwnTraces {
  /** `/proc/self/mountinfo`. */
  readonly mountinfo: string
  /** `/proc/self/cgroup`. */
  readonly cgroup: string
  readonly hostname: string
}

export interface OwnContainerRef {
  /** A full container ID; from the host name whatever that is, by default the short ID. */
  readonly ref: string
  readonly source: "mountinfo" | "cgroup" | "hostname"
}

/** The files that Docker mounts from the container's own folder, the most trustworthy first. */
const ownFiles = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"]

/** `…/containers/<id>/hosts`, or `/<id>/hosts` when the folder is a file system of its own; Podman puts `userdata` between. */
const OWN_FILE_ROOT = /(?:^|\/containers)\/([0-9a-f]{64})\/(?:hostname|hosts|resolv\.conf)(?:\/\/deleted)?$/

const mountedFrom = (mountinfo: string): ReadonlyArray<string> => {
  const byFile = new Map<string, string>()
  for (const line of mountinfo.split("\n")) {
    const [, , , root = "", mountPoint = ""] = line.split(" ")
    const id = OWN_FILE_ROOT.exec(root)?.[1]
    if (id !== undefined) byFile.set(mountPoint, id)
  }
  return ownFiles.map((file) => byFile.get(file)).filter((id) => id !== undefined)
}

/** The ID that most of the files agree on: a user may have mounted one of them from elsewhere. */
const mostNamed = (ids: ReadonlyArray<string>): string | undefined => {
  const votes = (id: string) => ids.filter((other) => other === id).length
  return ids.toSorted((a, b) => votes(b) - votes(a))[0]
}

/** The innermost ID of the first line, and so path, that has one: an engine within a container nests its paths. */
const innermost = (cgroup: string, pattern: RegExp): string | undefined =>
  cgroup
    .split("\n")
    .map((line) => [...line.matchAll(pattern)].at(-1)?.[1])
    .find((id) => id !== undefined)

/** `/docker/<id>` of the cgroupfs driver and `docker-<id>.scope` of systemd's. */
const DOCKER_CGROUP = /\/docker[/-]([0-9a-f]{64})(?=\.scope|\/|$)/g

/** Any container of Docker's below another parent (`cgroup_parent`, kubepods); never one of Podman's or CRI's scopes. */
const ANY_CGROUP = /\/([0-9a-f]{64})(?=\/|$)/g

/**
 * Which container this process runs in (SPEC §4), as a reference for the Docker API. The folder that Docker mounts
 * `/etc/hostname`, `/etc/hosts` and `/etc/resolv.conf` from names it; but in `network_mode: container:X` that is the folder of X, so a cgroup
 * that names a Docker container wins when the two disagree. The host name comes last, because Compose can set it to anything.
 */
export const ownContainerRef = ({ mountinfo, cgroup, hostname }: OwnTraces): OwnContainerRef => {
  const mounted = mostNamed(mountedFrom(mountinfo))
  const grouped = innermost(cgroup, DOCKER_CGROUP)
  if (mounted !== undefined && (grouped === undefined || grouped === mounted))
    return { ref: mounted, source: "mountinfo" }
  const ref = grouped ?? innermost(cgroup, ANY_CGROUP)
  return ref === undefined ? { ref: hostname.trim(), source: "hostname" } : { ref, source: "cgroup" }
}
