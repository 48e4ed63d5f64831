import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask, udpStream } from "../lab/client.ts"
import { composeProject, externalDmz, networkAnchor, routedApp, transit } from "../lab/composeProject.ts"
import { flowsOf, mapsOf, startedAt } from "../lab/kernel.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const address = { v4: "10.99.0.13", v6: "fd99::13" }
const gateway = { v4: "172.31.3.2", v6: "fd00:a2c0:3::2" }
const first = { v4: "172.31.3.31", v6: "fd00:a2c0:3::31" }
const second = { v4: "172.31.3.32", v6: "fd00:a2c0:3::32" }

const file = (name: string, at: typeof first) => ({
  services: {
    anchord: networkAnchor(lab, { ...address, transitV4: gateway.v4, transitV6: gateway.v6 }),
    dns: routedApp(lab, name, ["tcp/53", "udp/53"], gateway, {
      labels: { "anchord.expose": "tcp/53,udp/53" },
      networks: { transit: { ipv4_address: at.v4, ipv6_address: at.v6 } }
    })
  },
  networks: { dmz: externalDmz, transit: transit(3) }
})

const project = composeProject(lab, "s03", file("one", first))

beforeAll(async () => {
  await project.compose("up", "-d", "anchord")
  await step("the network-anchor is ready", () => project.ready("anchord"))
})

afterAll(project.down)

describe("S-3 a backend is re-created with a new address", () => {
  for (const family of ["v4", "v6"] as const) {
    it(`a UDP client over ${family} that keeps its source port gets through, before the first mapping and after the re-creation`, async () => {
      project.rewrite(file("one", first))
      await project.compose("rm", "-sf", "dns")
      const stream = udpStream(lab.alice, address[family], 53, 40_053)
      const firstAnswer = async (name: string) => {
        const answer = await eventually(`an answer of ${name}`, 10_000, () => {
          const found = stream.lines.find((line) => line.name === name)
          if (found === undefined) throw new Error(`${stream.lines.length} answers, none of them`)
          return found
        })
        const millis = answer.at - (await startedAt(project, "dns"))
        console.log(`  first UDP answer over ${family} of ${name} ${millis} ms after its container's start`)
        return { ...answer, millis }
      }
      await project.compose("up", "-d", "dns")
      expect(await firstAnswer("one")).toMatchObject({ client: lab.alice[family], clientPort: 40_053 })

      project.rewrite(file("two", second))
      await step("re-creating the backend", () => project.compose("up", "-d", "dns"))
      expect(await firstAnswer("two")).toMatchObject({ client: lab.alice[family], clientPort: 40_053 })
      await stream.finish()

      expect(await ask(lab.alice, "tcp", address[family], 53)).toMatchObject({ name: "two", client: lab.alice[family] })
      const left = (await flowsOf(project, family)).filter(({ replySource }) => replySource === first[family])
      expect(left).toEqual([])
      expect(await mapsOf(project)).toEqual(
        [second.v4, second.v6]
          .flatMap((at) => ["tcp", "udp"].map((protocol) => `${protocol}/53 -> ${at} 53`))
          .toSorted()
      )
    })
  }
})
