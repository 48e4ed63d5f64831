import { describe, expect, it } from "vitest"
import { createRequest, ofImage, type Changes } from "../../src/domain/CreateRequest.ts"
import type { Json } from "../../src/domain/Inspection.ts"
import { differing, imageWithVolume, inspectionOf, inspections, rawInspection } from "./inspections.ts"

const requestOf = (name: string, changes?: Changes) => createRequest(inspectionOf(name), changes)
const hostConfigOf = (request: { readonly body: Json }) => request.body["HostConfig"] as Json
const owner = "container:the-owner" as const

describe("reading what Docker says of a container", () => {
  it("keeps every word of it", () => {
    for (const [name, inspection] of inspections) expect(inspection, name).toEqual(rawInspection(name))
  })
})

describe("the request for the same container", () => {
  it("has the whole configuration, but for the host name by ID that Docker chose", () => {
    for (const [name, { Id, Config }] of inspections) {
      if (name === "joined") continue
      const { HostConfig: _host, ...config } = requestOf(name).body
      const { Hostname, ...rest } = Config
      const own = Hostname === Id.slice(0, 12) ? {} : { Hostname }
      expect(config, name).toEqual({ ...rest, ...own, ...(name === "commandless" ? { Entrypoint: [""] } : {}) })
    }
  })

  it("keeps a host name of its own", () => {
    expect(requestOf("connected").body).toMatchObject({ Hostname: "named.example", Domainname: "example" })
    expect(requestOf("plain").body).not.toHaveProperty("Hostname")
  })

  it("asks for no entrypoint by an empty one: none would be the image's", () => {
    expect(inspectionOf("commandless").Config.Entrypoint).toBeNull()
    expect(requestOf("commandless").body).toMatchObject({
      Entrypoint: [""],
      Cmd: ["busybox", "sleep", "1000000"],
      Healthcheck: { Test: ["NONE"] }
    })
  })

  it("has the whole host configuration, but for mounts that had no name", () => {
    for (const [name, { HostConfig }] of inspections) {
      const { Mounts: _wanted, VolumesFrom: _from, ...wanted } = hostConfigOf(requestOf(name))
      const { Mounts: _had, VolumesFrom: _borrowed, ...had } = HostConfig
      expect(wanted, name).toEqual(had)
    }
  })

  it("is for bridge where an engine told no mode, and for an image by ID where it has no name", () => {
    const request = createRequest(differing("plain", { Config: { Image: "" }, HostConfig: { NetworkMode: "" } }))
    expect(hostConfigOf(request)["NetworkMode"]).toBe("bridge")
    expect(request.body.Image).toBe(inspectionOf("plain").Image)
    expect(request.networks.map(({ name }) => name)).toEqual(["bridge"])
    const older = createRequest(differing("plain", { HostConfig: { NetworkMode: null } }))
    expect(hostConfigOf(older)["NetworkMode"]).toBe("bridge")
  })

  it("names the platform where the engine keeps images of several", () => {
    const platform = { os: "linux", architecture: "arm", variant: "v7" }
    const many = differing("plain", { ImageManifestDescriptor: { digest: "sha256:1", platform } })
    expect(createRequest(many).platform).toBe("linux/arm/v7")
    expect(createRequest(many, { image: { name: "new", replaced: {} } })).not.toHaveProperty("platform")
    expect(requestOf("plain")).not.toHaveProperty("platform")
  })

  it("can be for exactly that image", () => {
    const request = requestOf("anonymous")
    expect(ofImage(request, "sha256:1")).toEqual({ ...request, body: { ...request.body, Image: "sha256:1" } })
  })
})

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
    expect(hostConfigOf(createRequest(borrowing))).toMatchObject({
      Binds: ["/srv/b:/own", "/srv/a:/a:ro,z", "/srv/a:/b:ro", "/srv/a:/c"],
      VolumesFrom: null
    })
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

