import { describe, expect, it } from "vitest"
import { ownContainerRef } from "../../src/domain/OwnContainer.ts"

const own = "e3a1a21a7d0f53c3a4f0c5a1b9a7ee0ad6e3a94f1f3a6e6f9d2c5b8a7c6d5e4f"
const other = "0f9e8d7c6b5a49382716051423324150617283940a1b2c3d4e5f60718293a4b5"

const mounts = (id: string, folder = "/var/lib/docker/containers") => `\
1211 1102 0:81 / / rw,relatime master:412 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/ABC,upperdir=/var/lib/docker/overlay2/${"a".repeat(64)}/diff,workdir=/var/lib/docker/overlay2/${"a".repeat(64)}/work
1212 1211 0:84 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
1213 1211 0:85 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755
1217 1213 0:80 / /dev/shm rw,nosuid,nodev,noexec,relatime - tmpfs shm rw,size=65536k
1218 1211 254:1 ${folder}/${id}/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/vda1 rw,discard
1219 1211 254:1 ${folder}/${id}/hostname /etc/hostname rw,relatime - ext4 /dev/vda1 rw,discard
1220 1211 254:1 ${folder}/${id}/hosts /etc/hosts rw,relatime - ext4 /dev/vda1 rw,discard
1103 1212 0:84 /bus /proc/bus ro,nosuid,nodev,noexec,relatime - proc proc rw
`

const find = (traces: { mountinfo?: string; cgroup?: string; hostname?: string }) =>
  ownContainerRef({ mountinfo: "", cgroup: "0::/\n", hostname: "mail", ...traces })

