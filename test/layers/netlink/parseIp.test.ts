import { describe, expect, it } from "vitest"
import { parseAddresses, parseDefaultRoutes, parseLinks, parseNeighbours } from "../../../src/layers/netlink/parseIp.ts"

// What iproute2 6.1 prints on Linux 6, shortened by whole links and routes.
const links = `[{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536,"qdisc":"noqueue","operstate":"UNKNOWN","linkmode":"DEFAULT","group":"default","txqlen":1000,"link_type":"loopback","address":"00:00:00:00:00:00","broadcast":"00:00:00:00:00:00"},{"ifindex":3,"link":"p0","ifname":"eth0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"qdisc":"noqueue","operstate":"UP","linkmode":"DEFAULT","group":"default","txqlen":1000,"link_type":"ether","address":"02:42:0a:63:00:05","broadcast":"ff:ff:ff:ff:ff:ff"},{"ifindex":6,"ifname":"tun9","flags":["NO-CARRIER","POINTOPOINT","MULTICAST","NOARP","UP"],"mtu":1500,"qdisc":"pfifo_fast","operstate":"DOWN","linkmode":"DEFAULT","group":"default","txqlen":500,"link_type":"none"},{"ifindex":8,"link":"gone1","ifname":"gone","flags":["BROADCAST","MULTICAST","M-DOWN"],"mtu":1500,"qdisc":"noop","operstate":"DOWN","linkmode":"DEFAULT","group":"default","txqlen":1000,"link_type":"ether","address":"62:8d:be:c4:5d:17","broadcast":"ff:ff:ff:ff:ff:ff"}]
`

const addresses = `[{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536,"qdisc":"noqueue","operstate":"UNKNOWN","group":"default","txqlen":1000,"link_type":"loopback","address":"00:00:00:00:00:00","broadcast":"00:00:00:00:00:00","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host","label":"lo","valid_life_time":4294967295,"preferred_life_time":4294967295},{"family":"inet6","local":"::1","prefixlen":128,"scope":"host","valid_life_time":4294967295,"preferred_life_time":4294967295}]},{"ifindex":3,"link":"p0","ifname":"eth0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"qdisc":"noqueue","operstate":"UP","group":"default","txqlen":1000,"link_type":"ether","address":"02:42:0a:63:00:05","broadcast":"ff:ff:ff:ff:ff:ff","addr_info":[{"family":"inet","local":"10.99.0.5","prefixlen":24,"scope":"global","label":"eth0","valid_life_time":4294967295,"preferred_life_time":4294967295},{"family":"inet6","local":"fd99::5","prefixlen":64,"scope":"global","valid_life_time":4294967295,"preferred_life_time":4294967295},{"family":"inet6","local":"fe80::42:aff:fe63:5","prefixlen":64,"scope":"link","tentative":true,"valid_life_time":4294967295,"preferred_life_time":4294967295}]},{"ifindex":7,"link":"gone","ifname":"gone1","flags":["BROADCAST","MULTICAST","M-DOWN"],"mtu":1500,"qdisc":"noop","operstate":"DOWN","group":"default","txqlen":1000,"link_type":"ether","address":"c2:92:e3:19:e9:b2","broadcast":"ff:ff:ff:ff:ff:ff","addr_info":[]}]
`

const routes4 = `[{"dst":"default","gateway":"10.99.0.1","dev":"eth0","flags":[]},{"dst":"default","gateway":"172.20.0.1","dev":"br0","protocol":"97","metric":100,"flags":[]},{"dst":"default","gateway":"172.20.0.9","dev":"br0","metric":100,"flags":[]},{"dst":"default","dev":"tun9","scope":"link","metric":300,"flags":["linkdown"]},{"dst":"default","metric":500,"flags":[],"nexthops":[{"gateway":"10.99.0.1","dev":"eth0","weight":2,"flags":[]},{"gateway":"172.20.0.1","dev":"br0","weight":1,"flags":[]}]},{"type":"unreachable","dst":"default","metric":4278198272,"flags":[]}]
`

const routes6 = `[{"dst":"default","gateway":"fe80::2","dev":"eth0","protocol":"97","metric":512,"flags":[],"pref":"medium"},{"dst":"default","metric":1024,"flags":[],"pref":"medium","nexthops":[{"gateway":"fd99::1","dev":"eth0","weight":1,"flags":[]},{"gateway":"fd99::3","dev":"eth0","weight":1,"flags":[]}]},{"dst":"default","gateway":"fe80::1","dev":"eth0","protocol":"ra","metric":1024,"expires":1794,"flags":[],"pref":"medium"},{"type":"unreachable","dst":"default","dev":"lo","metric":4294967295,"flags":[],"pref":"medium"}]
`

