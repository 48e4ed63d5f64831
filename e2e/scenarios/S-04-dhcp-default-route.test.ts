import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { dhcpProject } from "../lab/dhcpProject.ts"
import { startDnsmasq, type DhcpServer } from "../lab/dnsmasq.ts"
import { spread, stampedLines } from "../lab/ipMonitor.ts"
import { LAN } from "../lab/lan.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const REVERTS = 50
const LEASED = "10.99.0.83"
const { project, ip, onlyAddress, defaults } = dhcpProject(lab, "dhcproute", 78)
/** By family: the chosen gateway, another one, and what makes its route displace the chosen one's. */
const gateways = {
  v4: { flag: "-4", own: LAN.v4, other: "10.99.0.253", metric: [] },
  v6: { flag: "-6", own: LAN.v6, other: "fd99::fffe", metric: ["metric", "512"] }
} as const
let server: DhcpServer

beforeAll(async () => {
  server = await startDnsmasq(lab, "route", [
    `dhcp-range=${LEASED},${LEASED},255.255.255.0,120s`,
    `dhcp-option=option:router,${LAN.v4}`
  ])
  await project.compose("up", "-d")
  await onlyAddress(LEASED)
})

afterAll(async () => {
  await project.down()
  await server.stop()
})

/** Reverts the route again and again, at another moment of anchord's each time; all in the container, so that only anchord's time counts. */
const script = (revert: string, isBack: string, back: string) => `
set -e
export TZ=UTC
: > /run/routes
ip -ts monitor route >> /run/routes &
monitor=$!
until [ -s /run/routes ]; do ip route replace 192.0.2.1 dev lo; ip route del 192.0.2.1 dev lo; done
for time in $(seq ${REVERTS}); do
  ${revert}
  until ${isBack}; do busybox usleep 10000; done
  busybox usleep $((time * 2500))
done
until [ $(grep -c "${back}" /run/routes) -ge ${REVERTS} ]; do busybox usleep 10000; done
kill $monitor
cat /run/routes
`

for (const family of ["v4", "v6"] as const) {
  const { flag, own, other, metric } = gateways[family]
  const revert = ["route", "replace", "default", "via", other, ...metric]

  describe(`the ${family} default route`, () => {
    it("is set again when somebody reverts it, five times", async () => {
      for (let time = 1; time <= 5; time += 1) {
        await ip(flag, ...revert)
        await step("set again", () =>
          eventually("the chosen gateway alone", 5_000, async () =>
            expect(await defaults(family)).toEqual([["97", own]])
          )
        )
      }
    })

    it(`is set again ${REVERTS} times, by the kernel's own clock`, async () => {
      const back = `default via ${own} .*proto 97`
      const isBack = `ip ${flag} route show default | grep -q "${back}"`
      const commands = script(["ip", flag, ...revert].join(" "), isBack, back)
      const output = await project.exec("anchord", "sh", "-c", commands)
      const lines = stampedLines(output)
      const took = lines.flatMap(({ at, text }, index) => {
        if (!text.startsWith(`default via ${other} `)) return []
        const answer = lines.slice(index).find((line) => new RegExp(`^${back}`).test(line.text))
        return [(answer?.at ?? Infinity) - at]
      })
      expect(took).toHaveLength(REVERTS)
      expect(Math.max(...took)).toBeLessThan(Infinity)
      console.log(`  ${family}: from the other route to anchord's: ${spread(took)}`)
    })
  })
}
