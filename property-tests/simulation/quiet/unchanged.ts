import { families } from "../../../src/domain/Address.ts"
import type { Json } from "../../../src/domain/Inspection.ts"
import { containerOf, DMZ, NETWORK_ANCHOR, roleOf, type Role } from "../cast.ts"
import type { Simulation } from "../Simulation.ts"
import { Violation } from "../Violation.ts"

const isSubset = (part: Readonly<Record<string, string>>, whole: Json): boolean =>
  Object.entries(part).every(([key, value]) => whole[key] === value)

/** What a container was created with is what it has, however often it was made anew (SPEC §11: re-creating loses nothing). */
const checkConfiguration = (sim: Simulation, role: Role): void => {
  if (sim.docker.find(role.name) === undefined) return
  const { labels = {}, env = [], restart } = containerOf(role, sim.casting)
  const { Config, HostConfig } = sim.docker.inspection(role.name) as {
    readonly Config: Json
    readonly HostConfig: Json
  }
  const policy = (HostConfig["RestartPolicy"] as { readonly Name?: string } | undefined)?.Name
  if (!isSubset(labels, Config["Labels"] as Json)) throw new Violation(`${role.name} has lost a label`)
  if (JSON.stringify(Config["Env"]) !== JSON.stringify(env))
    throw new Violation(`the environment of ${role.name} has changed`)
  if (policy !== restart)
    throw new Violation(`${role.name} restarts by ${policy}, and was created to restart by ${restart}`)
}

/** The addresses that Docker has given are there, and no others; on the external network it is the lease that decides. */
const checkAddresses = (sim: Simulation): void => {
  for (const { id, name } of sim.docker.containers()) {
    const namespace = sim.host.namespaceOf(id)
    if (namespace?.owner !== id) continue
    for (const [link, network] of namespace.links) {
      if (name === NETWORK_ANCHOR && network.name === DMZ) continue
      for (const family of families) {
        const given = network.members.get(id)?.[family]
        const found = namespace.kernel.netns
          .addresses()
          .filter((one) => one.link === link && one.family === family && one.scope === "global")
          .map(({ address }) => address)
        if (found.join() === (given ?? "")) continue
        throw new Violation(
          `${name} has the ${family} addresses "${found.join()}" on ${network.name}, and was given ${given ?? "none"}`
        )
      }
    }
  }
}

/** What anchord has no business with in the containers that it touches, and in the namespaces that it works in. */
export const checkUnchanged = (sim: Simulation): void => {
  for (const name of sim.expected) {
    const role = roleOf(name)
    if (role !== undefined) checkConfiguration(sim, role)
  }
  checkAddresses(sim)
}