const neighbours = `[{"dst":"172.20.0.7","dev":"br0","state":["FAILED"]},{"dst":"172.20.0.8","dev":"br0","lladdr":"02:00:00:00:00:08","state":["STALE"]},{"dst":"172.20.0.1","dev":"br0","lladdr":"02:00:00:00:00:09","state":["PERMANENT"]}]
`

const neighbours6 = `[{"dst":"fe80::9","dev":"br0","lladdr":"02:00:00:00:00:08","router":null,"state":["REACHABLE"]}]
`

describe("links", () => {
  it("have index, name, MAC address and whether they are up, carrier or not", () => {
    expect(parseLinks(links)).toMatchObject([
      { index: 1, name: "lo", mac: "00:00:00:00:00:00", up: true },
      { index: 3, name: "eth0", mac: "02:42:0a:63:00:05", up: true },
      { index: 6, name: "tun9", mac: "", up: true },
      { index: 8, name: "gone", mac: "62:8d:be:c4:5d:17", up: false }
    ])
  })

  it("have their MAC address in lower case", () => {
    expect(parseLinks('[{"ifindex":2,"ifname":"e","flags":[],"address":"02:42:0A:63:00:05"}]')[0]?.mac).toBe(
      "02:42:0a:63:00:05"
    )
  })
})

describe("addresses", () => {
  it("have family, link, prefix length, scope, and whether they are still tentative", () => {
    expect(parseAddresses(addresses)).toEqual([
      { family: "v4", link: "lo", address: "127.0.0.1", prefixLength: 8, scope: "host", tentative: false },
      { family: "v6", link: "lo", address: "::1", prefixLength: 128, scope: "host", tentative: false },
      { family: "v4", link: "eth0", address: "10.99.0.5", prefixLength: 24, scope: "global", tentative: false },
      { family: "v6", link: "eth0", address: "fd99::5", prefixLength: 64, scope: "global", tentative: false },
      { family: "v6", link: "eth0", address: "fe80::42:aff:fe63:5", prefixLength: 64, scope: "link", tentative: true }
    ])
  })
})

