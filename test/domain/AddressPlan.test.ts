import { describe, expect, it } from "vitest"
import type { Family } from "../../src/domain/Address.ts"
import {
  bootstrapAmong,
  isOptional,
  isUndone,
  planAddresses,
  type AddressSituation,
  type AddressStep
} from "../../src/domain/AddressPlan.ts"
import type { Lease } from "../../src/domain/DhcpLease.ts"
import type { LinkAddress } from "../../src/domain/Routing.ts"

const at = (family: Family, address: string, prefixLength: number, more: Partial<LinkAddress> = {}): LinkAddress => ({
  family,
  link: "eth0",
  address,
  prefixLength,
  scope: "global",
  tentative: false,
  ...more
})

const docker = { address: "10.1.0.9", prefixLength: 24 }
const docker6 = { address: "fd01::9", prefixLength: 64 }

const lease = (more: Partial<Lease> = {}): Lease => ({
  family: "v4",
  address: "10.1.0.50",
  prefixLength: 24,
  leaseSeconds: 120,
  renewSeconds: 60,
  rebindSeconds: 105,
  router: "10.1.0.1",
  routes: [],
  ...more
})

const lease6: Lease = {
  family: "v6",
  address: "fd01::50",
  prefixLength: 128,
  leaseSeconds: 120,
  renewSeconds: 60,
  rebindSeconds: 105,
  routes: []
}

const situation = (more: Partial<AddressSituation> = {}): AddressSituation => ({
  family: "v4",
  link: "eth0",
  bootstrap: docker,
  bootstrapMtu: 1_500,
  mtu: 1_500,
  lease: undefined,
  previous: undefined,
  present: [at("v4", docker.address, 24)],
  ...more
})

const brief = (step: AddressStep): string => {
  switch (step._tag) {
    case "SetAddress":
    case "DeleteAddress":
      return `${step._tag} ${step.address}/${step.prefixLength}`
    case "SetOnLink":
    case "DeleteOnLink":
      return `${step._tag} ${step.network.address}/${step.network.prefixLength}`
    case "SetRoute":
    case "DeleteRoute":
      return `${step._tag} ${step.route.destination}/${step.route.prefixLength}`
    case "SetMtu":
      return `SetMtu ${step.mtu}`
    case "Announce":
      return `Announce ${step.address}`
  }
}

const plan = (more: Partial<AddressSituation>) => planAddresses(situation(more)).map(brief)

describe("a first lease", () => {
  it("has its address and its network before Docker's address goes, and is announced", () => {
    expect(plan({ lease: lease() })).toEqual([
      "SetAddress 10.1.0.50/32",
      "SetOnLink 10.1.0.0/24",
      "DeleteAddress 10.1.0.9/24",
      "Announce 10.1.0.50"
    ])
  })

  it("has its IPv6 network set again, which the kernel takes away with Docker's address", () => {
    const present = [at("v6", docker6.address, 64)]
    expect(plan({ family: "v6", bootstrap: docker6, lease: lease6, present })).toEqual([
      "SetAddress fd01::50/128",
      "SetOnLink fd01::/64",
      "DeleteAddress fd01::9/64",
      "SetOnLink fd01::/64",
      "Announce fd01::50"
    ])
  })

  it("has a way to a router that is not in its network", () => {
    const alone = lease({ address: "192.168.7.52", prefixLength: 32 })
    expect(plan({ lease: alone })).toContain("SetOnLink 10.1.0.1/32")
    expect(plan({ lease: alone })).not.toContain("SetOnLink 192.168.7.52/32")
  })

  it("keeps its address some seconds longer than it holds, and for ever where it does", () => {
    const lifetime = (leaseSeconds: number) => {
      const [first] = planAddresses(situation({ lease: lease({ leaseSeconds }) }))
      return first?._tag === "SetAddress" ? first.lifetime : undefined
    }
    expect(lifetime(120)).toEqual({ validSeconds: 125, preferredSeconds: 120 })
    expect(lifetime(0xffff_ffff)).toEqual({ validSeconds: 0xffff_ffff, preferredSeconds: 0xffff_ffff })
  })

  it("leaves the addresses of others, of other links and of the link alone", () => {
    const present = [
      at("v4", docker.address, 24),
      at("v4", "10.1.0.77", 28),
      at("v4", docker.address, 24, { link: "eth1" }),
      at("v4", docker.address, 16, { scope: "link" }),
      at("v6", docker6.address, 64)
    ]
    const deleted = plan({ lease: lease(), present }).filter((step) => step.startsWith("Delete"))
    expect(deleted).toEqual(["DeleteAddress 10.1.0.9/24"])
  })
})

describe("the next lease", () => {
  const present = [at("v4", "10.1.0.50", 32)]
  const route = { destination: "10.50.0.0", prefixLength: 16, gateway: "10.1.0.7" }

  it("of the same only gets new lifetimes", () => {
    expect(plan({ lease: lease(), previous: lease(), present })).toEqual([
      "SetAddress 10.1.0.50/32",
      "SetOnLink 10.1.0.0/24"
    ])
    const twice = [...present, at("v4", "10.1.0.50", 24)]
    expect(plan({ lease: lease(), previous: lease(), present: twice })).toContain("DeleteAddress 10.1.0.50/24")
  })

  it("takes the network and the routes away that only the one before had", () => {
    const other = { ...route, destination: "10.60.0.0" }
    const previous = lease({ routes: [route, { ...route, prefixLength: 24 }, other] })
    const next = lease({ address: "192.168.7.52", router: "192.168.7.1", routes: [route] })
    expect(plan({ lease: next, previous, present })).toEqual([
      "SetAddress 192.168.7.52/32",
      "SetOnLink 192.168.7.0/24",
      "DeleteAddress 10.1.0.50/32",
      "DeleteOnLink 10.1.0.0/24",
      "Announce 192.168.7.52",
      "DeleteRoute 10.50.0.0/24",
      "DeleteRoute 10.60.0.0/16",
      "SetRoute 10.50.0.0/16"
    ])
  })

  it("sets a smaller MTU, never a larger one, and the link's own when it names none", () => {
    expect(plan({ lease: lease({ mtu: 1_400 }) })).toContain("SetMtu 1400")
    expect(plan({ lease: lease({ mtu: 9_000 }) }).filter((step) => step.startsWith("SetMtu"))).toEqual([])
    const previous = lease({ mtu: 1_400 })
    expect(plan({ lease: lease(), previous, mtu: 1_400, present })).toContain("SetMtu 1500")
    expect(plan({ lease: lease(), previous: lease(), mtu: 1_400, present })).not.toContain("SetMtu 1500")
  })
})

