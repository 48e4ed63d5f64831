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

  it("runs its own program where neither the old image nor the container had an entrypoint", () => {
    const bare = { name: "next", replaced: { Cmd: ["serve"] } }
    const program = (own: object) => createRequest(differing("anonymous", { Config: own }), { image: bare }).body
    const same = program({ Entrypoint: null, Cmd: ["serve"] })
    expect([same["Entrypoint"], same["Cmd"]]).toEqual([undefined, undefined])
    const other = program({ Entrypoint: null, Cmd: ["debug"] })
    expect([other["Entrypoint"], other["Cmd"]]).toEqual([undefined, ["debug"]])
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
