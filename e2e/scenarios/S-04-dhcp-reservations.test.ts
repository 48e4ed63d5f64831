import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { parseAddress } from "../../src/domain/Address.ts"
import { attachLab } from "../lab/attach.ts"
import { startDnsmasq, type DhcpServer } from "../lab/dnsmasq.ts"
import { composeExample, firstLine } from "../lab/example.ts"
import { exampleImages } from "../lab/imageBuild.ts"
import { startKea, type KeaServer } from "../lab/kea.ts"
import { loadImages } from "../lab/lab.ts"
import { LAN } from "../lab/lan.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
/** What examples/dhcp has when nobody sets it otherwise. */
const PINNED = "02:4c:4b:50:0a:04"
const HOSTNAME = "web"
const CLIENT_ID = "00:77:65:62"
const ANOTHER_MAC = "02:4c:4b:50:0a:ff"
/** For whoever has no reservation. */
const UNRESERVED = "10.99.0.86"

let server: DhcpServer | KeaServer | undefined

const dnsmasq = (...lines: ReadonlyArray<string>) =>
  startDnsmasq(lab, "reservations", [
    `dhcp-range=${UNRESERVED},${UNRESERVED},255.255.255.0,120s`,
    `dhcp-option=option:router,${LAN.v4}`,
    ...lines
  ])

const kea = (reservation: Readonly<Record<string, string>>) =>
  startKea(lab, "reservations", {
    address: UNRESERVED,
    leaseSeconds: 60,
    renewSeconds: 20,
    options: [{ name: "routers", data: LAN.v4 }],
    reservations: [reservation]
  })

const example = (mac?: string) =>
  composeExample(lab, "dhcp", ["compose.yaml"], mac === undefined ? {} : { ANCHORD_MAC: mac })

/** Starts the example anew, as it is or with another MAC address, and waits until a client reaches it on an address. */
const isReachedOn = async (address: string, mac?: string) => {
  await example(mac)("up", "-d", "--no-build")
  await step(`${address} answers`, () =>
    eventually("the greeting", 40_000, async () => {
      const said = /^web on port 80 sees \[?([^\]\s]+)\]?\n$/.exec(await firstLine(lab.alice, address, 80))
      expect(parseAddress(said?.[1] ?? "")?.address).toBe(lab.alice[address.includes(":") ? "v6" : "v4"])
    })
  )
}

beforeAll(() =>
  step("the example's image", () => loadImages(lab.engine, exampleImages, (text) => console.log(`  ${text}`)))
)

afterEach(async () => {
  await example()("rm", "-s", "-f", "anchord")
  await server?.stop()
  server = undefined
})

afterAll(async () => void (await example()("down", "-t", "2")))

describe("examples/dhcp, run as it is", () => {
  it("dnsmasq: a reservation by the pinned MAC address, and for DHCPv6 by the DUID that follows from it", async () => {
    server = await dnsmasq(
      `dhcp-host=${PINNED},10.99.0.84`,
      "dhcp-range=fd99::8600,fd99::8600,64,120s",
      `dhcp-host=id:00:03:00:01:${PINNED},[fd99::84]`
    )
    await isReachedOn("10.99.0.84")
    await isReachedOn("fd99::84")
  })

  it("dnsmasq: a reservation by host name, whatever the MAC address is", async () => {
    server = await dnsmasq(`dhcp-host=${HOSTNAME},10.99.0.85`)
    await isReachedOn("10.99.0.85", ANOTHER_MAC)
  })

  it("dnsmasq: a reservation by client-id, whatever the MAC address is", async () => {
    server = await dnsmasq(`dhcp-host=id:${CLIENT_ID},10.99.0.87`)
    await isReachedOn("10.99.0.87", ANOTHER_MAC)
  })

  it("Kea: a reservation by the pinned MAC address", async () => {
    server = await kea({ "hw-address": PINNED, "ip-address": "10.99.0.88" })
    await isReachedOn("10.99.0.88")
  })

  it("Kea: a reservation by client-id, whatever the MAC address is", async () => {
    server = await kea({ "client-id": CLIENT_ID, "ip-address": "10.99.0.89" })
    await isReachedOn("10.99.0.89", ANOTHER_MAC)
  })

  it("Kea: a reservation for DHCPv6, by the DUID that follows from the pinned MAC address", async () => {
    server = await startKea(lab, "reservations", {
      address: "fd99::8600",
      leaseSeconds: 60,
      renewSeconds: 20,
      reservations: [{ duid: `00:03:00:01:${PINNED}`, "ip-addresses": ["fd99::89"] }]
    })
    await isReachedOn("fd99::89")
  })

  it("without a reservation it has the address that is left", async () => {
    server = await dnsmasq()
    await isReachedOn(UNRESERVED)
  })
})
