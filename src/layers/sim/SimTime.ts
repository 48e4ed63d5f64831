import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"

/** Virtual time for the parts of a simulation that are no Effect programs. */
export interface SimTimers {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Calls back once `millis` have passed; the answer cancels that. */
  readonly after: (millis: number, callback: () => void) => () => void
}

interface Timer {
  readonly at: number
  readonly callback: () => void
}

/** So many tasks without time passing are a program that goes round and round. */
const BUSY_LOOP = 200_000

/**
 * Time that passes only when it is told to, and one queue for everything that can run: whatever is forked into it happens in the same order in
 * every run. A timer of the same instant comes after those that were set before it.
 */
export class SimTime implements SimTimers {
  readonly #epochMillis: number
  #elapsed = 0
  /** What can run now; those before `#head` have run. */
  #tasks: Array<(() => void) | undefined> = []
  #head = 0
  /** The next one last. */
  readonly #timers: Array<Timer> = []
  readonly #context: Context.Context<never>
  readonly clock: Clock.Clock

  constructor(epochMillis = 0) {
    this.#epochMillis = epochMillis
    this.clock = this.#makeClock()
    const scheduler = new Scheduler.MixedScheduler("sync", (task) => this.#enqueue(task))
    this.#context = Context.make(Clock.Clock, this.clock).pipe(Context.add(Scheduler.Scheduler, scheduler))
  }

  readonly now = (): number => this.#epochMillis + this.#elapsed

  readonly nowNanos = (): bigint => BigInt(this.#epochMillis) * 1_000_000n + BigInt(Math.round(this.#elapsed * 1e6))

  readonly after = (millis: number, callback: () => void): (() => void) => {
    const timer: Timer = { at: this.#elapsed + Math.max(0, millis), callback }
    let index = this.#timers.length
    while (index > 0 && (this.#timers[index - 1]?.at ?? 0) <= timer.at) index -= 1
    this.#timers.splice(index, 0, timer)
    return () => {
      const place = this.#timers.indexOf(timer)
      if (place !== -1) this.#timers.splice(place, 1)
    }
  }

  /** Begins a program; it runs in {@link SimTime.settle} and {@link SimTime.advance}. */
  fork<A, E>(program: Effect.Effect<A, E>): Fiber.Fiber<A, E> {
    return Effect.runForkWith(this.#context)(program)
  }

  /** Lets everything happen that does not wait for time to pass. Throws when that does not come to an end. */
  settle(): void {
    let ran = 0
    while (this.#head < this.#tasks.length) {
      const task = this.#tasks[this.#head]
      this.#tasks[this.#head] = undefined
      this.#head += 1
      task?.()
      ran += 1
      if (ran > BUSY_LOOP) throw new Error(`${BUSY_LOOP} tasks ran without any time passing`)
    }
    this.#tasks = []
    this.#head = 0
  }

  /** Lets time pass, with all that happens in it. */
  advance(millis: number): void {
    const end = this.#elapsed + millis
    this.settle()
    for (;;) {
      const next = this.#timers.at(-1)
      if (next === undefined || next.at > end) break
      this.#timers.pop()
      this.#elapsed = Math.max(this.#elapsed, next.at)
      next.callback()
      this.settle()
    }
    this.#elapsed = end
  }

  #enqueue(task: () => void): () => void {
    const index = this.#tasks.push(task) - 1
    const queue = this.#tasks
    return () => {
      if (queue[index] === task) queue[index] = undefined
    }
  }

  #makeClock(): Clock.Clock {
    const { now, nowNanos } = this
    return {
      currentTimeMillisUnsafe: now,
      currentTimeMillis: Effect.sync(now),
      currentTimeNanosUnsafe: nowNanos,
      currentTimeNanos: Effect.sync(nowNanos),
      monotonicTimeNanosUnsafe: nowNanos,
      monotonicTimeNanos: Effect.sync(nowNanos),
      sleep: (duration) =>
        Effect.callback((resume) => {
          const cancel = this.after(Duration.toMillis(duration), () => resume(Effect.void))
          return Effect.sync(cancel)
        })
    }
  }
}
