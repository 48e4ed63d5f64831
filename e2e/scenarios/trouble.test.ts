import { chmodSync } from "node:fs"
import { connect, createServer, type Socket } from "node:net"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask, tcpHold } from "../lab/client.ts"
import { composeProject, externalDmz, idle, networkAnchor, routedApp, transit } from "../lab/composeProject.ts"
import { mapsOf } from "../lab/kernel.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const address = { v4: "10.99.0.34", v6: "fd99::34" }
const gateway = { v4: "172.31.34.200", v6: "fd00:a2c0:34::200" }

const malformed = {
  "bad-port": ["tcp/0", 'entry "tcp/0": port 0 is out of range: ports are 1 to 65535'],
  "bad-protocol": ["sctp/25", 'entry "sctp/25": "sctp" is not a protocol that can be exposed: use tcp or udp'],
  "bad-nothing": [
    "tcp/636:",
    'entry "tcp/636:": there is nothing after the colon: name the backend\'s port, or leave the colon out'
  ],
  "bad-reversed": ["udp/20-10", 'entry "udp/20-10": the range 20-10 is reversed: the lower port comes first'],
  "bad-width": [
    "tcp/10-20:30-31",
    'entry "tcp/10-20:30-31": 11 external ports cannot go to 2: both ranges must be of one width'
  ],
  "bad-twice": [
    "tcp/99:1,tcp/99:2",
    'entry "tcp/99:2": port 99 has another target in "tcp/99:1": within one container a port has one target'
  ]
} as const

const project = composeProject(lab, "trouble", {
  services: {
    anchord: networkAnchor(lab, {
      ...address,
      transitV4: gateway.v4,
      transitV6: gateway.v6,
      env: { DOCKER_HOST: "unix:///docker/flaky.sock", ANCHORD_POLL_INTERVAL: "1s" }
    }),
    web: routedApp(lab, "web", ["tcp/80"], gateway, { labels: { "anchord.expose": "tcp/80" } }),
    ...Object.fromEntries(
      Object.entries(malformed).map(([name, [label]]) => [name, idle(lab, { labels: { "anchord.expose": label } })])
    ),
    outsider: idle(lab, { labels: { "anchord.expose": "tcp/90" }, networks: { elsewhere: {} } }),
    guest: idle(lab, { labels: { "anchord.expose": "tcp/91" }, networks: undefined, network_mode: "service:outsider" }),
    late: idle(lab, { labels: { "anchord.expose": "tcp/81" } })
  },
  networks: { dmz: externalDmz, transit: transit(34), elsewhere: {} }
})

/** The way to the engine, which can be cut and opened again. */
const makeWay = () => {
  const path = `${lab.engine.work}/sock/flaky.sock`
  const open = new Set<Socket>()
  const pass = (client: Socket) => {
    const upstream = connect(lab.socket)
    for (const [from, to] of [
      [client, upstream],
      [upstream, client]
    ] as const) {
      open.add(from)
      from.on("error", () => to.destroy())
      from.on("close", () => {
        open.delete(from)
        to.destroy()
      })
      from.pipe(to)
    }
  }
  let server = createServer(pass)
  return {
    open: async () => {
      server = createServer(pass)
      await new Promise<void>((resolve) => {
        server.listen(path, resolve)
      })
      chmodSync(path, 0o666)
    },
    cut: async () => {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
      for (const socket of open) socket.destroy()
      await closed
    }
  }
}

const way = makeWay()
const messages = async () => (await project.logs("anchord")).map(({ level, msg }) => `${level} ${msg}`)
const portsMapped = async () => [...new Set((await mapsOf(project)).map((line) => line.split(" ")[0]))].toSorted()

beforeAll(async () => {
  await way.open()
  await project.compose("up", "-d", "--scale", "late=0")
  await project.ready("anchord")
  await eventually("the healthy one answers", 10_000, () => ask(lab.alice, "tcp", address.v4, 80))
})

afterAll(async () => {
  await project.down()
  await way.cut()
})

