import { setTimeout as pause } from "node:timers/promises"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask, tcpHold, tcpLoop, udpStream } from "../lab/client.ts"
import { app, composeProject, externalDmz, networkAnchor, serviceAnchor, transit } from "../lab/composeProject.ts"
import { ended, examine, examineBefore, foundIn } from "../lab/doctor.ts"
import { mapsOf } from "../lab/kernel.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const address = { v4: "10.99.0.150", v6: "fd99::150" }

const project = composeProject(lab, "doctor", {
  services: {
    anchord: networkAnchor(lab, address),
    later: networkAnchor(lab, { v4: "10.99.0.151", v6: "fd99::151" }),
    "web-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/80,udp/53" }),
    web: app(lab, "web-anchor", "web", ["tcp/80", "udp/53"])
  },
  networks: { dmz: externalDmz, transit: transit(150) }
})

const FOREIGN = /192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|2001:db8:a2c0:/

/** The addresses of the namespace that are for documentation. */
const borrowed = async () =>
  (await project.exec("anchord", "ip", "-o", "address")).split("\n").filter((line) => FOREIGN.test(line))

beforeAll(async () => {
  await project.compose("up", "-d", "anchord", "web-anchor", "web")
  await project.ready("anchord", "web-anchor")
  await eventually("mapped", 10_000, async () => expect(await mapsOf(project)).toHaveLength(4))
})

afterAll(project.down)

describe("the doctor in a healthy project", () => {
  it("finds nothing wrong with the network-anchor, in both families, and leaves no address behind", async () => {
    const { status, stdout, stderr } = await step("the doctor", () => examine(lab, project, "anchord"))
    console.log(stdout.replaceAll(/^/gm, "  "))
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" })
    const lines = stdout.split("\n")
    expect(lines.filter((line) => /^(?:warn|fail)/.test(line))).toEqual([])
    for (const said of [
      /^ok +anchor +network-anchor \S+ runs here, and is ready$/m,
      /^ok +capabilities +NET_ADMIN, and no other$/m,
      /^ok +tools +nft 1\.\d+\.\d+, ip [\d.]+, conntrack [\d.]+$/m,
      /^ok +nftables +kernel \S+ takes the ruleset/m,
      /^ok +endpoints +the 12 calls that these settings need are allowed/m,
      /^ok +external-network +dmz_macvlan is attached as eth\d: 10\.99\.0\.150, fd99::150$/m,
      /^ok +gateway +IPv4 10\.99\.0\.1 answers/m,
      /^ok +gateway +IPv6 fd99::1 answers/m,
      /^ok +ports +doctor-web-anchor-1 can be reached from outside$/m,
      /^ok +foreign-sources +IPv4: doctor_transit carries them: 192\.0\.2\.\d+ is answered by doctor-web-anchor-1$/m,
      /^ok +foreign-sources +IPv6: doctor_transit carries them: 2001:db8:a2c0::[0-9a-f]+ is answered by doctor-web-anchor-1$/m
    ])
      expect(stdout).toMatch(said)
    expect(await borrowed()).toEqual([])
  })

  it("finds nothing wrong with the service-anchor either", async () => {
    const answer = await examine(lab, project, "web-anchor", ["--json"])
    const { status, wrong, of } = foundIn(answer)
    expect({ status, wrong }).toEqual({ status: 0, wrong: [] })
    expect(of("gateway-name")).toEqual([expect.stringMatching(/^ok anchord is 172\.31\.150\.\d+, fd00:a2c0:150::/)])
    expect(of("gateway")).toHaveLength(2)
    expect(of("default-route")).toEqual(["ok leads to the network-anchor for IPv4 and IPv6"])
    expect(of("docker")).toEqual([])
  })

  it("before a start looks at all that shows then, and warns of what does not", async () => {
    const { status, wrong, of } = foundIn(await examineBefore(lab, project, "later", ["--json"]))
    expect(status).toBe(0)
    expect(wrong.map((line) => line.split(" ")[0])).toEqual(["anchor:", "foreign-sources:"])
    expect(of("foreign-sources")).toEqual([expect.stringMatching(/^warn not looked at: .*docker exec/)])
    expect(of("gateway")).toHaveLength(2)
    expect(of("external-network")).toEqual([expect.stringContaining("10.99.0.151, fd99::151")])
  })

  it("disturbs nobody: clients lose nothing meanwhile, and the running anchord has nothing to do", async () => {
    const before = (await project.logs("anchord")).filter(({ level }) => level !== "DEBUG").length
    const loops = (["v4", "v6"] as const).map((family) => tcpLoop(lab.alice, address[family], 80))
    const held = (["v4", "v6"] as const).map((family) => tcpHold(lab.bob, address[family], 80))
    const streams = (["v4", "v6"] as const).map((family, n) => udpStream(lab.bob, address[family], 53, 40_150 + n, 10))
    await eventually("all of them talk", 20_000, () => {
      for (const { lines } of [...held, ...streams]) if (lines.length < 5) throw new Error(`${lines.length} lines`)
    })
    for (let run = 0; run < 3; run += 1) expect((await examine(lab, project, "anchord", ["--json"])).status).toBe(0)
    const already = streams.map(({ lines }) => lines.length)
    await eventually("what was sent meanwhile is answered", 20_000, () => {
      for (const [n, { lines }] of streams.entries())
        if (lines.length < (already[n] ?? 0) + 100) throw new Error("not yet")
    })
    const loopOutcomes = (await Promise.all(loops.map((loop) => loop.finish()))).flat()
    for (const outcome of loopOutcomes) expect(outcome).toMatchObject({ failed: 0, errors: {} })
    expect(loopOutcomes.every(({ ok }) => ok > 100)).toBe(true)
    for (const one of held) expect((await one.finish()).filter(({ error }) => error !== undefined)).toEqual([])
    for (const [n, family] of (["v4", "v6"] as const).entries()) {
      const answers = (await streams[n]?.finish()) ?? []
      const numbers = answers.map(({ said }) => Number(said)).toSorted((a, b) => a - b)
      // How late an answer is says more of the machine than of the doctor; that there is one to each, and no other, is said here.
      expect(numbers).toEqual(Array.from({ length: Math.max(...numbers) }, (_, index) => index + 1))
      const parties = new Set(
        answers.map(({ name, port, client, clientPort }) => `${client} ${clientPort} ${name} ${port}`)
      )
      expect([...parties]).toEqual([`${lab.bob[family]} ${40_150 + n} web 53`])
    }
    const after = (await project.logs("anchord")).filter(({ level }) => level !== "DEBUG").slice(before)
    expect(after.map(({ msg }) => msg)).toEqual([])
    expect(await borrowed()).toEqual([])
    expect(await ask(lab.alice, "tcp", address.v4, 80)).toMatchObject({ client: lab.alice.v4 })
  })
})

