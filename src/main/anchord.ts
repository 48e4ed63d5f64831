import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Result from "effect/Result"
import { commandOf } from "../domain/CommandLine.ts"
import { ownContainerRef } from "../domain/OwnContainer.ts"
import type { Mode } from "../domain/SettingDefinitions.ts"
import {
  parseSettings,
  type ExternalRebinderSettings,
  type NetworkAnchorSettings,
  type Parsed,
  type ServiceAnchorSettings,
  type Settings,
  type Violation,
  type WrapRebinderSettings
} from "../domain/Settings.ts"
import { tracingOf, type Tracing } from "../domain/Tracing.ts"
import { buildInfo } from "../layers/observability/BuildInfo.ts"
import * as HttpListener from "../layers/observability/HttpListener.ts"
import * as Logging from "../layers/observability/Logging.ts"
import * as Readiness from "../layers/observability/Readiness.ts"
import { makeRecentLines } from "../layers/observability/RecentLines.ts"
import { makeStatusBoard } from "../layers/observability/StatusBoard.ts"
import * as StatusSocket from "../layers/observability/StatusSocket.ts"
import { outputIsAnswer, runCommand, runProcess } from "../layers/process/MainProcess.ts"
import { ownTraces } from "../layers/process/OwnTraces.ts"
import { commit, version } from "./Build.ts"
import type { Chosen } from "./cli/Cli.ts"
import { complain, violationLines, WRONG } from "./complaints.ts"
import { FatalError } from "./FatalError.ts"
import { dhcpClientLayer, networkAnchorLayers, dockerLayers, serviceAnchorLayers, tracingLayer } from "./LiveLayers.ts"
import { UsageError } from "./UsageError.ts"
import { withReason, type Sentence } from "../domain/Sentence.ts"
import { logError, logWarning } from "../layers/observability/OperatorLog.ts"

const recent = makeRecentLines()

/** Opens what others ask this process by; answers with where the program tells of itself. */
const listeners = Effect.fnUntraced(function* (
  { mode, metrics }: Settings,
  readiness: Readiness.Readiness,
  beforeScrape: Effect.Effect<void> = Effect.void
) {
  const started = new Date(yield* Clock.currentTimeMillis).toISOString()
  const board = makeStatusBoard({ about: { mode, version, commit, started }, readiness, recent: recent.lines })
  yield* StatusSocket.serve(StatusSocket.STATUS_SOCKET, board)
  if (metrics._tag === "Tcp") yield* HttpListener.serve(metrics, readiness, beforeScrape)
  return board
})

/** Loaded only in the mode that uses it. */
const dhcpLeases = Effect.fnUntraced(function* ({ dhcp }: NetworkAnchorSettings) {
  const { makeDhcpLeases } = yield* Effect.promise(() => import("./networkAnchor/DhcpLeases.ts"))
  return yield* makeDhcpLeases(dhcp).pipe(Effect.provide(dhcpClientLayer))
})

const ownRef = Effect.gen(function* () {
  const own = ownContainerRef(yield* ownTraces)
  yield* Effect.logDebug("anchord's own container").pipe(Effect.annotateLogs({ ...own }))
  return own.ref
})

const runNetworkAnchor = Effect.fnUntraced(function* (settings: NetworkAnchorSettings) {
  const { networkAnchor, conditions } = yield* Effect.promise(() => import("./networkAnchor/NetworkAnchor.ts"))
  const readiness = Readiness.make(conditions)
  const dhcp = settings.addressMode === "dhcp-refresh" ? yield* dhcpLeases(settings) : undefined
  const { tell } = yield* listeners(settings, readiness, dhcp?.beforeScrape)
  const parts = { makeLeases: dhcp?.makeLeases, tell }
  yield* Effect.scoped(networkAnchor(settings, yield* ownRef, readiness, parts)).pipe(
    Effect.provide(networkAnchorLayers(settings.docker))
  )
})

const runServiceAnchor = Effect.fnUntraced(function* (settings: ServiceAnchorSettings) {
  const { serviceAnchor, conditions } = yield* Effect.promise(() => import("./serviceAnchor/ServiceAnchor.ts"))
  const readiness = Readiness.make(conditions)
  const { tell } = yield* listeners(settings, readiness)
  yield* Effect.scoped(serviceAnchor(settings, readiness, tell)).pipe(Effect.provide(serviceAnchorLayers))
})