describe("default routes", () => {
  it("of IPv4 have gateway, link, metric and protocol where there are such; refusals are none", () => {
    expect(parseDefaultRoutes(routes4, "v4")).toEqual([
      { family: "v4", gateway: "10.99.0.1", link: "eth0" },
      { family: "v4", gateway: "172.20.0.1", link: "br0", protocol: "97", metric: 100 },
      { family: "v4", gateway: "172.20.0.9", link: "br0", metric: 100 },
      { family: "v4", link: "tun9", metric: 300 },
      { family: "v4", gateway: "10.99.0.1", link: "eth0", metric: 500 },
      { family: "v4", gateway: "172.20.0.1", link: "br0", metric: 500 }
    ])
  })

  it("of IPv6 are one for each next hop, with the protocol of those from advertisements", () => {
    expect(parseDefaultRoutes(routes6, "v6")).toEqual([
      { family: "v6", gateway: "fe80::2", link: "eth0", protocol: "97", metric: 512 },
      { family: "v6", gateway: "fd99::1", link: "eth0", metric: 1024 },
      { family: "v6", gateway: "fd99::3", link: "eth0", metric: 1024 },
      { family: "v6", gateway: "fe80::1", link: "eth0", protocol: "ra", metric: 1024 }
    ])
  })

  it("have source and MTU of the route, and of its next hops whether they are on the link by fiat", () => {
    // Printed by `ip -j route show default`, iproute2 6.1; the line breaks are not.
    const output = `[{"dst":"default","gateway":"192.0.2.1","dev":"eth0","flags":["onlink"]},
      {"dst":"default","gateway":"10.1.0.1","dev":"d0","prefsrc":"10.1.0.3","flags":[],"metrics":[{"mtu":1400}]},
      {"dst":"default","prefsrc":"10.1.0.3","metric":9,"flags":[],"metrics":[{"mtu":1300,"advmss":1000}],"nexthops":[
        {"gateway":"10.1.0.1","dev":"d0","weight":2,"flags":[]},
        {"gateway":"192.0.2.1","dev":"d0","weight":1,"flags":["onlink","linkdown"]}]}]`
    expect(parseDefaultRoutes(output, "v4")).toEqual([
      { family: "v4", gateway: "192.0.2.1", link: "eth0", onLink: true },
      { family: "v4", gateway: "10.1.0.1", link: "d0", source: "10.1.0.3", mtu: 1400 },
      { family: "v4", gateway: "10.1.0.1", link: "d0", source: "10.1.0.3", mtu: 1300, metric: 9 },
      { family: "v4", gateway: "192.0.2.1", link: "d0", onLink: true, source: "10.1.0.3", mtu: 1300, metric: 9 }
    ])
    const output6 = `[{"dst":"default","gateway":"fe80::1","dev":"d0","metric":1024,"flags":["onlink"],"pref":"medium"},
      {"dst":"default","gateway":"fd01::1","dev":"d0","prefsrc":"fd01::3","metric":20,"flags":[],
       "metrics":[{"mtu":1400}],"pref":"high"}]`
    expect(parseDefaultRoutes(output6, "v6")).toEqual([
      { family: "v6", gateway: "fe80::1", link: "d0", onLink: true, metric: 1024 },
      { family: "v6", gateway: "fd01::1", link: "d0", source: "fd01::3", mtu: 1400, metric: 20 }
    ])
  })

  it("of IPv4 may lead to an IPv6 address, alone or beside others", () => {
    const output = `[{"dst":"default","via":{"family":"inet6","host":"fe80::1"},"dev":"d0","flags":[]},
      {"dst":"default","metric":9,"flags":[],"nexthops":[
        {"gateway":"10.1.0.1","dev":"d0","weight":1,"flags":[]},
        {"via":{"family":"inet6","host":"fe80::1"},"dev":"d0","weight":1,"flags":[]}]}]`
    expect(parseDefaultRoutes(output, "v4")).toEqual([
      { family: "v4", gateway: "fe80::1", link: "d0" },
      { family: "v4", gateway: "10.1.0.1", link: "d0", metric: 9 },
      { family: "v4", gateway: "fe80::1", link: "d0", metric: 9 }
    ])
  })

  it("name the table that they were asked of", () => {
    expect(
      parseDefaultRoutes('[{"dst":"default","gateway":"10.99.0.1","dev":"eth0","flags":[]}]', "v4", 29793)
    ).toEqual([{ family: "v4", gateway: "10.99.0.1", link: "eth0", table: 29793 }])
  })

  it("are only those that ip calls default", () => {
    expect(parseDefaultRoutes('[{"dst":"10.0.0.0/8","gateway":"10.99.0.1","dev":"eth0","flags":[]}]', "v4")).toEqual([])
  })

  it("have their gateway in canonical form", () => {
    const output = '[{"dst":"default","gateway":"fd99:0:0::1","dev":"eth0","metric":1024,"flags":[]}]'
    expect(parseDefaultRoutes(output, "v6")[0]?.gateway).toBe("fd99::1")
  })
})

describe("neighbours", () => {
  it("have address, link and state", () => {
    expect(parseNeighbours(neighbours, "v4")).toEqual([
      { family: "v4", address: "172.20.0.7", link: "br0", state: "failed" },
      { family: "v4", address: "172.20.0.8", link: "br0", state: "stale" },
      { family: "v4", address: "172.20.0.1", link: "br0", state: "permanent" }
    ])
    expect(parseNeighbours(neighbours6, "v6")).toEqual([
      { family: "v6", address: "fe80::9", link: "br0", state: "reachable" }
    ])
  })

  it("have no state when ip names none, or one that is new", () => {
    const output = '[{"dst":"10.0.0.1","dev":"a"},{"dst":"10.0.0.2","dev":"a","state":["DREAMING"]}]'
    expect(parseNeighbours(output, "v4").map(({ state }) => state)).toEqual(["none", "none"])
  })
})

describe("what ip prints", () => {
  const parsers = {
    links: parseLinks,
    addresses: parseAddresses,
    routes: (output: string) => parseDefaultRoutes(output, "v4"),
    neighbours: (output: string) => parseNeighbours(output, "v4")
  }
  for (const [what, parse] of Object.entries(parsers)) {
    it(`may be nothing, blank, an empty list or a list of something empty: then there are no ${what}`, () => {
      for (const output of ["", "\n", "[]", "[ ]\n", "[[]]", "[null]"]) expect(parse(output)).toEqual([])
    })

    it(`is refused when it ends in the middle of the ${what}`, () => {
      expect(() => parse('[{"ifindex":1,')).toThrow(SyntaxError)
    })
  }

  it("may leave out what some links have not: an address that is none is passed over", () => {
    expect(parseAddresses('[{"ifname":"a"},{"ifname":"b","addr_info":[{"family":"inet"},{}]}]')).toEqual([])
    expect(parseNeighbours('[{"dev":"a","state":["FAILED"]}]', "v4")).toEqual([])
  })
})
