import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import {
  composeProject,
  externalDmz,
  idle,
  networkAnchor,
  serviceAnchor,
  transit,
  type Project
} from "../lab/composeProject.ts"
import { mapsOf } from "../lab/kernel.ts"
import { eventually } from "../lab/steps.ts"

const lab = attachLab()

const project = composeProject(lab, "s06", {
  services: {
    anchord: networkAnchor(lab, { v4: "10.99.0.16", v6: "fd99::16" }),
    "web-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/80" }),
    // Keeps the namespace of the network-anchor alive, so that one can look into it afterwards.
    "anchord-witness": idle(lab, { networks: undefined, network_mode: "service:anchord", cap_add: ["NET_ADMIN"] }),
    // An application that was there before, and a service-anchor that wraps it.
    wrapped: idle(lab, { labels: { "anchord.expose": "tcp/81" } }),
    wrapper: serviceAnchor(lab, {}, { networks: undefined, network_mode: "service:wrapped" })
  },
  networks: { dmz: externalDmz, transit: transit(6) }
})

/** A network-anchor whose nft will hang. */
const hanging = composeProject(lab, "s06-hanging", {
  services: {
    anchord: networkAnchor(lab, { v4: "10.99.0.61", v6: "fd99::61" }),
    "anchord-witness": idle(lab, { networks: undefined, network_mode: "service:anchord", cap_add: ["NET_ADMIN"] })
  },
  networks: { dmz: externalDmz, transit: transit(61) }
})

const stop = async (of: Project, service: string) => {
  const begun = performance.now()
  await lab.docker("stop", of.container(service))
  return {
    seconds: (performance.now() - begun) / 1000,
    exitCode: await of.inspect(service, "{{.State.ExitCode}}")
  }
}

beforeAll(async () => {
  await project.compose("up", "-d")
  await hanging.compose("up", "-d")
  await project.ready("anchord", "web-anchor", "wrapper")
  await hanging.ready("anchord")
  await eventually("both families are mapped", 10_000, async () => expect(await mapsOf(project)).toHaveLength(4))
})

afterAll(async () => {
  await project.down()
  await hanging.down()
})

describe("S-6 teardown", () => {
  it("a service-anchor that is stopped puts the routes back, and ends with 0 in less than 5 s", async () => {
    const routes = (family: "-4" | "-6") => project.exec("wrapped", "ip", family, "route", "show", "default")
    expect(await routes("-4")).toContain("proto 97")
    expect(await routes("-6")).toContain("proto 97")
    const { seconds, exitCode } = await stop(project, "wrapper")
    expect(exitCode).toBe("0")
    expect(seconds).toBeLessThan(5)
    expect(await routes("-4")).toMatch(/^default via 172\.31\.6\.1 dev eth0 *\n$/)
    expect(await routes("-6")).toMatch(/^default via fd00:a2c0:6::1 dev eth0 [^\n]*\n$/)
  })

  it("a network-anchor that is stopped removes its tables and no other, and ends with 0 in less than 5 s", async () => {
    await project.exec("anchord-witness", "nft", "add", "table", "ip", "somebody_elses")
    const { seconds, exitCode } = await stop(project, "anchord")
    expect(exitCode).toBe("0")
    expect(seconds).toBeLessThan(5)
    const tables = await project.exec("anchord-witness", "nft", "list", "tables")
    expect(tables).not.toContain("anchord_v")
    expect(tables).toContain("somebody_elses")
  })

  it("does so when its nft hangs", async () => {
    const tables = () => hanging.exec("anchord-witness", "nft", "list", "tables")
    expect(await tables()).toMatch(/anchord_v4[^]*anchord_v6/)
    await hanging.exec("anchord", "sh", "-c", "kill -STOP $(busybox pidof nft)")
    const { seconds, exitCode } = await stop(hanging, "anchord")
    expect(exitCode).toBe("0")
    expect(seconds).toBeLessThan(5)
    expect(await tables()).not.toContain("anchord_v")
    expect((await hanging.logs("anchord")).map(({ msg }) => msg)).toContain(
      "the nft session was lost during a change, which a process of its own has made"
    )
  })
})
