import { describe, expect, it } from "vitest"
import { createRequest } from "../../src/domain/CreateRequest.ts"
import type { Json } from "../../src/domain/Inspection.ts"
import { differing, inspectionOf } from "./inspections.ts"

const requestOf = (name: string) => createRequest(inspectionOf(name))
const hostConfigOf = (request: { readonly body: Json }) => request.body["HostConfig"] as Json

describe("data", () => {
  it("in anonymous volumes stays: of the command line, of the image and of a typed mount", () => {
    const { Mounts } = inspectionOf("anonymous")
    const volume = (path: string) => Mounts?.find(({ Destination }) => Destination === path)?.Name
    const mount = (path: string) => ({
      Type: "volume",
      Source: volume(path),
      Target: path,
      VolumeOptions: { NoCopy: true }
    })
    const host = hostConfigOf(requestOf("anonymous"))
    expect(host["Mounts"]).toEqual([mount("/typed"), mount("/data"), mount("/scratch")])
    expect(host["Binds"]).toBeNull()
    expect(requestOf("anonymous").body["Volumes"]).toEqual({ "/scratch": {}, "/data": {} })
  })

  it("in one anonymous volume stays beside one typed mount", () => {
    const volume = (Name: string, Destination: string) => ({
      ...{ Type: "volume", Name, Source: "/v", Destination, Mode: "", RW: true }
    })
    const typed = { Type: "volume", Source: "named", Target: "/named", VolumeOptions: { Labels: {} } }
    const two = differing("plain", {
      HostConfig: { Mounts: [typed] },
      Mounts: [volume("named", "/named"), volume("0".repeat(64), "/data")]
    })
    expect(hostConfigOf(createRequest(two))["Mounts"]).toEqual([
      typed,
      { Type: "volume", Source: "0".repeat(64), Target: "/data", VolumeOptions: { NoCopy: true } }
    ])
  })

  it("is mounted as it was asked for where the engine tells of no volume", () => {
    const typed = { Type: "volume", Target: "/data" }
    const untold = differing("plain", { HostConfig: { Mounts: [typed] }, Mounts: null })
    expect(hostConfigOf(createRequest(untold))["Mounts"]).toEqual([typed])
  })

  it("that is mounted by name is mounted as it was", () => {
    const { HostConfig } = inspectionOf("mounted")
    expect(hostConfigOf(requestOf("mounted"))).toMatchObject({
      Binds: HostConfig.Binds,
      Mounts: HostConfig.Mounts,
      Tmpfs: { "/tmpfs": "size=1m,mode=1777" }
    })
    expect(HostConfig.Binds).toHaveLength(3)
    expect(HostConfig.Mounts).toHaveLength(4)
  })

  it("of another container stays, whatever becomes of that: its volumes are named, read-only if they were", () => {
    const { Mounts } = inspectionOf("borrowing")
    const host = hostConfigOf(requestOf("borrowing"))
    expect(host["VolumesFrom"]).toBeNull()
    expect(host["Mounts"]).toEqual(
      ["/data", "/scratch", "/typed"].map((path) => ({
        Type: "volume",
        Source: Mounts?.find(({ Destination }) => Destination === path)?.Name,
        Target: path,
        ReadOnly: true,
        VolumeOptions: { NoCopy: true }
      }))
    )
  })

  it("on the host that came from another container is bound, in the mode it had", () => {
    const bind = (Destination: string, more: object) => ({
      Type: "bind",
      Source: "/srv/a",
      Destination,
      Propagation: "rprivate",
      ...more
    })
    const borrowing = differing("plain", {
      HostConfig: { VolumesFrom: ["other"], Binds: ["/srv/b:/own"] },
      Mounts: [
        bind("/a", { Mode: "ro,z", RW: false }),
        bind("/b", { Mode: "", RW: false }),
        bind("/c", { Mode: "", RW: true }),
        bind("/own", { Source: "/srv/b", Mode: "", RW: true })
      ]
    })
    const host = hostConfigOf(createRequest(borrowing))
    expect(host).toMatchObject({
      Binds: ["/srv/b:/own", "/srv/a:/a:ro,z", "/srv/a:/b:ro", "/srv/a:/c"],
      VolumesFrom: null
    })
    expect(host).not.toHaveProperty("Mounts")
  })

  it("in a volume that a bind asks for without a name stays, and paths are compared as Docker writes them", () => {
    const mounts = [
      { Type: "volume", Name: "0".repeat(64), Source: "/v", Destination: "/bare", Mode: "", RW: true },
      { Type: "volume", Name: "named", Source: "/v", Destination: "/data/sub", Mode: "z", RW: true },
      { Type: "tmpfs", Source: "", Destination: "/t", Mode: "", RW: true }
    ]
    const bare = differing("plain", {
      HostConfig: { Binds: ["/bare", "named:/data/./sub/"], Tmpfs: { "/t/": "" } },
      Mounts: mounts
    })
    const host = hostConfigOf(createRequest(bare))
    expect(host["Binds"]).toEqual(["named:/data/./sub/"])
    expect(host["Mounts"]).toMatchObject([{ Source: "0".repeat(64), Target: "/bare" }])
  })
})
