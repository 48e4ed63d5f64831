import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import type { Flow } from "../../src/domain/Dnat.ts"
import { layer } from "../../src/layers/conntrack/ConntrackTool.ts"
import { Conntrack } from "../../src/services/Conntrack.ts"
import { conntrackContract } from "../../test/contracts/conntrack.ts"
import { attachLab } from "../lab/attach.ts"
import { run } from "../lab/command.ts"
import { inNetns, makeNetns } from "../lab/lan.ts"

const makeTracking = async () => {
  const { name, dispose } = await makeNetns()
  const prefix = inNetns(name, "chroot", attachLab().root)
  const conntrack = (...args: ReadonlyArray<string>) => run([...prefix, "conntrack", ...args])
  return { name, prefix, conntrack, dispose }
}

const insertion = (flow: Flow): ReadonlyArray<string> =>
  [
    ["-I", "-p", flow.protocol, "--timeout", "300"],
    ["-s", flow.source, "-d", flow.destination, "--sport", `${flow.sourcePort}`, "--dport", `${flow.destinationPort}`],
    ["--reply-src", flow.replySource, "--reply-dst", flow.source],
    ["--reply-port-src", `${flow.replySourcePort}`, "--reply-port-dst", `${flow.sourcePort}`],
    flow.protocol === "tcp" ? ["--state", "ESTABLISHED", "-u", "ASSURED"] : []
  ].flat()

conntrackContract("conntrack", async () => {
  const { prefix, conntrack, dispose } = await makeTracking()
  return {
    layer: layer({ prefix }),
    world: { begin: async (flow) => void (await conntrack(...insertion(flow))) },
    dispose
  }
})

describe("conntrack", () => {
  it("passes over flows of other protocols", async () => {
    const { prefix, conntrack, dispose } = await makeTracking()
    const tuple = ["-s", "10.0.0.1", "-d", "10.0.0.2"]
    await conntrack("-I", "-p", "icmp", ...tuple, "--icmp-type", "8", "--icmp-code", "0", "--timeout", "300")
    await conntrack("-I", "-p", "udp", ...tuple, "--sport", "1", "--dport", "2", "--timeout", "300")
    const flows = await Effect.runPromise(
      Effect.flatMap(Conntrack, (service) => service.flows("v4")).pipe(Effect.provide(layer({ prefix })))
    ).finally(dispose)
    expect(flows.map(({ protocol }) => protocol)).toEqual(["udp"])
  })

  it("says what failed when it cannot be run", async () => {
    const error = await Effect.runPromise(
      Effect.flatMap(Conntrack, (service) => Effect.flip(service.flows("v4"))).pipe(
        Effect.provide(layer({ prefix: ["anchord-no-such-program"] }))
      )
    )
    expect(error).toMatchObject({ _tag: "ConntrackError", command: "conntrack -L -f ipv4" })
  })
})