describe("networks", () => {
  it("are all asked for, that of the mode first, with fixed addresses, aliases and pinned MAC addresses", () => {
    const { networks, body } = requestOf("networks")
    expect(networks).toEqual([
      {
        name: "varied_first",
        endpoint: {
          IPAMConfig: { IPv4Address: "172.30.90.9", IPv6Address: "fd00:90::9" },
          Links: null,
          Aliases: ["here"],
          DriverOpts: null,
          MacAddress: "02:aa:00:00:00:01"
        }
      },
      {
        name: "varied_second",
        endpoint: {
          IPAMConfig: { IPv4Address: "172.30.91.9" },
          Links: null,
          Aliases: ["there", "yonder"],
          DriverOpts: null,
          MacAddress: "02:aa:00:00:00:02"
        }
      }
    ])
    expect(body["MacAddress"]).toBe("02:aa:00:00:00:01")
  })

  it("get no address that the engine chose, and no MAC address that it made of that", () => {
    const { networks } = requestOf("connected")
    expect(networks.map(({ name }) => name)).toEqual(["bridge", "varied_first", "varied_second"])
    expect(networks.map(({ endpoint }) => endpoint)).toEqual([
      { IPAMConfig: null, Links: null, Aliases: null, DriverOpts: null },
      {
        IPAMConfig: { IPv6Address: "fd00:90::a" },
        Links: null,
        Aliases: [],
        DriverOpts: { "com.docker.network.endpoint.sysctls": "" }
      },
      { IPAMConfig: { IPv4Address: "172.30.91.10" }, Links: null, Aliases: ["later"], DriverOpts: {} }
    ])
  })

  it("keep a MAC address of which nobody can tell whether it was pinned", () => {
    const random = { NetworkID: "1", IPAddress: "172.17.0.2", MacAddress: "7a:01:02:03:04:05", GwPriority: 3 }
    const docker28 = differing("plain", { NetworkSettings: { Networks: { bridge: random } } })
    expect(createRequest(docker28).networks[0]?.endpoint).toEqual({ MacAddress: "7a:01:02:03:04:05", GwPriority: 3 })
  })

  it("do not keep for aliases what engines before API 1.45 add to them: the old container's ID, and its host name", () => {
    const id = inspectionOf("plain").Id
    const aliases = (Aliases: ReadonlyArray<string>) => {
      const Networks = { bridge: { Aliases, NetworkID: "1".repeat(64) } }
      const older = differing("plain", { Config: { Hostname: "own" }, NetworkSettings: { Networks } })
      return createRequest(older).networks[0]?.endpoint["Aliases"]
    }
    expect(aliases(["web", id.slice(0, 12), "own"])).toEqual(["web"])
    expect(aliases(["web", "own"])).toEqual(["web", "own"])
  })

  it("are left that it was disconnected from", () => {
    const { networks, leave } = requestOf("moved")
    expect(networks.map(({ name }) => name)).toEqual(["varied_second"])
    expect(leave).toBe("varied_first")
    const leaving = [...inspections.keys()].filter((name) => requestOf(name).leave !== undefined)
    expect(leaving).toEqual(["moved"])
  })

  it("may be meant by ID, or by the oldest name of Docker's bridge", () => {
    const id = inspectionOf("plain").NetworkSettings.Networks?.["bridge"]?.NetworkID ?? ""
    for (const mode of ["default", id, id.slice(0, 12)]) {
      const request = createRequest(differing("plain", { HostConfig: { NetworkMode: mode } }))
      expect(request, mode).not.toHaveProperty("leave")
      expect(hostConfigOf(request)["NetworkMode"]).toBe(mode)
    }
  })
})

