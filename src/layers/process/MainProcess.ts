import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { sentence, type Sentence } from "../../domain/Sentence.ts"

/** Shut-down must be over in 5 s, or Docker may kill in the middle of it (SPEC §14). */
const SHUTDOWN_LIMIT_MILLIS = 4_500

const signalNumber = { SIGINT: 2, SIGTERM: 15 } as const

const line = (level: "INFO" | "ERROR", msg: string, fields: Readonly<Record<string, unknown>> = {}): void =>
  void process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), level, msg, ...fields })}\n`)

const complain = (what: Sentence, fields?: Readonly<Record<string, unknown>>): void => line("ERROR", what, fields)

/** EX_IOERR of sysexits.h, as 70 is its EX_SOFTWARE. */
const UNWRITTEN = 74

const isHangUp = (error: Error): boolean => "code" in error && error.code === "EPIPE"

/** Ends a command whose answer nobody gets: a reader that has seen enough is no failure, a full disk is one. */
const unwritten = (error: Error): void => {
  if (isHangUp(error)) process.exit(0)
  if (process.exitCode === UNWRITTEN) return
  process.exitCode = UNWRITTEN
  process.stderr.write(`anchord: cannot write to standard output: ${error.message}\n`, () => process.exit(UNWRITTEN))
}

/** Ends the process once what has been written is out: a pipe takes it later. */
const exit = (status: number): void => {
  process.exitCode = status
  process.stdout.write("", () => process.stderr.write("", () => process.exit(status)))
}

/** Ends a command in the same way, when it is known whether its answer is out; if not, {@link unwritten} ends it. */
const exitAnswered = (status: number): void => {
  const end = () => {
    if (process.exitCode !== UNWRITTEN) process.stderr.write("", () => process.exit(status))
  }
  if (process.stdout.writableLength === 0) setImmediate(end)
  else process.stdout.write("", () => setImmediate(end))
}

/**
 * From now on what cannot be written to standard output ends the process: with 74 and a line on standard error, or with 0 where only the reader has
 * gone (`anchord plan | head -1`). For commands, whose output is their answer; {@link runProcess} takes it back.
 */
export const outputIsAnswer = (): void => {
  process.stdout.off("error", unwritten).on("error", unwritten)
}

const traceOf = (cause: unknown): string => (cause instanceof Error ? (cause.stack ?? cause.message) : String(cause))

/** Nothing else may be left that keeps the process alive while a fiber waits. */
const keepAlive = () => setInterval(() => {}, 2 ** 31 - 1)

/** Lets the first signal interrupt, which gives back what was borrowed, and then end the process as one that it does not know. */
const endBySignal = (interrupt: () => Promise<unknown>): void => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      const die = () => void process.kill(process.pid, signal)
      setTimeout(die, SHUTDOWN_LIMIT_MILLIS).unref()
      void interrupt().then(die)
    })
  }
}

/**
 * Runs a command that ends by itself as this process: what it succeeds with is the status. A signal interrupts it and ends it; a second one does at
 * once, and so does an answer that cannot be written ({@link outputIsAnswer}). A defect is told on standard error, because standard output is for the answer, and worth 70 (SPEC §14).
 */
export const runCommand = (command: Effect.Effect<number>): void => {
  const defect = (cause: unknown) => {
    process.stderr.write(`anchord: a defect in anchord: ${traceOf(cause)}\n`)
    exit(70)
  }
  process.on("uncaughtException", defect)
  process.on("unhandledRejection", defect)
  outputIsAnswer()
  const alive = keepAlive()
  const running: { fiber?: Fiber.Fiber<number> } = {}
  let interrupted = false
  endBySignal(async () => {
    interrupted = true
    if (running.fiber !== undefined) await Effect.runPromise(Fiber.interrupt(running.fiber))
  })
  const fiber = Effect.runFork(command)
  running.fiber = fiber
  void Effect.runPromise(Fiber.await(fiber)).then((outcome) => {
    if (interrupted) return
    clearInterval(alive)
    if (Exit.isSuccess(outcome)) return exitAnswered(outcome.value)
    return defect(new Error(Cause.pretty(outcome.cause)))
  })
}

/**
 * Runs the whole program as this process. The first SIGTERM or SIGINT interrupts it, which closes its scopes, and the status is 0;
 * a second one ends the process at once, and so does a shut-down that takes too long. `statusOf` says what an expected failure is
 * worth; a defect is logged and worth 70 (SPEC §14).
 */
export const runProcess = <E>(program: Effect.Effect<void, E>, statusOf: (error: E) => number): void => {
  const running: { fiber?: Fiber.Fiber<void, E> } = {}
  const defect = (cause: unknown) => {
    complain(sentence`a defect in anchord; state is left as it is`, { cause: traceOf(cause) })
    exit(70)
  }
  process.stdout.off("error", unwritten)
  let stopping = false
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(128 + signalNumber[signal])
      stopping = true
      line("INFO", "stopping", { signal })
      setTimeout(() => {
        complain(sentence`stopping took too long; what is left to tidy up stays`)
        process.exit(1)
      }, SHUTDOWN_LIMIT_MILLIS).unref()
      running.fiber?.interruptUnsafe()
    })
  }
  process.on("uncaughtException", defect)
  process.on("unhandledRejection", defect)
  const fiber = Effect.runFork(program)
  running.fiber = fiber
  const alive = keepAlive()
  void Effect.runPromise(Fiber.await(fiber)).then((outcome) => {
    clearInterval(alive)
    if (Exit.isSuccess(outcome)) return exit(0)
    const { cause } = outcome
    const failure = cause.reasons.find(Cause.isFailReason)
    if (failure !== undefined) return exit(statusOf(failure.error))
    if (stopping && Cause.hasInterruptsOnly(cause)) return exit(0)
    return defect(new Error(Cause.pretty(cause)))
  })
}
