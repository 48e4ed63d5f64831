import { describe, expect, it } from "vitest"
import type { Casting } from "./cast.ts"
import { Simulation } from "./Simulation.ts"

const casting: Casting = {
  addressMode: "bootstrap",
  autofixScope: "own",
  selector: false,
  managed: false,
  chance: 0,
  present: ["mail-anchor"]
}

/** No service gives a program of the simulated world a way to reach these: what it must leave alone there can only be changed by hand. */
describe("what belongs to strangers", () => {
  const elsewhere = {
    host: ({ host }: Simulation) => host.kernel,
    router: ({ lan }: Simulation) => lan.router,
    client: ({ lan }: Simulation) => lan.clients[0]!
  }

  it.each(Object.entries(elsewhere))("is looked after on the %s: routes and tables", (_, kernelOf) => {
    const sim = new Simulation(casting)
    sim.strangers.check()
    const { netns, ruleset } = kernelOf(sim)
    const link = netns.links().find(({ name }) => name !== "lo")
    netns.add({ family: "v4", gateway: "10.99.0.7", link: link!.name, metric: 7 })
    expect(() => sim.strangers.check()).toThrow("with which anchord has nothing to do")
    sim.strangers.check()
    ruleset.execute([{ add: { table: { family: "ip", name: "anchord_v4" } } }])
    expect(() => sim.strangers.check()).toThrow("the tables")
  })
})