describe("the namespace of another container", () => {
  it("is joined without what only its owner may have, though Docker shows it", () => {
    const { Config } = inspectionOf("joined")
    expect(Config).toMatchObject({ Hostname: "named.example", Domainname: "example", ExposedPorts: { "80/tcp": {} } })
    const { body, networks } = requestOf("joined")
    for (const key of ["Hostname", "Domainname", "ExposedPorts", "MacAddress"]) expect(body).not.toHaveProperty(key)
    expect(networks).toEqual([])
    const open = hostConfigOf(requestOf("published", { networkMode: owner }))
    expect(open).not.toHaveProperty("PortBindings")
    expect(open).not.toHaveProperty("PublishAllPorts")
    expect(open).toMatchObject({ Dns: [], ExtraHosts: null, Links: null })
    const named = hostConfigOf(requestOf("supervised", { networkMode: owner }))
    expect(named).not.toHaveProperty("Dns")
    expect(named).toMatchObject({ DnsOptions: ["ndots:2"], DnsSearch: ["example"], PublishAllPorts: false })
    expect(hostConfigOf(requestOf("connected", { networkMode: owner }))).not.toHaveProperty("ExtraHosts")
  })

  it("can be another's than before; the rest is the same", () => {
    for (const name of ["joined", "networks", "published"]) {
      const before = requestOf(name)
      const after = requestOf(name, { networkMode: owner })
      expect(hostConfigOf(after)["NetworkMode"]).toBe(owner)
      expect(after.networks).toEqual([])
      const gone = ["Hostname", "Domainname", "ExposedPorts", "MacAddress"]
      const { HostConfig: _a, ...had } = before.body
      const { HostConfig: _b, ...has } = after.body
      expect(has).toEqual(Object.fromEntries(Object.entries(had).filter(([key]) => !gone.includes(key))))
    }
  })

  it("takes the PID and IPC namespaces along that were the same container's, and no others", () => {
    const mode = inspectionOf("joined").HostConfig.NetworkMode
    const all = differing("joined", { HostConfig: { PidMode: mode, IpcMode: mode } })
    expect(hostConfigOf(createRequest(all, { networkMode: owner }))).toMatchObject({ PidMode: owner, IpcMode: owner })
    const others = differing("joined", { HostConfig: { PidMode: "container:other", IpcMode: "host" } })
    expect(hostConfigOf(createRequest(others, { networkMode: owner }))).toMatchObject({
      PidMode: "container:other",
      IpcMode: "host"
    })
    const companion = requestOf("companion", { networkMode: owner })
    expect(hostConfigOf(companion)["PidMode"]).toBe(inspectionOf("companion").HostConfig.PidMode)
  })
})

describe("another image", () => {
  const image = { name: "anchord:next", replaced: imageWithVolume }

  it("brings its own defaults: what the container had from its old image is not asked for", () => {
    const { body, networks } = requestOf("published", { image })
    expect(body).toMatchObject({
      Image: "anchord:next",
      Entrypoint: ["tini"],
      Cmd: ["--", "busybox", "sleep", "1000000"],
      Env: [],
      Volumes: {},
      ExposedPorts: { "82/tcp": {}, "9999/tcp": {} }
    })
    expect(body).not.toHaveProperty("WorkingDir")
    expect(body.Labels).not.toHaveProperty("from")
    expect(body["Healthcheck"]).not.toHaveProperty("Interval")
    expect(networks).toEqual(requestOf("published").networks)
    expect(hostConfigOf({ body })["Mounts"]).toMatchObject([{ Target: "/data" }])
  })

  it("runs its own program where the container had the old image's, and the container's own otherwise", () => {
    const program = (own: object) => {
      const { Entrypoint, Cmd } = createRequest(differing("anonymous", { Config: own }), { image }).body
      return { Entrypoint, Cmd }
    }
    const replaced = { Entrypoint: ["tini", "--", "anchord"], Cmd: null }
    expect(program(replaced)).toEqual({})
    expect(program({ ...replaced, Cmd: ["doctor"] })).toEqual({ Cmd: ["doctor"] })
    expect(program({ Entrypoint: ["sh"], Cmd: null })).toEqual({ Entrypoint: ["sh"], Cmd: null })
    expect(program({ Entrypoint: null, Cmd: ["sh"] })).toEqual({ Entrypoint: [""], Cmd: ["sh"] })
  })

  it("keeps what the container says otherwise than its old image", () => {
    const own = {
      Env: ["FROM_IMAGE=no", "OWN=1"],
      User: "1000",
      WorkingDir: "/tmp",
      Labels: { from: "operator", own: "1" }
    }
    expect(createRequest(differing("anonymous", { Config: own }), { image }).body).toMatchObject(own)
  })
})

describe("variables that get another value", () => {
  const environmentOf = (changes: Changes) => requestOf("plain", changes).body["Env"]
  const before = inspectionOf("plain").Config.Env ?? []

  it("have that one and no other; all others stay as they are", () => {
    const once = environmentOf({ environment: { ANCHORD_GATEWAY_IP: "172.20.0.2" } })
    expect(once).toEqual([...before, "ANCHORD_GATEWAY_IP=172.20.0.2"])
    const [first = ""] = before
    const name = first.split("=")[0] ?? ""
    expect(environmentOf({ environment: { [name]: "new" } })).toEqual([...before.slice(1), `${name}=new`])
  })

  it("bring nothing of the old image along when the image changes as well", () => {
    const image = { name: "next", replaced: { Env: before } }
    expect(environmentOf({ image, environment: { A: "1" } })).toEqual(["A=1"])
  })
})
