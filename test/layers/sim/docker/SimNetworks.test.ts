import { describe, expect, it } from "vitest"
import { SimDocker } from "../../../../src/layers/sim/docker/SimDocker.ts"
import type { SimPlumbing } from "../../../../src/layers/sim/docker/SimPlumbing.ts"

const engine = (plumbing?: SimPlumbing) => new SimDocker(() => 0n, plumbing === undefined ? {} : { plumbing })

const subnetOf = (docker: SimDocker, name: string) => {
  const [subnet] = docker.networkConfiguration(name)?.subnets ?? []
  return `${subnet?.address}/${subnet?.prefixLength}`
}

describe("the subnets of a simulated engine", () => {
  it("are the next of Docker's default pools: a network that is made anew gets another one", () => {
    const docker = engine()
    const make = () => {
      docker.createNetwork({ name: "a", v4: "pool" })
      return subnetOf(docker, "a")
    }
    expect(make()).toBe("172.18.0.0/16")
    docker.removeNetwork("a")
    expect(make()).toBe("172.19.0.0/16")
  })

  it("go round once the last default pool was given, past those that overlap with what is there", () => {
    const docker = engine()
    docker.createNetwork({ name: "fixed", v4: "172.18.7.0/24" })
    const given = Array.from({ length: 31 }, () => {
      docker.createNetwork({ name: "a", v4: "pool" })
      const subnet = subnetOf(docker, "a")
      docker.removeNetwork("a")
      return subnet
    })
    expect(given[0]).toBe("172.19.0.0/16")
    expect(given.slice(12, 15)).toEqual(["172.31.0.0/16", "192.168.0.0/20", "192.168.16.0/20"])
    expect(given.slice(28, 30)).toEqual(["192.168.240.0/20", "172.19.0.0/16"])
  })

  it("do not overlap", () => {
    const docker = engine()
    docker.createNetwork({ name: "a", v4: "172.20.0.0/16", v6: "fd00:20::/64" })
    expect(() => docker.createNetwork({ name: "b", v4: "172.20.1.0/24" })).toThrow("Pool overlaps")
    expect(() => docker.createNetwork({ name: "b", v6: "fd00::/16" })).toThrow("Pool overlaps")
    docker.removeNetwork("a")
    docker.createNetwork({ name: "b", v4: "172.20.1.0/24" })
  })
})

describe("a network of a simulated engine", () => {
  it("is found by name, ID and the beginning of its ID, and its name is taken", () => {
    const docker = engine()
    const id = docker.createNetwork({ name: "a", v4: "172.20.0.0/16" })
    for (const ref of ["a", id, id.slice(0, 12)]) expect(docker.network(ref)?.id).toBe(id)
    expect(() => docker.createNetwork({ name: "a" })).toThrow("network with name a already exists")
    expect(() => docker.removeNetwork("bridge")).toThrow("pre-defined")
  })

  it("gives its link a number by both families' gateways first, internal networks last, then by name", () => {
    const links: Array<string> = []
    const nothing = () => {}
    const attach = (_id: string, { name }: { readonly name: string }) => void links.push(name)
    const docker = engine({ enter: nothing, leave: nothing, detach: nothing, attach })
    docker.createNetwork({ name: "aa-inner", v4: "172.20.0.0/24", v6: "fd00:20::/64", internal: true })
    docker.createNetwork({ name: "bb-four", v4: "172.20.1.0/24" })
    docker.createNetwork({ name: "aa-four", v4: "172.20.2.0/24" })
    docker.createNetwork({ name: "zz-dual", v4: "172.20.3.0/24", v6: "fd00:23::/64" })
    docker.run({ name: "a", network: "bb-four", also: ["aa-inner", "zz-dual", "aa-four"] })
    expect(links).toEqual(["zz-dual", "aa-four", "bb-four", "aa-inner"])
  })

  it("does not go together with the host's namespace, with none, or with another container's", () => {
    const docker = engine()
    docker.createNetwork({ name: "a", v4: "172.20.0.0/16" })
    docker.run({ name: "host", network: "host" })
    docker.run({ name: "none", network: "none" })
    docker.run({ name: "owner", network: "a" })
    docker.run({ name: "dependent", network: "container:owner" })
    expect(() => docker.connect("a", "host")).toThrow("sharing network namespace with another container or host")
    expect(() => docker.connect("a", "none")).toThrow("private (none) mode")
    expect(() => docker.connect("a", "dependent")).toThrow("sharing network namespace with another container or host")
  })
})