describe("what is wrong disturbs nothing else", () => {
  it("malformed labels are refused whole, each with one line however often everything is read; the healthy one is served", async () => {
    await eventually("some polls went by", 15_000, async () => {
      const metrics = await project.exec("anchord", "busybox", "wget", "-qO-", "http://127.0.0.1:9090/metrics")
      expect(Number(/anchord_docker_events_total\{source="poll"\} (\d+)/.exec(metrics)?.[1])).toBeGreaterThan(3)
    })
    const said = (await messages()).filter((line) => line.includes("label anchord.expose"))
    expect(said.toSorted()).toEqual(
      Object.entries(malformed)
        .map(
          ([service, [, rule]]) =>
            `ERROR container ${project.container(service)}: label anchord.expose, ${rule}; none of its ports are mapped`
        )
        .toSorted()
    )
    expect(await portsMapped()).toEqual(["tcp/80"])
    expect(await ask(lab.bob, "tcp", address.v6, 80)).toMatchObject({ name: "web", client: lab.bob.v6 })
  })

  it("a backend that is not on the shared network gets a line with both networks, also through another's namespace", async () => {
    const outsider = `it is on ${project.name}_elsewhere`
    const rest = `without a usable address on the shared network ${project.name}_transit; its ports are not mapped`
    await eventually("both lines", 10_000, async () => {
      const said = (await messages()).filter((line) => line.includes("without a usable address"))
      expect(said.toSorted()).toEqual([
        `WARN container ${project.container("guest")}: ${outsider} through ${project.container("outsider")}, ${rest}`,
        `WARN container ${project.container("outsider")}: ${outsider}, ${rest}`
      ])
    })
  })

  it("Docker goes away and comes back: what is mapped stays, and what came meanwhile is mapped then", async () => {
    const held = tcpHold(lab.alice, address.v4, 80)
    const before = await mapsOf(project)
    await way.cut()
    await eventually("anchord notices", 10_000, async () =>
      expect((await messages()).some((line) => line.startsWith("WARN the Docker event stream is lost"))).toBe(true)
    )
    await project.compose("up", "-d", "late")
    expect(await mapsOf(project)).toEqual(before)
    expect(await ask(lab.bob, "tcp", address.v4, 80)).toMatchObject({ name: "web", client: lab.bob.v4 })
    await project.exec("anchord", "anchord-health")
    await way.open()
    await step("what came meanwhile is mapped", () =>
      eventually("tcp/81", 15_000, async () => expect(await portsMapped()).toEqual(["tcp/80", "tcp/81"]))
    )
    expect((await held.finish()).filter(({ error }) => error !== undefined)).toEqual([])
  })
})

describe("forwarding is off", () => {
  const off = composeProject(lab, "forwarding", {
    services: {
      anchord: {
        ...networkAnchor(lab, { v4: "10.99.0.35", v6: "fd99::35" }),
        sysctls: { "net.ipv4.ip_forward": "0", "net.ipv6.conf.all.forwarding": "0" }
      },
      web: idle(lab, { labels: { "anchord.expose": "tcp/80" } })
    },
    networks: { dmz: externalDmz, transit: transit(35) }
  })
  afterAll(off.down)

  it("the log says where to switch it on, and the rest goes on", async () => {
    await off.compose("up", "-d")
    await off.ready("anchord")
    await eventually("mapped", 10_000, async () => expect(await mapsOf(off)).toHaveLength(2))
    const said = (await off.logs("anchord")).filter(({ level }) => level === "ERROR" || level === "WARN")
    expect(said.map(({ level, msg }) => `${level} ${msg}`)).toEqual([
      'ERROR net.ipv4.ip_forward is off, so no IPv4 packet reaches a backend; set it in the compose file: sysctls: { net.ipv4.ip_forward: "1" }',
      'WARN net.ipv6.conf.all.forwarding is off, so no IPv6 packet reaches a backend; set it in the compose file: sysctls: { net.ipv6.conf.all.forwarding: "1" }'
    ])
  })
})
