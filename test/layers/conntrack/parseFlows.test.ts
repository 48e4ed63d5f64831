import { describe, expect, it } from "vitest"
import type { Flow } from "../../../src/domain/Dnat.ts"
import { parseFlows } from "../../../src/layers/conntrack/parseFlows.ts"

// Printed by `conntrack -L`, conntrack-tools 1.4.
const dnatedTcp =
  "tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=10.99.0.5 sport=40001 dport=25 src=172.20.0.12 dst=10.0.0.1 sport=2525 dport=40001 [ASSURED] mark=0 use=1"
const closing =
  "tcp      6 60 CLOSE_WAIT src=10.0.0.1 dst=10.99.0.5 sport=40001 dport=25 src=172.20.0.12 dst=10.0.0.1 sport=2525 dport=40001 [ASSURED] mark=0 use=1"
const plainUdp =
  "udp      17 29 src=10.0.0.1 dst=10.0.0.2 sport=2 dport=53 src=10.0.0.2 dst=10.0.0.1 sport=53 dport=2 mark=0 use=1"
const unrepliedUdp =
  "udp      17 29 src=10.0.0.1 dst=10.99.0.5 sport=1 dport=53 [UNREPLIED] src=172.20.0.12 dst=10.0.0.1 sport=53 dport=1 mark=0 use=1"
const dnatedTcp6 =
  "tcp      6 431999 ESTABLISHED src=fd01::7 dst=fd99::5 sport=40002 dport=25 src=fd20::c dst=fd01::7 sport=2525 dport=40002 [ASSURED] mark=0 use=1"
const icmp =
  "icmp     1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=11 src=10.0.0.2 dst=10.0.0.1 type=0 code=0 id=11 mark=0 use=1"
const unknown = "unknown  2 590 src=10.0.0.1 dst=224.0.0.22 [UNREPLIED] src=224.0.0.22 dst=10.0.0.1 mark=0 use=1"

const toMail: Flow = {
  family: "v4",
  protocol: "tcp",
  source: "10.0.0.1",
  sourcePort: 40_001,
  destination: "10.99.0.5",
  destinationPort: 25,
  replySource: "172.20.0.12",
  replySourcePort: 2_525
}

describe("the flows of conntrack", () => {
  it("have the original tuple, and where replies come from", () => {
    expect(parseFlows(`${dnatedTcp}\n`, "v4")).toEqual([toMail])
    expect(parseFlows(dnatedTcp6, "v6")).toEqual([
      {
        family: "v6",
        protocol: "tcp",
        source: "fd01::7",
        sourcePort: 40_002,
        destination: "fd99::5",
        destinationPort: 25,
        replySource: "fd20::c",
        replySourcePort: 2_525
      }
    ])
  })

  it("have no state of their own: a TCP flow that closes is one", () => {
    expect(parseFlows(closing, "v4")).toEqual([toMail])
  })

  it("may be without a reply, or without DNAT", () => {
    expect(parseFlows(`${unrepliedUdp}\n${plainUdp}\n`, "v4")).toMatchObject([
      { protocol: "udp", sourcePort: 1, destinationPort: 53, destination: "10.99.0.5", replySource: "172.20.0.12" },
      { protocol: "udp", sourcePort: 2, destinationPort: 53, destination: "10.0.0.2", replySource: "10.0.0.2" }
    ])
  })

  it("are those of TCP and UDP", () => {
    const output = [icmp, dnatedTcp, unknown, plainUdp, icmp.replace("icmp ", "sctp "), "udplite  136 29 src=x"].join(
      "\n"
    )
    expect(parseFlows(output, "v4").map(({ protocol }) => protocol)).toEqual(["tcp", "udp"])
  })

  it("may have counters, zones, marks and labels between", () => {
    const accounted = dnatedTcp
      .replace("dport=25 ", "dport=25 packets=3 bytes=164 ")
      .replace("[ASSURED] mark=0", "packets=2 bytes=112 [ASSURED] mark=7 secctx=system_u zone=3 delta-time=9")
    expect(parseFlows(accounted, "v4")).toEqual([toMail])
  })

  it("keep a translated port and a mark apart from the tuples", () => {
    const output =
      "tcp      6 431999 ESTABLISHED src=10.99.0.201 dst=10.99.0.11 sport=40000 dport=636 src=172.31.1.3 dst=10.99.0.201 sport=6636 dport=40000 [ASSURED] mark=41664 use=1"
    expect(parseFlows(output, "v4")).toMatchObject([
      { destinationPort: 636, replySource: "172.31.1.3", replySourcePort: 6_636 }
    ])
  })

  it("have their addresses in canonical form", () => {
    const long = dnatedTcp6.replaceAll("fd01::7", "fd01:0:0:0::7").replaceAll("fd20::c", "FD20::000C")
    expect(parseFlows(long, "v6")).toMatchObject([{ source: "fd01::7", replySource: "fd20::c" }])
  })

  it("are none where a line is cut short, and where there are none", () => {
    for (const output of ["", "\n", dnatedTcp.slice(0, 60), dnatedTcp.slice(0, 100), "tcp src= dst=", "tcp "]) {
      expect(parseFlows(output, "v4")).toEqual([])
    }
  })

  it("follow each other in the order of the lines", () => {
    const lines = Array.from({ length: 1_000 }, (_, index) => plainUdp.replaceAll("=2 ", `=${index + 1} `))
    expect(parseFlows(lines.join("\n"), "v4").map(({ sourcePort }) => sourcePort)).toEqual(
      lines.map((_, index) => index + 1)
    )
  })
})
