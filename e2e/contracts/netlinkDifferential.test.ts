import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { families, type Family } from "../../src/domain/Address.ts"
import { ORIGINALS_TABLE } from "../../src/domain/Routing.ts"
import * as IpRoute2 from "../../src/layers/netlink/IpRoute2.ts"
import * as SimNetlink from "../../src/layers/sim/kernel/SimNetlink.ts"
import { SimNetns } from "../../src/layers/sim/kernel/SimNetns.ts"
import { Netlink, type NetlinkError } from "../../src/services/Netlink.ts"
import { ipStart, ipStep, type IpStep } from "../../property-tests/arbitraries/ipSteps.ts"
import { run } from "../lab/command.ts"
import { inNetns, makeNetns } from "../lab/lan.ts"

const RUNS = 3
const STEPS = 30

/** One side of the comparison: how a step is done, and all that is to be seen afterwards. */
interface Side {
  readonly layer: Layer.Layer<Netlink>
  readonly setUp: (link: string, up: boolean) => Promise<void>
  readonly setNeighbour: (step: Extract<IpStep, { readonly _tag: "Neighbour" }>) => Promise<void>
  /** The routes of the main table that are no defaults: `destination link source-or-gateway`. */
  readonly others: () => Promise<ReadonlyArray<string>>
}

const openReal = async () => {
  const { name, dispose } = await makeNetns()
  const ip = (...args: ReadonlyArray<string>) => run(["ip", "-n", name, ...args])
  await run(inNetns(name, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0"))
  for (const [link, addresses] of ipStart) {
    await ip("link", "add", "name", link, "type", "veth", "peer", "name", `${link}p`)
    for (const end of [link, `${link}p`]) await ip("link", "set", "dev", end, "up")
    for (const address of addresses) {
      await ip("address", "add", address, "dev", link, ...(address.includes(":") ? ["nodad"] : []))
    }
  }
  const ofFamily = async (family: Family) => {
    const answer = JSON.parse(await ip("-j", family === "v4" ? "-4" : "-6", "route")) as ReadonlyArray<
      Readonly<Record<"dst" | "dev" | "gateway" | "prefsrc", string | undefined>>
    >
    return answer
      .filter(({ dst, dev }) => dst !== "default" && !dst?.startsWith("fe80:") && !dev?.endsWith("p"))
      .map(({ dst = "", dev = "", gateway, prefsrc }) => {
        const [address, length = family === "v4" ? "32" : "128"] = dst.split("/")
        return `${address}/${length} ${dev} ${gateway ?? (family === "v4" ? prefsrc : "")}`
      })
  }
  const side: Side = {
    layer: IpRoute2.layer({ prefix: inNetns(name) }),
    setUp: async (link, up) => void (await ip("link", "set", "dev", link, up ? "up" : "down")),
    setNeighbour: async ({ link, address, state }) => {
      const mac = state === "failed" ? [] : ["lladdr", "02:00:00:00:00:01"]
      await ip("neigh", "replace", address, ...mac, "dev", link, "nud", state)
    },
    others: async () => (await Promise.all(families.map(ofFamily))).flat()
  }
  return { side, dispose }
}

const openSimulated = (): Side => {
  const netns = new SimNetns().addLink("lo", "127.0.0.1/8", "::1/128")
  for (const [link, addresses] of ipStart) netns.addLink(link, ...addresses)
  return {
    layer: SimNetlink.layer(netns),
    setUp: (link, up) => Promise.resolve(netns.setUp(link, up)),
    setNeighbour: ({ link, address, state }) => Promise.resolve(netns.setNeighbour(link, address, state)),
    others: () => {
      const { onLink, static: statics } = netns.otherRoutes()
      return Promise.resolve([
        ...onLink.map(
          (one) => `${one.address}/${one.prefixLength} ${one.link} ${one.family === "v4" ? one.source : ""}`
        ),
        ...statics.map((one) => `${one.destination}/${one.prefixLength} ${one.link} ${one.gateway ?? ""}`)
      ])
    }
  }
}

const carryOut = async ({ layer, setUp, setNeighbour }: Side, step: IpStep): Promise<boolean> => {
  const ask = (use: (netlink: Netlink["Service"]) => Effect.Effect<void, NetlinkError>) =>
    Effect.runPromise(Effect.flatMap(Netlink, use).pipe(Effect.isSuccess, Effect.provide(layer)))
  switch (step._tag) {
    case "Route":
      return ask(({ applyRoutes }) => applyRoutes([step.step]))
    case "Address":
      return ask(({ applyAddresses }) => applyAddresses([step.step]))
    case "Forget":
      return ask(({ forgetNeighbours }) => forgetNeighbours(step.addresses))
    case "Link":
      return setUp(step.link, step.up).then(() => true)
    case "Neighbour":
      return setNeighbour(step).then(
        () => true,
        () => false
      )
  }
}

const watched = ["10.2.0.77", "10.2.0.78", "fd02::77", "fd02::78"]

/** Addresses and routes that are not the kernel's own business, and the neighbours that steps speak of. */
const observe = async ({ layer, others }: Side) => {
  const seen = await Effect.runPromise(
    Effect.gen(function* () {
      const netlink = yield* Netlink
      const addresses = yield* netlink.addresses
      const tables = [undefined, ORIGINALS_TABLE]
      const defaults = yield* Effect.forEach(families, (family) =>
        Effect.forEach(tables, (table) => netlink.defaultRoutes(family, table))
      )
      const neighbours = yield* Effect.forEach(families, netlink.neighbours)
      return {
        addresses: addresses
          .filter(({ scope }) => scope === "global")
          .map(({ link, address, prefixLength }) => `${link} ${address}/${prefixLength}`)
          .toSorted(),
        defaults,
        neighbours: neighbours
          .flat()
          .filter(({ address }) => watched.includes(address))
          .map(({ address, state }) => `${address} ${state}`)
          .toSorted()
      }
    }).pipe(Effect.provide(layer))
  )
  return { ...seen, others: (await others()).toSorted() }
}

describe("the simulated namespace", () => {
  it(`agrees with the kernel in ${RUNS} times ${STEPS} random steps of ip`, { timeout: 120_000 }, async () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    console.log(`ip: seed ${seed}`)
    const sequences = fc.sample(fc.array(ipStep, { minLength: STEPS, maxLength: STEPS, size: "max" }), {
      seed,
      numRuns: RUNS
    })
    let refused = 0
    for (const [at, steps] of sequences.entries()) {
      const [{ side: real, dispose }, simulated] = [await openReal(), openSimulated()]
      try {
        expect(await observe(simulated)).toEqual(await observe(real))
        for (const [index, step] of steps.entries()) {
          const what = `seed ${seed}, sequence ${at}, step ${index}: ${JSON.stringify(step)}`
          const agreed = await carryOut(real, step)
          if (!agreed) refused += 1
          expect(await carryOut(simulated, step), what).toBe(agreed)
          expect(await observe(simulated), what).toEqual(await observe(real))
        }
      } finally {
        await dispose()
      }
    }
    console.log(`ip: ${refused} of ${RUNS * STEPS} steps refused`)
    expect(refused).toBeLessThan(RUNS * STEPS)
  })
})
