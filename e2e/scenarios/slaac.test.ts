import { spawn, type ChildProcess } from "node:child_process"
import { writeFileSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask } from "../lab/client.ts"
import { run } from "../lab/command.ts"
import { composeProject, externalDmz, networkAnchor, routedApp, transit } from "../lab/composeProject.ts"
import { inNetns } from "../lab/lan.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const PREFIX = "fd98:1:2:3"
const gateway = { v4: "172.31.41.200", v6: "fd00:a2c0:41::200" }
const anchor = networkAnchor(lab, {
  v4: "10.99.0.41",
  v6: "fd99::41",
  transitV4: gateway.v4,
  transitV6: gateway.v6,
  env: { ANCHORD_ADDRESS_MODE: "slaac-ra-only" }
})

const project = composeProject(lab, "slaac-e2e", {
  services: {
    anchord: {
      ...anchor,
      sysctls: {
        "net.ipv4.ip_forward": "1",
        "net.ipv6.conf.all.forwarding": "1",
        "net.ipv6.conf.eth0.accept_ra": "2",
        "net.ipv6.conf.eth1.accept_ra": "2"
      }
    },
    deaf: {
      ...networkAnchor(lab, { v4: "10.99.0.42", v6: "fd99::42", env: { ANCHORD_ADDRESS_MODE: "slaac-ra-only" } })
    },
    web: routedApp(lab, "web", ["tcp/80"], gateway, { labels: { "anchord.expose": "tcp/80" } })
  },
  networks: { dmz: externalDmz, transit: transit(41) }
})

let radvd: ChildProcess

const inAlice = (...command: ReadonlyArray<string>) => run(inNetns(lab.alice.netns, ...command))
/** What the external interface of a service is called: Docker does not promise it. */
const externalOf = async (service: string) => {
  const lines = (await project.exec(service, "ip", "-4", "-br", "address")).split("\n")
  return /^(\w+)@/.exec(lines.find((line) => line.includes(" 10.99.0.")) ?? "")?.[1] ?? "none"
}

const defaults = async () => (await project.exec("anchord", "ip", "-6", "route", "show", "default")).trim().split("\n")

beforeAll(async () => {
  await run(inNetns(lab.router.netns, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1"))
  await run(["ip", "-n", lab.router.netns, "-6", "address", "add", `${PREFIX}::1/64`, "dev", "lan", "nodad"])
  await inAlice("ip", "-6", "address", "add", `${PREFIX}::201/64`, "dev", "eth0", "nodad")
  const config = `${lab.engine.work}/radvd.conf`
  writeFileSync(
    config,
    `interface lan { AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; prefix ${PREFIX}::/64 { }; };\n`
  )
  const [program = "", ...args] = [
    ...["setpriv", "--pdeathsig", "KILL"],
    ...inNetns(
      lab.router.netns,
      "radvd",
      "--nodaemon",
      "-C",
      config,
      "-p",
      `${lab.engine.work}/radvd.pid`,
      "-m",
      "stderr"
    )
  ]
  radvd = spawn(program, args, { stdio: "ignore" })
  await project.compose("up", "-d")
  await project.ready("anchord", "deaf")
})

afterAll(async () => {
  await project.down()
  const ended = new Promise((resolve) => radvd.once("close", resolve))
  radvd.kill("SIGTERM")
  await ended
  await run(["ip", "-n", lab.router.netns, "-6", "address", "del", `${PREFIX}::1/64`, "dev", "lan"])
  await inAlice("ip", "-6", "address", "flush", "dev", "eth0", "to", `${PREFIX}::/64`)
})

describe("slaac-ra-only", () => {
  it("the kernel takes an address and the default route from the router's advertisement; anchord leaves that route alone", async () => {
    await step("an address of the advertised prefix", () =>
      eventually("SLAAC", 20_000, async () =>
        expect(
          await project.exec("anchord", "ip", "-6", "-br", "address", "show", "dev", await externalOf("anchord"))
        ).toContain(`${PREFIX}:`)
      )
    )
    await eventually("the advertised default is the only one", 20_000, async () => {
      const lines = await defaults()
      expect(lines).toHaveLength(1)
      expect(lines[0]).toContain("proto ra")
    })
  })

  it("a client reaches the service on the address from the advertisement, and is seen as itself", async () => {
    const shown = await project.exec(
      "anchord",
      "ip",
      "-6",
      "-br",
      "address",
      "show",
      "dev",
      await externalOf("anchord")
    )
    const address =
      shown
        .split(/\s+/)
        .find((word) => word.startsWith(`${PREFIX}:`))
        ?.split("/")[0] ?? ""
    const greeting = await eventually("an answer", 10_000, () => ask(lab.alice, "tcp", address, 80))
    expect(greeting.name).toBe("web")
    expect(greeting.client).toContain(`${PREFIX}:`)
    expect(await ask(lab.alice, "tcp", "10.99.0.41", 80)).toMatchObject({ name: "web", client: lab.alice.v4 })
  })

  it("an anchor whose interface ignores advertisements says which sysctl to set", async () => {
    const said = (await project.logs("deaf")).filter(({ level }) => level === "WARN").map(({ msg }) => msg)
    const name = `net.ipv6.conf.${await externalOf("deaf")}.accept_ra`
    expect(said).toEqual([
      `${name} is 1, so router advertisements are ignored while forwarding is on; set it in the compose file: sysctls: { ${name}: "2" }`
    ])
  })
})
