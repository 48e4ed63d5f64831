import type { Described } from "./CommandLine.ts"

/** The variables of OpenTelemetry that most need, as they are told to whoever asks for help. The SDK reads all of the standard's. */
export const tracingVariables: Readonly<Record<string, Described>> = {
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    fallback: undefined,
    help: "where traces go, `http://` or `https://`; `/v1/traces` is appended. Without an endpoint there are none"
  },
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: { fallback: undefined, help: "the same, taken as it is" },
  OTEL_EXPORTER_OTLP_PROTOCOL: {
    fallback: "http/protobuf",
    help: "`http/protobuf` or `http/json`; `grpc` is not spoken"
  },
  OTEL_EXPORTER_OTLP_HEADERS: { fallback: undefined, help: "`name=value[,name=value…]`: sent with every export" },
  OTEL_SERVICE_NAME: { fallback: "anchord", help: "the name of the service in the traces" },
  OTEL_TRACES_SAMPLER: { fallback: "parentbased_always_on", help: "which traces are exported" },
  OTEL_SDK_DISABLED: { fallback: "false", help: "`true`: no traces in spite of an endpoint" }
}
