import { describe, expect, it } from "vitest"
import type { OwnAttachment } from "../../src/domain/DockerState.ts"
import {
  findExternal,
  isReplugged,
  type ExternalInterface,
  type FoundExternal
} from "../../src/domain/ExternalInterface.ts"
import type { Link } from "../../src/domain/Routing.ts"

const link = (index: number, name: string, mac: string): Link => ({ index, name, mac, up: true })

const links = [link(1, "lo", ""), link(2, "eth0", "02:42:ac:14:00:02"), link(3, "eth1", "02:42:0a:63:00:05")]

const transit: OwnAttachment = {
  networkId: "aaa",
  networkName: "shop_transit",
  mac: "02:42:ac:14:00:02",
  v4: "172.20.0.2"
}
const lan: OwnAttachment = {
  networkId: "bbb",
  networkName: "dmz_macvlan",
  mac: "02:42:0a:63:00:05",
  v4: "10.99.0.5",
  v6: "fd99::5"
}

const messageOf = (result: ExternalInterface) => (result._tag === "Missing" ? result.message : "")

describe("the external interface of a network", () => {
  it("is the link with the MAC address that Docker reports, whatever its name", () => {
    const found = {
      _tag: "Found",
      link: "eth1",
      index: 3,
      networkId: "bbb",
      addresses: { v4: "10.99.0.5", v6: "fd99::5" }
    }
    expect(findExternal({ _tag: "Network", network: "dmz_macvlan" }, [transit, lan], links)).toEqual(found)
    expect(findExternal({ _tag: "Network", network: "bbb" }, [lan, transit], links.toReversed())).toEqual(found)
  })

  it("is found whatever the case of the MAC address", () => {
    const shouting = { ...lan, mac: "02:42:0A:63:00:05" }
    expect(findExternal({ _tag: "Network", network: "dmz_macvlan" }, [shouting], links)).toMatchObject({ link: "eth1" })
  })

  it("may still come while the network is not attached; the attached ones are named", () => {
    const result = findExternal({ _tag: "Network", network: "dmz_macvlan" }, [transit], links)
    expect(result).toMatchObject({ _tag: "Missing", retryable: true })
    expect(messageOf(result)).toContain("dmz_macvlan")
    expect(messageOf(result)).toContain("attached are: shop_transit")
    expect(messageOf(findExternal({ _tag: "Network", network: "x" }, [], links))).toContain("attached are: none")
  })

  it("may still come while Docker has no MAC address for it", () => {
    const { mac: _mac, ...unplumbed } = lan
    const result = findExternal({ _tag: "Network", network: "dmz_macvlan" }, [unplumbed], links)
    expect(result).toMatchObject({ _tag: "Missing", retryable: true })
  })

  it("will not come when no link has the MAC address, which is named", () => {
    const result = findExternal({ _tag: "Network", network: "dmz_macvlan" }, [lan], links.slice(0, 2))
    expect(result).toMatchObject({ _tag: "Missing", retryable: false })
    expect(messageOf(result)).toMatch(/02:42:0a:63:00:05, .*; if somebody changed it in here, set mac_address:/)
  })
})

describe("the external interface by name", () => {
  it("knows the network that it belongs to", () => {
    expect(findExternal({ _tag: "Interface", name: "eth1" }, [transit, lan], links)).toMatchObject({
      link: "eth1",
      networkId: "bbb"
    })
  })

  it("is not taken for that of a network that has no MAC address yet", () => {
    const { mac: _mac, ...unplumbed } = transit
    expect(findExternal({ _tag: "Interface", name: "eth1" }, [unplumbed, lan], links)).toMatchObject({
      networkId: "bbb"
    })
  })

  it("needs no network", () => {
    expect(findExternal({ _tag: "Interface", name: "eth1" }, [], links)).toEqual({
      _tag: "Found",
      link: "eth1",
      index: 3,
      networkId: undefined,
      addresses: {}
    })
  })

  it("will not come when there is no such link; those that exist are named", () => {
    const result = findExternal({ _tag: "Interface", name: "eth7" }, [transit], links)
    expect(result).toMatchObject({ _tag: "Missing", retryable: false })
    expect(messageOf(result)).toContain("there are: eth0, eth1, lo")
  })
})

describe("a plugging", () => {
  const before: FoundExternal = { _tag: "Found", link: "eth1", index: 3, networkId: "bbb", addresses: {} }

  it("is another one when the link has another name or another number, and not for another address", () => {
    expect(isReplugged(before, { ...before, index: 7 })).toBe(true)
    expect(isReplugged(before, { ...before, link: "eth2" })).toBe(true)
    expect(isReplugged(before, { ...before, addresses: { v4: "10.99.0.6" } })).toBe(false)
  })
})
