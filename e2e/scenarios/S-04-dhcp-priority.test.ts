import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { dhcpProject } from "../lab/dhcpProject.ts"
import { startKea, type KeaServer } from "../lab/kea.ts"
import { LAN } from "../lab/lan.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const ROUTER = "10.99.0.253"
const PIN = { v4: "10.99.0.254", v6: "fd99::fffe" }
const pinned4 = dhcpProject(lab, "dhcppin4", 79, { env: { ANCHORD_EXT_GATEWAY_IP: PIN.v4 } })
const pinned6 = dhcpProject(lab, "dhcppin6", 80, { env: { ANCHORD_EXT_GATEWAY_IP: PIN.v6 } })
const projects = [pinned4, pinned6]

/** Waits until a project's only default routes lead to these. */
const leadTo = ({ defaults }: typeof pinned4, v4: string, v6: string) =>
  eventually(`the gateways ${v4} and ${v6}`, 40_000, async () => {
    expect({ v4: await defaults("v4"), v6: await defaults("v6") }).toEqual({ v4: [["97", v4]], v6: [["97", v6]] })
  })

let server: KeaServer | undefined

beforeAll(async () => {
  for (const { project } of projects) await project.compose("up", "-d")
  for (const { project } of projects) await project.ready("anchord")
})

afterAll(async () => {
  for (const { project } of projects) await project.down()
  await server?.stop()
})

describe("whose default route it is", () => {
  it("without a lease: the pin before Docker's gateway, each family for itself", async () => {
    await leadTo(pinned4, PIN.v4, LAN.v6)
    await leadTo(pinned6, LAN.v4, PIN.v6)
  })

  it("a lease's router wins over a pin and over Docker's gateway, and leaves IPv6 alone", async () => {
    server = await startKea(lab, "priority", {
      address: "10.99.0.81",
      last: "10.99.0.82",
      leaseSeconds: 8,
      renewSeconds: 2,
      options: [{ name: "routers", data: ROUTER }]
    })
    await step("with a pin", () => leadTo(pinned4, ROUTER, LAN.v6))
    await step("without", () => leadTo(pinned6, ROUTER, PIN.v6))
    for (const { external } of projects) expect((await external()).v4).toEqual([expect.stringMatching(/\.8[12]$/)])
  })

  it("the router goes with the lease: pin and Docker's gateway are back", async () => {
    await server?.stop()
    server = undefined
    await step("the pin", () => leadTo(pinned4, PIN.v4, LAN.v6))
    await step("Docker's gateway", () => leadTo(pinned6, LAN.v4, PIN.v6))
    for (const { onlyAddress, bootstrap } of projects) await onlyAddress(bootstrap.v4)
  })

  it("a lease without a router leaves them", async () => {
    server = await startKea(lab, "priority", {
      address: "10.99.0.81",
      last: "10.99.0.82",
      leaseSeconds: 8,
      renewSeconds: 2
    })
    for (const { external } of projects) {
      await step("a lease", () =>
        eventually("a lease", 40_000, async () =>
          expect((await external()).v4).toEqual([expect.stringMatching(/\.8[12]$/)])
        )
      )
    }
    await leadTo(pinned4, PIN.v4, LAN.v6)
    await leadTo(pinned6, LAN.v4, PIN.v6)
  })
})
