import * as OtelTracer from "@effect/opentelemetry/OtelTracer"
import * as OtelResource from "@effect/opentelemetry/Resource"
import { diag, DiagLogLevel } from "@opentelemetry/api"
import { ExportResultCode, getNumberFromEnv, setGlobalErrorHandler } from "@opentelemetry/core"
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http"
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto"
import { resourceFromAttributes } from "@opentelemetry/resources"
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from "@opentelemetry/sdk-trace-base"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Tracer from "effect/Tracer"
import type { Protocol } from "../../domain/Tracing.ts"
import { makeExportHealth, type ExportHealth } from "./ExportHealth.ts"
import { sentence } from "../../domain/Sentence.ts"
import { logWarning } from "./OperatorLog.ts"

export interface TracingOptions {
  readonly protocol: Protocol
  readonly version: string
  /** What else the spans tell of their process, where `OTEL_RESOURCE_ATTRIBUTES` says nothing else. */
  readonly attributes: Readonly<Record<string, string>>
}

/**
 * How long the last spans may take at the end. Shut-down has 4.5 s (SPEC §14), of which what is put back takes milliseconds: only where its commands
 * hang for all the time that they are given does this come too late.
 */
const FLUSH_LIMIT = "1 second"

/** The SDK tells nobody that an export worked. */
const watched = (exporter: SpanExporter, { works }: ExportHealth): SpanExporter => ({
  export: (spans, done) =>
    exporter.export(spans, (result) => {
      if (result.code === ExportResultCode.SUCCESS) works()
      done(result)
    }),
  shutdown: () => exporter.shutdown()
})

const textOf = (part: unknown): string => (part instanceof Uint8Array ? `${part.length} bytes` : String(part))

/** What the SDK has to say goes into the log: a batch that could not be exported by the handler of errors, all else by `diag`. */
const listenToSdk = ({ fails, remark }: ExportHealth) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const ignore = () => {}
      // The name of what speaks may come first, and an error last.
      const say = (...parts: ReadonlyArray<unknown>) => remark(parts.map(textOf).join(" "))
      const logger = { error: say, warn: say, info: ignore, debug: ignore, verbose: ignore }
      diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true })
      setGlobalErrorHandler(fails)
    }),
    () => Effect.sync(() => diag.disable())
  )

/** Two limits of the standard that the SDK itself only reads by other names. */
const limitsOfTheStandard = () => {
  const perEvent = getNumberFromEnv("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT")
  const perLink = getNumberFromEnv("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT")
  return {
    ...(perEvent === undefined ? {} : { attributePerEventCountLimit: perEvent }),
    ...(perLink === undefined ? {} : { attributePerLinkCountLimit: perLink })
  }
}

/** Reads the variables of exporter, batches, sampler and limits by itself; throws where it cannot be made of them. */
const makeProvider = (options: TracingOptions, health: ExportHealth) =>
  Effect.gen(function* () {
    const given = yield* OtelResource.Resource
    const { protocol, version, attributes } = options
    const own = resourceFromAttributes({ "service.name": "anchord", "service.version": version, ...attributes })
    return yield* Effect.try({
      try: () => {
        const exporter = protocol === "http/json" ? new JsonExporter() : new ProtobufExporter()
        return new BasicTracerProvider({
          resource: own.merge(given),
          spanLimits: limitsOfTheStandard(),
          spanProcessors: [new BatchSpanProcessor(watched(exporter, health))]
        })
      },
      catch: (error) => (error instanceof Error ? error : new Error(String(error)))
    })
  }).pipe(Effect.provide(OtelResource.layerFromEnv()))

/** Exports what has not been exported yet. That an endpoint does not answer is known already when it has failed before. */
const flush = (provider: BasicTracerProvider, { fails, isFailing }: ExportHealth): Effect.Effect<void> =>
  isFailing()
    ? Effect.void
    : Effect.tryPromise({ try: () => provider.shutdown(), catch: (error) => error }).pipe(
        Effect.timeoutOrElse({
          duration: FLUSH_LIMIT,
          orElse: () => Effect.fail(new Error(`no answer within ${FLUSH_LIMIT}`))
        }),
        Effect.catch((error) => Effect.sync(() => fails(error)))
      )

/**
 * Effect's spans as OpenTelemetry's. Without `context`, which would make each span the ambient one of OpenTelemetry at each step of a fiber: nothing
 * here looks for it.
 */
const tracerOf = (provider: BasicTracerProvider, version: string) =>
  Effect.map(
    Effect.provideService(OtelTracer.make, OtelTracer.OtelTracer, provider.getTracer("anchord", version)),
    ({ span }) => Tracer.make({ span })
  )

/**
 * Exports spans by OTLP in batches, until the scope closes (SPEC §12). An endpoint that does not answer is one WARN, and one INFO when it does again;
 * spans that cannot be exported are dropped.
 */
export const layer = (options: TracingOptions): Layer.Layer<never> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const health = yield* makeExportHealth
      yield* listenToSdk(health)
      const provider = yield* Effect.acquireRelease(makeProvider(options, health), (made) => flush(made, health))
      return Layer.succeed(Tracer.Tracer)(yield* tracerOf(provider, options.version))
    }).pipe(
      Effect.catch((error) =>
        Effect.as(
          logWarning(sentence`spans are not exported: the OTEL_ variables do not fit together`).pipe(
            Effect.annotateLogs({ error: error.message })
          ),
          Layer.empty
        )
      )
    )
  )
