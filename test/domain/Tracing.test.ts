import { describe, expect, it } from "vitest"
import { tracingOf } from "../../src/domain/Tracing.ts"

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" }
const off = { _tag: "Off", warnings: [] }

const on = (more: object = {}) => ({
  _tag: "On",
  protocol: "http/protobuf",
  endpoint: "http://collector:4318/v1/traces",
  warnings: [],
  ...more
})

describe("whether spans are exported", () => {
  it("is no without an endpoint, whatever else is set", () => {
    expect(tracingOf({})).toEqual(off)
    expect(tracingOf({ OTEL_EXPORTER_OTLP_ENDPOINT: "", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "  " })).toEqual(off)
    expect(
      tracingOf({ OTEL_TRACES_EXPORTER: "otlp", OTEL_SERVICE_NAME: "x", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" })
    ).toEqual(off)
    expect(tracingOf({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://collector:4318" })).toEqual(off)
  })

  it("is yes with one, by protobuf unless another protocol is asked for", () => {
    expect(tracingOf(ENDPOINT)).toEqual(on())
    expect(tracingOf({ ...ENDPOINT, OTEL_TRACES_EXPORTER: "otlp, " })).toEqual(on())
    expect(tracingOf({ ...ENDPOINT, OTEL_TRACES_EXPORTER: "otlp", OTEL_SDK_DISABLED: "false" })).toEqual(on())
    expect(tracingOf({ ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" })).toEqual(on({ protocol: "http/json" }))
  })

  it.each(["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_ENDPOINT"])(
    "depends on the variable for traces where %s says something else",
    (variable) => {
      const specific = variable.replace("OTLP_", "OTLP_TRACES_")
      const [general, wanted] = variable.endsWith("PROTOCOL") ? ["grpc", "http/json"] : ["nowhere", "https://traces/in"]
      const plan = tracingOf({ ...ENDPOINT, [variable]: general, [specific]: wanted })
      expect(plan).toMatchObject({ _tag: "On", warnings: [] })
      expect(JSON.stringify(plan)).toContain(wanted)
    }
  )

  it("is no when the SDK is disabled, or no exporter is wanted", () => {
    expect(tracingOf({ ...ENDPOINT, OTEL_SDK_DISABLED: "true" })).toEqual(off)
    expect(tracingOf({ ...ENDPOINT, OTEL_SDK_DISABLED: " TRUE " })).toEqual(off)
    expect(tracingOf({ ...ENDPOINT, OTEL_TRACES_EXPORTER: "none" })).toEqual(off)
  })

  it("is told when another exporter is asked for", () => {
    expect(tracingOf({ ...ENDPOINT, OTEL_TRACES_EXPORTER: "zipkin" })).toEqual({
      _tag: "Off",
      warnings: ["OTEL_TRACES_EXPORTER asks for zipkin, but anchord exports by otlp only"]
    })
    expect(tracingOf({ ...ENDPOINT, OTEL_TRACES_EXPORTER: "console, otlp" })).toEqual(
      on({ warnings: ["OTEL_TRACES_EXPORTER asks for console, but anchord exports by otlp only"] })
    )
  })

  it.each(["grpc", "http", "thrift"])("is no by %s, in one warning that names the protocols that work", (protocol) => {
    const plan = tracingOf({ ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: protocol })
    expect(plan).toMatchObject({ _tag: "Off", warnings: [expect.stringContaining(`is ${protocol}, which`)] })
    expect(plan.warnings[0]).toMatch(/^OTEL_EXPORTER_OTLP_PROTOCOL .* http\/protobuf and http\/json .* 4318$/)
  })

  it.each(["collector:4318", "collector", "ftp://collector/"])(
    "is no with %s for an endpoint, where the SDK would export to this container itself",
    (endpoint) => {
      expect(tracingOf({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint })).toEqual({
        _tag: "Off",
        warnings: ["OTEL_EXPORTER_OTLP_ENDPOINT is no http:// or https:// address; nothing is exported"]
      })
    }
  )
})

describe("the size of a batch and of the queue", () => {
  it.each(["OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"])("%s is at least 1", (variable) => {
    for (const size of ["1", "512", "", "many"]) expect(tracingOf({ ...ENDPOINT, [variable]: size })).toEqual(on())
    for (const size of ["0", "-5"]) {
      expect(tracingOf({ ...ENDPOINT, [variable]: size })).toEqual({
        _tag: "Off",
        warnings: [`${variable} must be at least 1; nothing is exported`]
      })
    }
  })
})

describe("where the spans go", () => {
  it("is the endpoint with the path of traces, or the endpoint for traces as it is", () => {
    const endpointOf = (variable: string, value: string) => {
      const plan = tracingOf({ [variable]: value })
      return plan._tag === "On" ? plan.endpoint : plan.warnings
    }
    expect(endpointOf("OTEL_EXPORTER_OTLP_ENDPOINT", "https://host/otlp/")).toBe("https://host/otlp/v1/traces")
    expect(endpointOf("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://host/in")).toBe("https://host/in")
  })

  it("is told without what may be a secret", () => {
    const secret = "https://user:hunter2@host:4318/in?token=hunter2#hunter2"
    for (const variable of ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]) {
      const env = { [variable]: secret, OTEL_EXPORTER_OTLP_HEADERS: "authorization=hunter2" }
      expect(tracingOf(env)).toMatchObject({ _tag: "On", endpoint: expect.stringContaining("https://host:4318/in") })
      expect(JSON.stringify(tracingOf(env))).not.toContain("hunter2")
    }
    expect(JSON.stringify(tracingOf({ OTEL_EXPORTER_OTLP_ENDPOINT: "user:hunter2@host" }))).not.toContain("hunter2")
  })
})
