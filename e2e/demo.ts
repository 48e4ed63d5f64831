import { ask, udpStream } from "./lab/client.ts"
import { composeProject, externalDmz, networkAnchor, routedApp, transit } from "./lab/composeProject.ts"
import { onSignal } from "./lab/interruption.ts"
import { addressesOf, mapsOf, startedAt } from "./lab/kernel.ts"
import { labOf, openLab } from "./lab/lab.ts"
import { cannotRun } from "./lab/machine.ts"
import { eventually } from "./lab/steps.ts"

const begun = performance.now()
const say = (text: string) => console.log(`${((performance.now() - begun) / 1000).toFixed(1).padStart(6)} s  ${text}`)

const why = cannotRun()
if (why !== undefined) {
  console.error(`The demo ${why}.`)
  process.exit(1)
}

const address = { v4: "10.99.0.60", v6: "fd99::60" }
const gateway = { v4: "172.31.60.200", v6: "fd00:a2c0:60::200" }

const { state, close } = await openLab(say)
const lab = labOf(state)

const file = (dnsName: string, last: number) => ({
  services: {
    anchord: networkAnchor(lab, { ...address, transitV4: gateway.v4, transitV6: gateway.v6 }),
    mail: routedApp(lab, "mail", ["tcp/25", "tcp/6636"], gateway, {
      labels: { "anchord.expose": "tcp/25, tcp/636:6636" }
    }),
    dns: routedApp(lab, dnsName, ["tcp/53", "udp/53"], gateway, {
      labels: { "anchord.expose": "tcp/53, udp/53" },
      networks: { transit: { ipv4_address: `172.31.60.${last}`, ipv6_address: `fd00:a2c0:60::${last}` } }
    })
  },
  networks: { dmz: externalDmz, transit: transit(60) }
})

const project = composeProject(lab, "demo", file("dns", 31))
let closing: Promise<void> | undefined
const tidyUp = () =>
  (closing ??= project
    .down()
    .catch(() => {})
    .then(close))
onSignal(() => void tidyUp().then(() => process.exit(1)))

const visit = async (protocol: "tcp" | "udp", port: number) => {
  for (const family of ["v4", "v6"] as const) {
    const greeting = await eventually("an answer", 10_000, () => ask(lab.alice, protocol, address[family], port))
    say(
      `alice ${lab.alice[family]} → ${address[family]} ${protocol}/${port}: ${greeting.name} answers on its port ${greeting.port} and sees ${greeting.client}`
    )
  }
}

const demo = async () => {
  say("docker compose up: anchord, mail (anchord.expose: tcp/25, tcp/636:6636) and dns (tcp/53, udp/53)")
  await project.compose("up", "-d")
  await project.ready("anchord")
  say(`anchord is ready; the project is ${address.v4} and ${address.v6} on the LAN, and its maps hold:`)
  for (const line of await mapsOf(project)) say(`    ${line}`)
  await visit("tcp", 25)
  await visit("tcp", 636)
  await visit("udp", 53)

  say("alice keeps asking udp/53 every 50 ms from one source port; meanwhile dns is re-created with another address")
  const stream = udpStream(lab.alice, address.v4, 53, 40_053)
  await eventually("first answers", 10_000, () => {
    if (stream.lines.length < 5) throw new Error(`${stream.lines.length} answers`)
  })
  const before = await addressesOf(project, "dns")
  project.rewrite(file("dns, re-created", 32))
  await project.compose("up", "-d", "dns")
  const first = await eventually("an answer of the new one", 10_000, () => {
    const line = stream.lines.find(({ name }) => name !== "dns")
    if (line === undefined) throw new Error("none yet")
    return line
  })
  const last = stream.lines.findLast(({ name }) => name === "dns")
  const after = await addressesOf(project, "dns")
  say(`dns was ${before.v4} and is ${after.v4}`)
  say(`alice's first answer came ${first.at - (await startedAt(project, "dns"))} ms after the new container's start`)
  say(`between the last answer of the old one and the first of the new one: ${first.at - (last?.at ?? first.at)} ms`)
  const mapped = (await project.logs("anchord")).findLast(
    ({ msg, added }) => msg === "the DNAT maps changed" && added !== 0
  )
  say(`anchord had mapped it ${String(mapped?.["eventToMapMs"])} ms after Docker's event`)
  await stream.finish()
  await visit("tcp", 53)
}

try {
  await demo()
  say("tidying up")
} finally {
  await tidyUp()
}
say("done")
