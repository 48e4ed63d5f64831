import * as fc from "fast-check"
import type { OwnTraces } from "../../src/domain/OwnContainer.ts"

/** A container ID; few, so that one may be in several places. */
export const ids = fc.constantFrom(..."a1b2c3d4".split("").map((digit) => digit.repeat(64)))

const dataRoots = fc.constantFrom("/var/lib/docker/containers", "/srv/docker/containers", "/containers", "")

const ownFiles = ["hostname", "hosts", "resolv.conf"]

const line = (root: string, mountPoint: string): string =>
  `1218 1211 254:1 ${root} ${mountPoint} rw,relatime master:7 - ext4 /dev/vda1 rw,discard`

/** The line by which Docker mounts one of the three files from a container's folder. */
export const mountOf = (id: string, file: string, dataRoot = "/var/lib/docker/containers"): string =>
  line(`${dataRoot}/${id}/${file}`, `/etc/${file}`)

/** The three lines of one container, in any order. */
export const ownMounts = (id: string): fc.Arbitrary<ReadonlyArray<string>> =>
  fc
    .tuple(dataRoots, fc.shuffledSubarray(ownFiles, { minLength: 3 }))
    .map(([root, files]) => files.map((file) => mountOf(id, file, root)))

/** Mounts that say nothing of the own container, though some name the folders of others, or have IDs that are none of a container. */
export const otherMounts: fc.Arbitrary<ReadonlyArray<string>> = fc.array(
  fc
    .tuple(ids, fc.constantFrom(...ownFiles), fc.nat({ max: 8 }))
    .map(
      ([id, file, kind]) =>
        [
          `1211 1102 0:81 / / rw,relatime - overlay overlay rw,upperdir=/var/lib/docker/overlay2/${id}/diff`,
          line("/", "/proc"),
          line("/var/lib/docker/containers", "/host/containers"),
          line(`/var/lib/docker/containers/${id}`, "/logs"),
          line(`/var/lib/docker/containers/${id}/${file}`, `/host/etc/${file}`),
          line(`/var/lib/containers/storage/overlay-containers/${id}/userdata/${file}`, `/etc/${file}`),
          line(`/var/lib/docker/volumes/${id}/_data`, "/data"),
          line(`/srv/mail/${file}`, "/etc/mail"),
          line(`/srv/builds/${id}/${file}`, `/etc/${file}`)
        ][kind] ?? ""
    ),
  { maxLength: 6 }
)

/** The cgroup of a Docker container, by whatever driver and cgroup version. */
export const dockerCgroup = (id: string): fc.Arbitrary<string> =>
  fc.constantFrom(
    `0::/docker/${id}`,
    `0::/system.slice/docker-${id}.scope`,
    `12:cpuset:/docker/${id}\n11:memory:/docker/${id}\n0::/`,
    `0::/docker/${"f".repeat(64)}/docker/${id}`,
    `0::/docker-${id}.scope/init`
  )

/** The cgroup of a Docker container below another parent. */
export const otherCgroup = (id: string): fc.Arbitrary<string> =>
  fc.constantFrom(`0::/mail.slice/${id}`, `4:memory:/${id}/init`, `0::/kubepods/burstable/pod1/${id}`)

/** Cgroups that tell nothing: a private cgroup namespace, the host's slices, the scopes of other engines. */
export const silentCgroups: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom("0::/", "", "0::/user.slice/user-1000.slice", "0::/machine.slice/libpod-ID.scope"), ids)
  .map(([cgroup, id]) => cgroup.replace("ID", id))

/** Anything at all, now and then with something that looks like an ID. */
export const anyTraces: fc.Arbitrary<OwnTraces> = fc.record({
  mountinfo: fc.oneof(
    fc.string(),
    fc.tuple(ids.chain(ownMounts), otherMounts).map((all) => all.flat().join("\n"))
  ),
  cgroup: fc.oneof(
    fc.string(),
    ids.chain(dockerCgroup),
    silentCgroups,
    ids.map((id) => `1:x:/pods/${id}\n:::`)
  ),
  hostname: fc.oneof(fc.string(), fc.constantFrom("mail", " mail\n", "0123456789ab"))
})