const runExternalRebinder = Effect.fnUntraced(function* (settings: ExternalRebinderSettings) {
  const { externalRebinder, conditions } = yield* Effect.promise(() => import("./externalRebinder/ExternalRebinder.ts"))
  const readiness = Readiness.make(conditions)
  const { tell } = yield* listeners(settings, readiness)
  yield* externalRebinder(settings, yield* ownRef, readiness, tell).pipe(Effect.provide(dockerLayers(settings.docker)))
})

const runWrapRebinder = Effect.fnUntraced(function* (settings: WrapRebinderSettings) {
  const { wrapRebinder, conditions } = yield* Effect.promise(() => import("./wrapRebinder/WrapRebinder.ts"))
  const readiness = Readiness.make(conditions)
  const { tell } = yield* listeners(settings, readiness)
  yield* Effect.scoped(wrapRebinder(settings, yield* ownRef, readiness, tell)).pipe(
    Effect.provide(dockerLayers(settings.docker))
  )
})

const runSettings = (settings: Settings) => {
  switch (settings.mode) {
    case "network-anchor":
      return runNetworkAnchor(settings)
    case "service-anchor":
      return runServiceAnchor(settings)
    case "external-rebinder":
      return runExternalRebinder(settings)
    case "wrap-rebinder":
      return runWrapRebinder(settings)
  }
}

const tellWhereSpansGo = (tracing: Tracing) =>
  tracing._tag === "Off"
    ? Effect.void
    : Effect.logInfo("spans are exported").pipe(
        Effect.annotateLogs({ endpoint: tracing.endpoint, protocol: tracing.protocol })
      )

const run = ({ settings, warnings }: Parsed<Settings>, tracing: Tracing) =>
  Effect.gen(function* () {
    yield* Effect.logInfo("anchord starts").pipe(Effect.annotateLogs({ mode: settings.mode, version, commit }))
    yield* Effect.forEach([...warnings, ...tracing.warnings], logWarning, {
      discard: true
    })
    yield* tellWhereSpansGo(tracing)
    yield* Metric.update(buildInfo(version, commit), 1)
    yield* Effect.scoped(runSettings(settings)).pipe(
      Effect.tapErrorTag("FatalError", ({ message }) => logError(message)),
      Effect.provide(tracingLayer(tracing, settings.mode))
    )
  }).pipe(
    Effect.provide(
      Logging.layer({
        level: settings.logLevel,
        format: settings.logFormat,
        terminal: process.stdout.isTTY === true,
        also: recent.logger
      })
    )
  )

/** What cannot be run at all is said twice: to whoever typed it, and to the log (SPEC §2). */
const refuse = Effect.fnUntraced(
  function* (message: Sentence, violations: ReadonlyArray<Violation>) {
    yield* complain([message, ...violationLines(violations)])
    if (violations.length === 0) yield* logError(message)
    for (const { variable, value, rule } of violations) {
      yield* logError(withReason(message, `${variable} ${rule}`)).pipe(Effect.annotateLogs({ variable, value, rule }))
    }
    return yield* new UsageError({ message })
  },
  Effect.provide(Logging.layer({ level: "info", format: undefined, terminal: process.stdout.isTTY === true }))
)

const runMode = Effect.fnUntraced(function* (mode: Mode) {
  const parsed = parseSettings(mode, process.env)
  if (Result.isFailure(parsed)) return yield* refuse(WRONG, parsed.failure)
  yield* run(parsed.success, tracingOf(process.env))
})

const runAsProcess = (program: Effect.Effect<void, FatalError | UsageError>): void =>
  runProcess(program, (error) => (error instanceof FatalError ? 1 : 2))

/** Loaded only for more than one word: most anchors are started with one or none. Help and version are printed here. */
const chosenBy = Effect.fnUntraced(function* (words: ReadonlyArray<string>) {
  outputIsAnswer()
  const { choose } = yield* Effect.promise(() => import("./cli/Cli.ts"))
  return yield* choose(words, process.env)
})

const runChosen = (chosen: Chosen): void =>
  chosen._tag === "Mode" ? runAsProcess(runMode(chosen.mode)) : runCommand(chosen.program)

const command = commandOf(process.argv.slice(2), process.env["ANCHORD_MODE"])
if (Result.isFailure(command)) runAsProcess(refuse(command.failure, []))
else if (command.success._tag === "Run") runAsProcess(runMode(command.success.mode))
else void Effect.runPromise(chosenBy(command.success.words)).then(runChosen)
