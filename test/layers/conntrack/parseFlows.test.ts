import { describe, expect, it } from "vitest"
import { parseFlows } from "../../../src/layers/conntrack/parseFlows.ts"

describe("what conntrack -L prints", () => {
  it("is read by its original tuple and where replies come from", () => {
    const output = [
      "tcp      6 431999 ESTABLISHED src=10.99.0.201 dst=10.99.0.11 sport=40000 dport=636 src=172.31.1.3 dst=10.99.0.201 sport=6636 dport=40000 [ASSURED] mark=0 use=1",
      "udp      17 29 src=10.99.0.201 dst=10.99.0.11 sport=40053 dport=53 [UNREPLIED] src=10.99.0.11 dst=10.99.0.201 sport=53 dport=40053 mark=41664 use=1",
      "icmp     1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=1 src=10.0.0.2 dst=10.0.0.1 type=0 code=0 id=1 mark=0 use=1",
      "unknown  2 599 src=10.0.0.1 dst=224.0.0.1 [UNREPLIED] src=224.0.0.1 dst=10.0.0.1 mark=0 use=1",
      ""
    ].join("\n")
    expect(parseFlows(output, "v4")).toEqual([
      {
        family: "v4",
        protocol: "tcp",
        source: "10.99.0.201",
        sourcePort: 40_000,
        destination: "10.99.0.11",
        destinationPort: 636,
        replySource: "172.31.1.3",
        replySourcePort: 6636
      },
      {
        family: "v4",
        protocol: "udp",
        source: "10.99.0.201",
        sourcePort: 40_053,
        destination: "10.99.0.11",
        destinationPort: 53,
        replySource: "10.99.0.11",
        replySourcePort: 53
      }
    ])
  })

  it("has IPv6 addresses in their canonical form", () => {
    const output =
      "udp      17 29 src=fd99:0000:0000:0000:0000:0000:0000:0201 dst=fd99::11 sport=1 dport=53 src=fd00::3 dst=fd99::201 sport=53 dport=1 mark=0 use=1\n"
    expect(parseFlows(output, "v6")).toMatchObject([
      { source: "fd99::201", destination: "fd99::11", replySource: "fd00::3" }
    ])
  })
})
