import { describe, expect, it } from "vitest"
import { operationCases } from "./operationCases.ts"
import { inOrder, type OperatedDocker } from "./operatedDocker.ts"

/** Waits until the body does not throw. */
type Eventually = (body: () => Promise<void>) => Promise<void>

/** What a real engine was seen to do, and everything that stands in for one has to do as well. */
export const operationsContract = (
  title: string,
  setUp: () => { readonly docker: OperatedDocker; readonly close: () => Promise<void> },
  eventually: Eventually
): void => {
  describe(`${title}: operations on containers and networks`, () => {
    it.each(operationCases)("$what", async ({ steps, become, failed = {}, told }) => {
      const { docker, close } = setUp()
      try {
        for (const [operation, answer] of steps) {
          expect([operation, await docker.apply(operation)]).toEqual([operation, answer])
          // The next step begins when everything that this one causes is through.
          await eventually(async () => {
            const { containers } = await docker.seen()
            expect(containers.filter(({ status }) => status === "restarting")).toEqual([])
            const ends = docker.events().filter(({ action }) => action === "die")
            expect(ends.length).toBeGreaterThanOrEqual(operation._tag === "end" && answer === "ok" ? 1 : 0)
          })
        }
        await eventually(async () => {
          const { containers } = await docker.seen()
          const found = containers.map((seen) => [seen.name, [seen.status, seen.exitCode, seen.restartCount]])
          expect(Object.fromEntries(found)).toEqual(become)
          expect(Object.fromEntries(containers.map(({ name, error }) => [name, error]))).toMatchObject(failed)
          const events = [...inOrder(docker.events(), "container"), ...inOrder(docker.events(), "network")]
          expect(events).toEqual(told ?? events)
        })
      } finally {
        await close()
      }
    })
  })
}
