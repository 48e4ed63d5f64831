import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { afterAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import {
  composeProject,
  externalDmz,
  networkAnchor,
  rebinder,
  serviceAnchor,
  transit,
  type Service
} from "../lab/composeProject.ts"
import { examineBefore, foundIn } from "../lab/doctor.ts"
import { project as repository } from "../lab/folders.ts"
import { proxyConfig, type ProxyConfig } from "../lab/allowList.ts"
import { oldNft } from "../lab/rootfs.ts"
import { proxyForContainers } from "../lab/socketProxy.ts"

const lab = attachLab()

const NOBODY = "10.99.0.158"

/** A network-anchor that is only examined, never started; so it has Docker's addresses, which are free. */
const unstarted = (env: Readonly<Record<string, string>> = {}, more: Service = {}): Service => ({
  ...networkAnchor(lab, { v4: "10.99.0.153", v6: "fd99::153", env }),
  ...more
})

const dhcp = { env: { ANCHORD_ADDRESS_MODE: "dhcp-refresh" }, caps: { cap_add: ["NET_ADMIN", "NET_RAW"] } }

const services: Readonly<Record<string, Service>> = {
  healthy: unstarted(),
  "no-forwarding": unstarted({}, { sysctls: { "net.ipv4.ip_forward": "0", "net.ipv6.conf.all.forwarding": "0" } }),
  powerless: unstarted({}, { cap_add: [] }),
  unattached: unstarted({}, { networks: { transit: {} } }),
  outside: unstarted({}, { networks: { dmz: { ipv4_address: "10.99.0.153", ipv6_address: "fd99::153" } } }),
  "silent-gateway": unstarted({ ANCHORD_EXT_GATEWAY_IP: NOBODY }),
  "no-docker": unstarted({ DOCKER_HOST: "unix:///docker/nowhere.sock" }),
  "no-raw": unstarted(dhcp.env),
  unpinned: unstarted(dhcp.env, { ...dhcp.caps, networks: { dmz: {}, transit: {} } }),
  "wrongly-pinned": unstarted(dhcp.env, {
    ...dhcp.caps,
    mac_address: "02:aa:00:00:01:53",
    networks: { dmz: {}, transit: { priority: 1000 } }
  }),
  pinned: unstarted(dhcp.env, {
    ...dhcp.caps,
    mac_address: "02:aa:00:00:01:54",
    networks: { dmz: { priority: 1000 }, transit: {} }
  }),
  unheard: unstarted({ ANCHORD_ADDRESS_MODE: "slaac-ra-only" }),
  follower: {
    ...rebinder(lab, "external-rebinder", { ANCHORD_FOLLOW_NETWORK: "mail", ANCHORD_FOLLOW_TARGET: "backup" }),
    network_mode: "none"
  },
  "no-name": serviceAnchor(
    lab,
    {},
    { environment: { ANCHORD_MODE: "service-anchor", ANCHORD_GATEWAY_HOSTNAME: "nobody" } }
  )
}

const project = composeProject(lab, "doctorbroken", {
  services,
  networks: { dmz: externalDmz, transit: transit(153) }
})

const look = async (service: string) => foundIn(await examineBefore(lab, project, service, ["--json"]))

afterAll(project.down)

describe("the doctor before a start", () => {
  it("has nothing to say against the settings that are broken below", async () => {
    const { status, wrong } = await look("healthy")
    expect({
      status,
      wrong: wrong.filter((line) => !/^(?:anchor|foreign-sources|ports|shared-network): warn/.test(line))
    }).toEqual({
      status: 0,
      wrong: []
    })
  })

  it("finds that nothing is forwarded, and where that is switched on", async () => {
    const { status, of } = await look("no-forwarding")
    expect(status).toBe(1)
    expect(of("forwarding")).toEqual([
      'fail net.ipv4.ip_forward is off, so no IPv4 packet reaches a backend → set it in the compose file: sysctls: { net.ipv4.ip_forward: "1" }',
      'warn net.ipv6.conf.all.forwarding is off, so no IPv6 packet reaches a backend → set it in the compose file: sysctls: { net.ipv6.conf.all.forwarding: "1" }'
    ])
  })

  it("finds that router advertisements would not be heard", async () => {
    const { of } = await look("unheard")
    expect(of("forwarding")).toEqual([expect.stringMatching(/^warn net\.ipv6\.conf\.eth\d\.accept_ra is 1, so router/)])
  })

  it("finds that NET_ADMIN is missing, and does not ask the kernel what that would not tell", async () => {
    const { status, of } = await look("powerless")
    expect(status).toBe(1)
    expect(of("capabilities")).toEqual([
      "fail NET_ADMIN is missing, so nothing of the network can be changed → in the compose file: cap_drop: [ALL], cap_add: [NET_ADMIN]"
    ])
    expect(of("nftables")).toEqual([expect.stringMatching(/^warn not looked at/)])
  })

  it("finds that NET_RAW is missing for DHCP", async () => {
    const { status, of } = await look("no-raw")
    expect(status).toBe(1)
    expect(of("capabilities")).toEqual([
      expect.stringMatching(/^fail NET_RAW is missing, .*cap_add: \[NET_ADMIN, NET_RAW\]$/)
    ])
  })

  it("finds that the external network is not attached, and what is", async () => {
    const { status, of } = await look("unattached")
    expect(status).toBe(1)
    expect(of("external-network")).toEqual([
      expect.stringMatching(
        /^fail ANCHORD_EXT_NETWORK names dmz_macvlan, which this container is not attached to; attached are: doctorbroken_transit → attach the service/
      )
    ])
  })

  it("finds that there is no other network", async () => {
    const { status, of } = await look("outside")
    expect(status).toBe(1)
    expect(of("shared-network")).toEqual([expect.stringMatching(/^fail only the external network is attached/)])
  })

  it("finds that a gateway is silent", async () => {
    const { status, of } = await look("silent-gateway")
    expect(status).toBe(1)
    expect(of("gateway")).toEqual([
      expect.stringMatching(
        /^fail IPv4 10\.99\.0\.158 does not answer on eth\d \(ANCHORD_EXT_GATEWAY_IP names it\): nothing can be sent by it → check cable/
      ),
      expect.stringMatching(/^ok IPv6 fd99::1 answers/)
    ])
  })

  it("finds that Docker is away, and says of everything that it could not be looked at", async () => {
    const { status, of } = await look("no-docker")
    expect(status).toBe(1)
    expect(of("docker")).toEqual([
      expect.stringMatching(/^fail the API does not answer: .*there is no such socket \(ENOENT\) → DOCKER_HOST says/)
    ])
    for (const check of [
      "endpoints",
      "external-network",
      "gateway",
      "shared-network",
      "ports",
      "foreign-sources"
    ] as const)
      expect(of(check)).toEqual([expect.stringMatching(/^warn not looked at: /)])
    expect(of("nftables")).toEqual([expect.stringMatching(/^ok kernel/)])
  })

  it("finds that the name of the network-anchor does not resolve", async () => {
    const { status, of } = await look("no-name")
    expect(status).toBe(1)
    expect(of("gateway-name")).toEqual([
      expect.stringMatching(/^fail nobody does not resolve: .* → give the network-anchor's/)
    ])
  })
})

describe("the doctor of a rebinder", () => {
  it("looks at the calls that it makes, and finds that it needs no capability", async () => {
    const { status, wrong, of } = await look("follower")
    expect({ status, wrong: wrong.map((line) => line.split(" ")[0]) }).toEqual({ status: 0, wrong: ["anchor:"] })
    expect(of("endpoints")).toEqual(["ok the 7 calls that these settings need are allowed (tried, without effect)"])
    expect(of("capabilities")).toEqual(["ok none is needed"])
  })
})

describe("the doctor and the MAC address, with dhcp-refresh", () => {
  it("finds that it is not pinned", async () => {
    const { status, of } = await look("unpinned")
    expect(status).toBe(1)
    expect(of("mac-address")).toEqual([
      expect.stringMatching(
        /^fail 02:42:0a:63:00:[0-9a-f]{2} is not pinned: .* → in the compose file: mac_address on the service, and priority/
      )
    ])
  })

  it("finds that another network got the one that is pinned", async () => {
    const { status, of } = await look("wrongly-pinned")
    expect(status).toBe(1)
    expect(of("mac-address")).toEqual([
      expect.stringMatching(/^fail 02:aa:00:00:01:53 is pinned, but the external network has 02:42:/)
    ])
  })

  it("is content where it is pinned", async () => {
    const { of } = await look("pinned")
    expect(of("mac-address")).toEqual(["ok 02:aa:00:00:01:54 is pinned"])
    expect(of("tools")).toEqual([expect.stringMatching(/^ok nft 1\.\d.*, udhcpc 1\.[\d.]+, udhcpc6 1\.[\d.]+$/)])
  })
})

describe("the doctor behind a socket proxy", () => {
  const stops: Array<() => Promise<void>> = []
  afterAll(async () => {
    for (const stop of stops) await stop()
  })

  /** The examples' own list, without the calls whose lines end like this. */
  const behind = async (name: string, config: ProxyConfig, ...without: ReadonlyArray<string>) => {
    const lines = readFileSync(proxyConfig(config), "utf8").split("\n")
    const others = lines.filter((line) => !without.some((end) => line.endsWith(end)))
    expect(others).toHaveLength(lines.length - without.length)
    const { host, stop } = await proxyForContainers(lab, name, others.join("\n"))
    stops.push(stop)
    return foundIn(await examineBefore(lab, project, "healthy", ["--json"], { DOCKER_HOST: host }))
  }

  it("finds that all it needs is let through by the examples' list", async () => {
    const { of } = await behind("doctor-lifecycle", "haproxy-lifecycle.cfg")
    expect(of("endpoints")).toEqual(["ok the 12 calls that these settings need are allowed (tried, without effect)"])
    const managed = { DOCKER_HOST: "unix:///docker/doctor-lifecycle.sock", ANCHORD_MANAGED_SA_TARGET: "nobody" }
    expect(foundIn(await examineBefore(lab, project, "healthy", ["--json"], managed)).of("endpoints")).toEqual([
      "ok the 13 calls that these settings need are allowed (tried, without effect)"
    ])
  })

  it("names the one read that is forbidden, and the lines that let it through", async () => {
    const { status, of } = await behind(
      "doctor-unread",
      "haproxy-lifecycle.cfg",
      "get    path_reg ^(/v[0-9]+\\.[0-9]+)?/networks/[a-zA-Z0-9][a-zA-Z0-9_.-]*$"
    )
    expect(status).toBe(1)
    expect(of("endpoints")).toEqual([
      String.raw`fail GET /networks/{id} is forbidden; anchord reads Docker's state by it → allow GET /networks/{id} in the socket proxy; HAProxy: acl get path_reg ^(/v[0-9]+\.[0-9]+)?/networks/[a-zA-Z0-9][a-zA-Z0-9_.-]*$; a proxy with switches: NETWORKS=1`
    ])
  })

  it("names a write that is forbidden, and the setting that does without; nothing happens to a container by being asked", async () => {
    const all = () => lab.docker("ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.State}}")
    const before = await all()
    const { status, of } = await behind("doctor-unnamed", "haproxy-lifecycle.cfg", "/rename$")
    expect(status).toBe(0)
    expect(of("endpoints")).toEqual([
      expect.stringMatching(
        /^warn POST \/containers\/\{id\}\/rename is forbidden; .* → set ANCHORD_AUTOFIX_DEAD_NETNS=false, or allow POST/
      )
    ])
    expect(await all()).toBe(before)
  })

  it("names each of those that the read-only list forbids", async () => {
    const { of } = await behind("doctor-read", "haproxy.cfg")
    expect(of("endpoints").map((line) => line.split(" is ")[0])).toEqual([
      "warn POST /containers/create",
      ...["start", "stop", "restart", "rename", "update"].map((verb) => `warn POST /containers/{id}/${verb}`),
      "warn DELETE /containers/{id}"
    ])
  })
})

describe("the doctor and an old nft", () => {
  it("finds Debian 12's, by its version and by what it makes of the ruleset", async () => {
    const tree = await oldNft((text) => console.log(text))
    const folder = `${lab.engine.work}/old-nft`
    mkdirSync(folder, { recursive: true })
    const words = [
      "#!/bin/sh",
      "libraries=$(echo /bookworm/lib/*-linux-gnu*):$(echo /bookworm/usr/lib/*-linux-gnu*)",
      'exec /bookworm/lib/*-linux-gnu*/ld-linux*.so.* --library-path "$libraries" /bookworm/usr/sbin/nft "$@"'
    ]
    writeFileSync(`${folder}/nft`, `${words.join("\n")}\n`, { mode: 0o755 })
    const volumes = [`${tree.replace(repository, "/project")}:/bookworm:ro`, "/lab/old-nft/nft:/usr/local/sbin/nft:ro"]
    const { status, of } = foundIn(await examineBefore(lab, project, "healthy", ["--json"], {}, volumes))
    expect(status).toBe(1)
    expect(of("tools")).toEqual([
      expect.stringMatching(/^ok ip 6\.[\d.]+, conntrack 1\.[\d.]+$/),
      "fail nft 1.0.6 is too old: up to 1.0.6 it crashes on JSON; 1.1 or later is needed → run anchord from its own image, which brings all of them"
    ])
    expect(of("nftables")).toEqual([
      expect.stringMatching(/^fail the ruleset cannot be installed: nft was ended by SIG/)
    ])
  })
})