/** The doctor's process in the container, as soon as it has borrowed its addresses. */
const whileBorrowing = async () => {
  const done = examine(lab, project, "anchord")
  await eventually("it has borrowed its addresses", 30_000, async () => {
    if ((await borrowed()).length === 0) throw new Error("not yet")
  })
  const search = String.raw`for p in /proc/[0-9]*; do tr '\0' ' ' < $p/cmdline | grep -q 'anchord\.mjs doctor' && echo ${"$"}{p#/proc/}; done; true`
  const pid = (await project.exec("anchord", "sh", "-c", search)).trim()
  return { done, pid }
}

describe("a doctor that is ended while it looks", () => {
  // A backend that takes what strangers send and does not answer keeps the doctor waiting.
  beforeAll(() =>
    project.exec(
      "web-anchor",
      "sh",
      "-c",
      "ip route replace blackhole 192.0.2.0/24; ip -6 route replace blackhole 2001:db8:a2c0::/48"
    )
  )

  it("gives the addresses back when it is interrupted, and has no answer", async () => {
    for (const signal of ["INT", "TERM"]) {
      const { done, pid } = await whileBorrowing()
      await project.exec("anchord", "busybox", "kill", `-${signal}`, pid)
      const { status, stdout } = await done
      expect(status).not.toBe(0)
      expect(stdout).toBe("")
      expect(await borrowed()).toEqual([])
    }
  })

  it("leaves them to the kernel, which takes them away, when it is killed", async () => {
    const { done, pid } = await whileBorrowing()
    await project.exec("anchord", "busybox", "kill", "-KILL", pid)
    await done
    expect(await borrowed()).not.toEqual([])
    await eventually("the addresses are gone", 40_000, async () => {
      await pause(500)
      expect(await borrowed()).toEqual([])
    })
  })

  it("otherwise says whose answers do not come back", async () => {
    const { status, of } = foundIn(await examine(lab, project, "anchord", ["--json"]))
    expect(status).toBe(1)
    for (const line of of("foreign-sources"))
      expect(line).toMatch(
        /^fail IPv[46]: this container's own address is answered by doctor-web-anchor-1, and .* → the default route/
      )
  })
})

it("has the status 2 for settings that are wrong", async () => {
  const answer = await ended(
    lab.engine.within([
      "docker",
      "exec",
      "-e",
      "ANCHORD_POLL_INTERVAL=soon",
      project.container("anchord"),
      "anchord",
      "doctor"
    ])
  )
  expect(answer).toMatchObject({ status: 2, stdout: "" })
  expect(answer.stderr).toContain('ANCHORD_POLL_INTERVAL="soon": must be a positive duration')
})
