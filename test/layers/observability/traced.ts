import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { onTestFinished, vi } from "vitest"
import { tracingOf } from "../../../src/domain/Tracing.ts"
import * as Tracing from "../../../src/layers/observability/Tracing.ts"
import { startReceiver, type OtlpReceiver } from "./otlpReceiver.ts"

/** A receiver that goes with the test. */
export const receiverForTest = async (): Promise<OtlpReceiver> => {
  const receiver = await startReceiver()
  onTestFinished(receiver.close)
  return receiver
}

export interface TracedOptions {
  /** Beside the endpoint and the protocol of JSON. The SDK reads them by itself. */
  readonly env?: Readonly<Record<string, string>>
  readonly attributes?: Readonly<Record<string, string>>
}

/** Runs a program whose spans are exported to the receiver, also the last of them. Answers with the lines of the log. */
export const traced = async (
  receiver: OtlpReceiver,
  body: Effect.Effect<unknown>,
  { env = {}, attributes = {} }: TracedOptions = {}
): Promise<ReadonlyArray<string>> => {
  const variables: Readonly<Record<string, string>> = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    ...env
  }
  vi.unstubAllEnvs()
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
  onTestFinished(() => void vi.unstubAllEnvs())
  const tracing = tracingOf(variables)
  if (tracing._tag === "Off") throw new Error("tracing is off")
  const lines: Array<string> = []
  const logger = Logger.make(({ fiber, logLevel, message }) => {
    const { error } = fiber.getRef(References.CurrentLogAnnotations)
    lines.push(`${logLevel}: ${String(message)}${error === undefined ? "" : ` (${String(error)})`}`)
  })
  await Effect.runPromise(
    body.pipe(
      Effect.provide(Tracing.layer({ protocol: tracing.protocol, version: "3.0.0", attributes })),
      Effect.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: variables }))),
      Effect.provide(Logger.layer([logger]))
    )
  )
  return lines
}
