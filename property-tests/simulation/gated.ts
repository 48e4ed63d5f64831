import * as Effect from "effect/Effect"

/** What a program that was killed gets from every service that it still asks: it is not there to ask. */
export class KilledProcess extends Error {}

const dead = Effect.die(new KilledProcess())

const gatedValue = (value: unknown, isAlive: () => boolean): unknown => {
  if (Effect.isEffect(value)) return Effect.suspend(() => (isAlive() ? value : dead))
  if (typeof value !== "function") return value
  return (...args: ReadonlyArray<unknown>): unknown => gatedValue(value(...args), isAlive)
}

/**
 * A service as one process sees it: once that is killed nothing that it asks for is done any more, whatever its finalizers try. That is the
 * difference between SIGKILL and the interruption of a fiber.
 */
export const gated = <S extends object>(service: S, isAlive: () => boolean): S =>
  Object.fromEntries(Object.entries(service).map(([key, value]) => [key, gatedValue(value, isAlive)])) as S
