import { describe, expect, it } from "vitest"
import type { AddressPair } from "../../src/domain/Address.ts"
import type { CommentedData } from "../../src/domain/CommentedData.ts"
import { wrapComposeFile, wrapOverride } from "../../src/domain/WrapFiles.ts"
import type { Remark } from "../../src/domain/WrapPorts.ts"
import type { Wrapping } from "../../src/domain/WrapProject.ts"

const wrapping: Wrapping = {
  upstream: "cloud",
  project: "cloud-wrap",
  network: "cloud_default",
  gatewayName: "cloud-wrap-anchord",
  gateway: {},
  wrapped: [
    { container: "cloud-web-1", anchor: "web-anchor", expose: "tcp/80", exposeV6: "auto" },
    { container: "cloud-media-1", anchor: "media-anchor", expose: "udp/5000", exposeV6: "off" }
  ],
  unpublished: [],
  remarks: []
}

const fileOf = (more: Partial<Wrapping> = {}, addresses: AddressPair = {}): CommentedData =>
  wrapComposeFile({ ...wrapping, ...more }, { externalNetwork: "dmz_macvlan", addresses })

/** The comment at a key, in one line; nothing where there is none. */
const commentAt = ({ annotations }: CommentedData, ...path: ReadonlyArray<string>): string | undefined =>
  annotations.find((one) => one.path.join("\n") === path.join("\n"))?.comment?.join(" ")

const networksOf = ({ data }: CommentedData): unknown => {
  const { services } = data as { readonly services: Readonly<Record<string, { readonly networks: unknown }>> }
  return services["anchord"]?.networks
}

const onDmz = ["services", "anchord", "networks", "dmz"]
const onUpstream = ["services", "anchord", "networks", "upstream"]

describe("the compose file of a wrapped project", () => {
  it("has the addresses on the LAN that were given, and names those that Docker chooses", () => {
    const chosen = (addresses: AddressPair) => commentAt(fileOf({}, addresses), ...onDmz)?.split("each time: ")[1]
    const both = fileOf({}, { v4: "192.0.2.9", v6: "2001:db8::9" })
    expect(networksOf(both)).toMatchObject({ dmz: { ipv4_address: "192.0.2.9", ipv6_address: "2001:db8::9" } })
    expect(commentAt(both, ...onDmz)).toBe("The LAN, and the project's own addresses on it.")
    expect(networksOf(fileOf())).toMatchObject({ dmz: {} })
    expect(chosen({})).toBe("ipv4_address, ipv6_address.")
    expect(chosen({ v6: "2001:db8::9" })).toBe("ipv4_address.")
  })

  it("fixes anchord's address on the project's network only where it has to, and says why", () => {
    const aliases = ["cloud-wrap-anchord"]
    expect(networksOf(fileOf())).toEqual({ dmz: {}, upstream: { aliases }, "docker-api": {} })
    expect(commentAt(fileOf(), ...onUpstream)).not.toContain("fixed")
    for (const gateway of [{ v4: "172.30.1.253" }, { v6: "fd00::fffe" }] satisfies ReadonlyArray<AddressPair>)
      expect(commentAt(fileOf({ gateway }), ...onUpstream)).toContain("Its address is fixed, because")
    expect(networksOf(fileOf({ gateway: { v6: "fd00::fffe" } }))).toMatchObject({
      upstream: { aliases, ipv6_address: "fd00::fffe" }
    })
  })

  it("switches IPv6 off for what is published on IPv4 addresses only, and says so there alone", () => {
    const file = fileOf()
    expect(file.data["services"]).toMatchObject({
      "web-anchor": { labels: { "anchord.expose": "tcp/80" } },
      "media-anchor": { labels: { "anchord.expose": "udp/5000", "anchord.expose.v6": "off" } }
    })
    const v6 = (anchor: string) => commentAt(file, "services", anchor, "labels", "anchord.expose.v6")
    expect([v6("web-anchor"), v6("media-anchor")]).toEqual([undefined, "It is published on IPv4 addresses only."])
  })

  it("tells at the top what is left to decide before what is only to be known, and nothing where there is nothing", () => {
    const remark = (kind: Remark["kind"], container: string | undefined, why: string): Remark => ({
      ...{ kind, container, ports: [], why, whatToDo: "do this" }
    })
    const remarks = [
      remark("note", "cloud-web-1", "it does not run"),
      remark("undecided", undefined, `cloud_default is internal, ${"and so ".repeat(14)}on`)
    ]
    const plain = fileOf().header
    expect(fileOf({ remarks }).header).toEqual([
      ...plain,
      "",
      "NOT DECIDED, and not in here:",
      `- cloud_default is internal, ${"and so ".repeat(11).trim()}`,
      "  and so and so and so on; do this",
      "",
      "Mind:",
      "- cloud-web-1: it does not run; do this"
    ])
    expect(plain.at(-1)).toBe("anchord wrap --override.")
  })
})

describe("the override of a wrapped project", () => {
  it("takes away all ports of a service, or all but those that stay, and says of the latter that they do", () => {
    const kept = [{ protocol: "tcp", inside: 81, outside: "", hostAddress: "" }]
    const file = wrapOverride({
      ...wrapping,
      unpublished: [
        { service: "media", expose: "udp/5000,udp/6000", kept: [] },
        { service: "web", expose: "tcp/80", kept }
      ]
    })
    expect(file.data).toEqual({ services: { media: { ports: [] }, web: { ports: ["81"] } } })
    const tags = file.annotations.flatMap(({ path, tag }) => (tag === undefined ? [] : [[path[1], tag]]))
    expect(tags).toEqual([
      ["media", "!reset"],
      ["web", "!override"]
    ])
    expect(commentAt(file, "services", "media")).toBe("On the LAN by anchord.expose: udp/5000, udp/6000")
    expect(commentAt(file, "services", "web")).toContain("These are not, and stay published on the host.")
  })
})
