import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { projectInConfig } from "../../src/domain/ComposeConfig.ts"
import { printPublished } from "../../src/domain/PublishedPort.ts"

const read = (config: unknown) => Result.getOrThrow(projectInConfig(config))
const refusal = (config: unknown) => Result.getOrThrow(Result.flip(projectInConfig(config)))

const service = (more: object = {}) => ({ image: "x", command: null, networks: { default: null }, ...more })
const cloud = (services: object, networks: object = { default: { name: "cloud_default", ipam: {} } }) => ({
  name: "cloud",
  services,
  networks
})

describe("a project as docker compose config prints it", () => {
  it("has a container for each replica, named as Compose will name it", () => {
    const { project, containers } = read(
      cloud({
        web: service({ scale: 2 }),
        api: service({ deploy: { replicas: 0, placement: {} } }),
        db: service({ container_name: "database" })
      })
    )
    expect(project).toBe("cloud")
    expect(containers.map(({ name, service: of }) => [name, of])).toEqual([
      ["cloud-web-1", "web"],
      ["cloud-web-2", "web"],
      ["database", "db"]
    ])
  })

  it("has the ports in their long form, whatever kind of number they are", () => {
    const ports = [
      { mode: "ingress", target: 443, published: "8443", protocol: "tcp" },
      { mode: "ingress", target: 53, published: 53, protocol: "udp", host_ip: "127.0.0.1" },
      { mode: "ingress", target: 80, protocol: "tcp" },
      { mode: "ingress", target: 81, published: "8100-8105" }
    ]
    expect(read(cloud({ web: service({ ports }) })).containers[0]?.ports.map(printPublished)).toEqual([
      "8443:443",
      "127.0.0.1:53:53/udp",
      "80",
      "8100-8105:81"
    ])
  })

  it("has the networks by Docker's names, with fixed addresses in their canonical form", () => {
    const { containers, networks } = read(
      cloud(
        {
          web: service({ networks: { default: null, db: { ipv4_address: "172.30.1.9", ipv6_address: "fd00:0::9" } } })
        },
        {
          default: { name: "cloud_default", ipam: {} },
          db: {
            name: "cloud_db",
            internal: true,
            driver: "bridge",
            ipam: {
              config: [
                { subnet: "172.30.1.0/24", gateway: "172.30.1.1", aux_addresses: { a: "172.30.1.8" } },
                { subnet: "fd00::/64" }
              ]
            }
          },
          lan: { name: "lan", external: true }
        }
      )
    )
    expect(containers[0]?.networks).toEqual([
      { name: "cloud_default", pinned: {} },
      { name: "cloud_db", pinned: { v4: "172.30.1.9", v6: "fd00::9" } }
    ])
    expect(networks.get("cloud_db")).toEqual({
      name: "cloud_db",
      driver: "bridge",
      internal: true,
      subnets: [
        { address: "172.30.1.0", prefixLength: 24 },
        { address: "fd00::", prefixLength: 64 }
      ],
      taken: ["172.30.1.1", "172.30.1.8"]
    })
    expect([...networks.keys()]).toEqual(["cloud_default", "cloud_db"])
  })

  it("knows whose namespace a service is in", () => {
    const modes = ["host", "none", "service:web", "container:x", "bridge"]
    const services = Object.fromEntries(modes.map((mode, index) => [`s${index}`, { network_mode: mode }]))
    expect(read(cloud(services)).containers.map(({ namespace, networks }) => [namespace, networks])).toEqual([
      ["host", []],
      ["none", []],
      ["shared", []],
      ["shared", []],
      ["own", [{ name: "bridge", pinned: {} }]]
    ])
  })

  it("says of a network only what makes it other than a normal bridge", () => {
    const { networks } = read(
      cloud(
        { web: service() },
        {
          default: { name: "cloud_default" },
          lan: {
            name: "cloud_lan",
            driver: "macvlan",
            ipam: { config: [{ gateway: "10.9.0.1" }, { subnet: "10.9.0" }] }
          }
        }
      )
    )
    const nothing = { internal: false, subnets: [], taken: [] }
    expect(networks.get("cloud_default")).toEqual({ name: "cloud_default", driver: "bridge", ...nothing })
    expect(networks.get("cloud_lan")).toEqual({ name: "cloud_lan", driver: "macvlan", ...nothing, taken: ["10.9.0.1"] })
  })

  it("calls a network by its key where the file has no section for it", () => {
    const { containers } = read(cloud({ web: service() }, {}))
    expect(containers[0]?.networks).toEqual([{ name: "default", pinned: {} }])
    expect(read({ name: "cloud", services: { web: service() } }).containers).toEqual(containers)
  })

  it("has containers that will run, of which some may carry anchord.expose", () => {
    const services = [
      undefined,
      {},
      { "anchord.expose": " " },
      { "anchord.expose": null },
      { "anchord.expose": "tcp/80" }
    ]
    const { containers } = read(
      cloud(Object.fromEntries(services.map((labels, index) => [`s${index}`, service(labels && { labels })])))
    )
    expect(containers.map(({ exposed }) => exposed)).toEqual([false, false, false, false, true])
    expect(containers.every(({ runs }) => runs)).toBe(true)
    expect(containers.flatMap(({ ports }) => ports)).toEqual([])
  })

  it("may be empty", () => {
    expect(read({ name: "empty", services: null }).containers).toEqual([])
  })

  it.each([
    ["a compose file as people write it", cloud({ web: service({ ports: ["80:80"] }) })],
    ["a file without the project's name", { services: {} }],
    ["a list", []],
    ["nothing", null],
    ["too many replicas", cloud({ web: service({ scale: 100_000_000 }) })]
  ])("is not %s, and the refusal says how to get one", (_, config) => {
    expect(refusal(config)).toMatch(
      /^it is not what "docker compose config" prints: [^\n]+; give what that makes of it: docker compose config \| anchord wrap --file -$/
    )
  })

  it("does not have one name for two containers", () => {
    expect(refusal(cloud({ web: service({ container_name: "web", scale: 2 }) }))).toBe(
      "the service web has a container_name and more than one replica"
    )
  })
})