describe("a lost lease", () => {
  it("has Docker's address back before the leased one goes", () => {
    expect(plan({ previous: lease(), present: [at("v4", "10.1.0.50", 32)] })).toEqual([
      "SetAddress 10.1.0.9/24",
      "DeleteOnLink 10.1.0.0/24",
      "DeleteAddress 10.1.0.50/32",
      "Announce 10.1.0.9"
    ])
    expect(plan({ previous: lease(), present: [at("v4", docker.address, 24), at("v4", "10.1.0.50", 32)] })).toEqual([
      "DeleteOnLink 10.1.0.0/24",
      "DeleteAddress 10.1.0.50/32"
    ])
  })

  it("has Docker's IPv6 address set after the network of the lease is gone, of which the kernel makes its own", () => {
    const v6 = { family: "v6", bootstrap: docker6, previous: lease6 } as const
    const leased = at("v6", "fd01::50", 128)
    expect(plan({ ...v6, present: [leased] })).toEqual([
      "DeleteOnLink fd01::/64",
      "SetAddress fd01::9/64",
      "DeleteAddress fd01::50/128",
      "Announce fd01::9"
    ])
    expect(plan({ ...v6, present: [leased, at("v6", docker6.address, 64)] })).toEqual([
      "DeleteOnLink fd01::/64",
      "SetAddress fd01::9/64",
      "DeleteAddress fd01::50/128"
    ])
  })

  it("leaves nothing where Docker gave no address", () => {
    const none = { bootstrap: undefined, present: [at("v4", "10.1.0.50", 32)] }
    expect(plan({ ...none, previous: lease() })).toEqual(["DeleteOnLink 10.1.0.0/24", "DeleteAddress 10.1.0.50/32"])
    expect(plan(none)).toEqual([])
  })

  it("is none where there never was a lease: what is not there then is not anchord's to bring back", () => {
    expect(plan({ present: [] })).toEqual([])
  })
})

describe("a lease of the very address that Docker gave", () => {
  it("changes nothing but routes and MTU", () => {
    const same = lease({ address: docker.address, mtu: 1_400 })
    expect(plan({ lease: same })).toEqual(["SetMtu 1400"])
    const same6 = { ...lease6, address: docker6.address }
    const v6 = { family: "v6", bootstrap: docker6, present: [at("v6", docker6.address, 64)] } as const
    expect(plan({ ...v6, lease: same6 })).toEqual([])
    expect(plan({ ...v6, previous: same6 })).toEqual([])
    expect(isUndone(situation({ lease: same }))).toBe(false)
    expect(isUndone(situation({ lease: same, present: [] }))).toBe(true)
  })
})

describe("what somebody has undone", () => {
  it("is a lease's address that is gone, or Docker's that is back", () => {
    const leased = at("v4", "10.1.0.50", 32)
    const undone = (...present: ReadonlyArray<LinkAddress>) => isUndone(situation({ lease: lease(), present }))
    expect(undone(leased)).toBe(false)
    expect(undone()).toBe(true)
    expect(undone({ ...leased, link: "eth1" })).toBe(true)
    expect(undone({ ...leased, prefixLength: 24 })).toBe(true)
    expect(undone(leased, at("v4", docker.address, 24))).toBe(true)
    expect(isUndone(situation({ present: [] }))).toBe(false)
  })
})

describe("Docker's own address", () => {
  it("is the one that it tells, as the interface has it, and not one that anchord has put there", () => {
    const among = (present: ReadonlyArray<LinkAddress>, address: string | undefined = docker.address) =>
      bootstrapAmong(present, "eth0", "v4", address)
    expect(among([at("v4", "10.1.0.77", 28), at("v4", docker.address, 24)])).toEqual(docker)
    expect(among([at("v4", docker.address, 32)])).toBeUndefined()
    expect(among([at("v4", docker.address, 24, { link: "eth1" })])).toBeUndefined()
    expect(bootstrapAmong([at("v4", docker.address, 24)], "eth0", "v4", undefined)).toBeUndefined()
  })
})

describe("a step that the kernel refuses", () => {
  it("keeps the others from being taken only where the address would not work without it", () => {
    const all = planAddresses(
      situation({
        lease: lease({ mtu: 1_400, routes: [{ destination: "10.50.0.0", prefixLength: 16 }] }),
        previous: lease({ address: "192.168.7.52", routes: [{ destination: "192.0.2.0", prefixLength: 24 }] })
      })
    )
    expect(all.filter(isOptional).map(({ _tag }) => _tag)).toEqual(["DeleteRoute", "SetRoute", "SetMtu"])
    expect(new Set(all.filter((step) => !isOptional(step)).map(({ _tag }) => _tag))).toEqual(
      new Set(["SetAddress", "SetOnLink", "DeleteAddress", "DeleteOnLink", "Announce"])
    )
  })
})
