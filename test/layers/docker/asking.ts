import * as Effect from "effect/Effect"
import { afterEach } from "vitest"
import { layer } from "../../../src/layers/docker/DockerodeEngine.ts"
import { DockerEngine, type DockerError } from "../../../src/services/DockerEngine.ts"
import { type FakeEngine, type Routes, startFake } from "./FakeEngine.ts"

/** Run after each test, in order. */
export const cleanUps: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

/** A fake engine that ends with the test. */
export const fake = async (routes: Routes, where?: "unix" | "tcp"): Promise<FakeEngine> => {
  const engine = await startFake(routes, where)
  cleanUps.push(engine.stop)
  return engine
}

type Use<A, E> = (engine: DockerEngine["Service"]) => Effect.Effect<A, E>

export const using = <A, E>(host: string, use: Use<A, E>): Effect.Effect<A, E> =>
  Effect.provide(Effect.flatMap(DockerEngine, use), layer({ host }))

export const ask = <A, E>(host: string, use: Use<A, E>): Promise<A> => Effect.runPromise(using(host, use))

export const failure = <A>(host: string, use: Use<A, DockerError>): Promise<DockerError> =>
  Effect.runPromise(Effect.flip(using(host, use)))
