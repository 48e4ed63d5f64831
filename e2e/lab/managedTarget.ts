import { expect } from "vitest"
import type { Lab } from "./lab.ts"
import { namespaceOf, processOf } from "./sharedNamespaces.ts"
import { eventually } from "./steps.ts"

export interface TargetOptions {
  readonly name: string
  /** The Docker network that it is on. */
  readonly network: string
  /** anchord's own addresses there, which the default routes are to lead to. */
  readonly gateway: { readonly v4: string; readonly v6: string }
  /** More arguments of `docker run`. */
  readonly more?: ReadonlyArray<string>
}

/** `docker rm -f`, of what may not be there. */
export const removed = (lab: Lab, ...names: ReadonlyArray<string>): Promise<void> =>
  lab.docker("rm", "-f", ...names).then(
    () => undefined,
    () => undefined
  )

const inspect = async (lab: Lab, name: string, format: string) =>
  (await lab.docker("inspect", "-f", format, name)).trim()

export const idOf = (lab: Lab, name: string): Promise<string> => inspect(lab, name, "{{.Id}}")

/** When it started last, as Docker says it. */
export const startOf = (lab: Lab, name: string): Promise<string> => inspect(lab, name, "{{.State.StartedAt}}")

/** Ends its process as a crash does: Docker's restart policy counts, if it has one. */
export const crash = async (lab: Lab, name: string): Promise<void> =>
  void (await lab.engine.inside(["kill", "-9", await processOf(lab, name)]))

/** The names of all containers that begin like this, in order. */
export const namesLike = async (lab: Lab, beginning: string): Promise<ReadonlyArray<string>> =>
  (await lab.docker("ps", "-a", "--format", "{{.Names}}"))
    .split("\n")
    .filter((name) => name.startsWith(beginning))
    .toSorted()

/** A container that somebody else runs, and that a managed service-anchor is for. */
export const managedTarget = (lab: Lab, { name, network, gateway, more = [] }: TargetOptions) => {
  const run = () =>
    lab.docker(
      ...["run", "-d", "--name", name, "--network", network, "--stop-timeout", "1", ...more],
      ...["--entrypoint", "tini", lab.image, "--", "busybox", "sleep", "1000000"]
    )

  /** Waits until both default routes lead to anchord; answers with how many milliseconds after its start that was. */
  const routedAfter = async () => {
    await eventually(`both default routes of ${name} lead to anchord`, 60_000, async () => {
      const inside = ["nsenter", "-t", await processOf(lab, name), "-n"]
      for (const [family, address] of [
        ["-4", gateway.v4],
        ["-6", gateway.v6]
      ] as const) {
        const routes = await lab.engine.inside([...inside, "ip", family, "route", "show", "default"])
        expect(routes).toContain(`via ${address} `)
      }
    })
    return Date.now() - Date.parse(await startOf(lab, name))
  }

  /** Waits until another container runs in its namespace. */
  const joinedBy = (other: string) =>
    eventually(`${other} runs in the namespace of ${name}`, 60_000, async () =>
      expect(await namespaceOf(lab, other)).toBe(await namespaceOf(lab, name))
    )

  return { name, run, routedAfter, joinedBy }
}