describe("ownContainerRef: mounts", () => {
  it("takes the folder that Docker mounts /etc/hostname and its like from", () => {
    expect(find({ mountinfo: mounts(own) })).toEqual({ ref: own, source: "mountinfo" })
  })

  it("finds it in another data root, in a sub-volume, and on a file system of its own", () => {
    for (const folder of ["/srv/docker/containers", "/@/var/lib/docker/containers", "/containers", ""])
      expect(find({ mountinfo: mounts(own, folder) })).toEqual({ ref: own, source: "mountinfo" })
  })

  it("is not misled by a mount of Docker's data root or of another container's folder", () => {
    const misleading = `\
1300 1211 254:1 /var/lib/docker /host/docker ro,relatime - ext4 /dev/vda1 rw
1301 1211 254:1 /var/lib/docker/containers/${other} /logs ro,relatime - ext4 /dev/vda1 rw
1302 1211 254:1 /var/lib/docker/containers/${other}/hostname /host/etc/hostname ro,relatime - ext4 /dev/vda1 rw
`
    expect(find({ mountinfo: misleading + mounts(own) }).ref).toBe(own)
    expect(find({ mountinfo: mounts(own) + misleading }).ref).toBe(own)
    expect(find({ mountinfo: misleading })).toEqual({ ref: "mail", source: "hostname" })
  })

  it("goes by the majority when one of the files is mounted from another container", () => {
    for (const file of ["hosts", "hostname", "resolv.conf"]) {
      const mixed = mounts(own).replace(`${own}/${file} `, `${other}/${file} `)
      expect(find({ mountinfo: mixed })).toEqual({ ref: own, source: "mountinfo" })
    }
  })

  it("lets a file of the user's own stand for one of them", () => {
    const mountinfo = mounts(own).replace(`/var/lib/docker/containers/${own}/hosts`, "/srv/mail/hosts")
    expect(find({ mountinfo }).ref).toBe(own)
    const two = mountinfo.replace(`/var/lib/docker/containers/${own}/hostname`, "/srv/mail/hostname")
    expect(find({ mountinfo: two }).ref).toBe(own)
  })

  it("sees the latest of several mounts on one file", () => {
    const line = (id: string) =>
      `1 2 254:1 /var/lib/docker/containers/${id}/hostname /etc/hostname rw - ext4 /dev/vda1 rw\n`
    expect(find({ mountinfo: line(other) + line(own) }).ref).toBe(own)
  })

  it("reads a file that was replaced below its mount", () => {
    const mountinfo = mounts(own).replaceAll(/\/(hosts|hostname|resolv\.conf) \//g, "/$1//deleted /")
    expect(find({ mountinfo })).toEqual({ ref: own, source: "mountinfo" })
  })

  it("does not take Podman's folders for Docker's", () => {
    const podman = ["/var/lib/containers/storage/overlay-containers", "/containers/overlay-containers"].map(
      (folder) => `\
700 650 0:25 ${folder}/${other}/userdata/hostname /etc/hostname rw,nosuid,nodev - tmpfs tmpfs rw
701 650 0:25 ${folder}/${other}/userdata/hosts /etc/hosts rw,nosuid,nodev - tmpfs tmpfs rw
702 650 0:25 ${folder}/${other}/userdata/resolv.conf /etc/resolv.conf rw,nosuid,nodev - tmpfs tmpfs rw
`
    )
    for (const mountinfo of podman) expect(find({ mountinfo }).source).toBe("hostname")
  })
})

describe("ownContainerRef: cgroups", () => {
  const inCgroup = (...lines: ReadonlyArray<string>) => find({ cgroup: lines.join("\n") + "\n" })

  it("reads cgroup v1 with the cgroupfs driver", () => {
    expect(inCgroup(`12:pids:/docker/${own}`, `11:cpu,cpuacct:/docker/${own}`, "1:name=systemd:/")).toEqual({
      ref: own,
      source: "cgroup"
    })
  })

  it("reads cgroup v2 in the host's cgroup namespace, and a process that runs below its container's cgroup", () => {
    expect(inCgroup(`0::/system.slice/docker-${own}.scope`).ref).toBe(own)
    expect(inCgroup(`0::/system.slice/docker-${own}.scope/init.scope`).ref).toBe(own)
    expect(inCgroup(`0::/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${own}.scope`).ref).toBe(own)
  })

  it("takes the inner container of an engine that runs in a container", () => {
    expect(inCgroup(`0::/docker/${other}/docker/${own}`).ref).toBe(own)
    expect(inCgroup(`0::/system.slice/docker-${other}.scope/docker/${own}`).ref).toBe(own)
  })

  it("reads a parent of the user's choice, and kubepods", () => {
    expect(inCgroup(`0::/build.slice/${own}`).ref).toBe(own)
    expect(inCgroup(`8:memory:/kubepods/burstable/pod1f6c1f4e-5a5e-4f6c-9d07-1cd5b0f2a3b4/${own}`).ref).toBe(own)
  })

  it("keeps to the cgroup when the mounts come from the container whose network was joined", () => {
    expect(find({ mountinfo: mounts(other), cgroup: `0::/system.slice/docker-${own}.scope\n` })).toEqual({
      ref: own,
      source: "cgroup"
    })
  })

  it("does not let a cgroup that is not Docker's overrule the mounts, nor one that says the same", () => {
    expect(find({ mountinfo: mounts(own), cgroup: `0::/docker/${own}\n` })).toEqual({ ref: own, source: "mountinfo" })
    expect(find({ mountinfo: mounts(own), cgroup: `0::/outer/${other}\n` })).toEqual({ ref: own, source: "mountinfo" })
  })

  it("refuses IDs of the wrong length and scopes of other runtimes", () => {
    for (const path of [
      `/docker/${own.slice(0, 12)}`,
      `/docker/${own}0`,
      `/machine.slice/libpod-${other}.scope`,
      `/kubepods.slice/cri-containerd-${other}.scope`,
      "/system.slice/docker.service"
    ])
      expect(inCgroup(`0::${path}`), path).toEqual({ ref: "mail", source: "hostname" })
  })
})

describe("ownContainerRef: the host name", () => {
  it("is the last resort, without blanks", () => {
    expect(find({ hostname: "e3a1a21a7d0f\n" })).toEqual({ ref: "e3a1a21a7d0f", source: "hostname" })
  })
})
