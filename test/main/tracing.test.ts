import { describe, expect, it, vi } from "vitest"
import { receiverForTest } from "../layers/observability/traced.ts"
import { jsonLines, type Running } from "../layers/process/scripts.ts"
import { serviceAnchor } from "./process.ts"

const address = { family: "inet", local: "172.20.0.9", prefixlen: 24, scope: "global" }

/** An `ip` that finds one address and no route, and takes whatever it is told. */
const ip = `
case "$*" in
  "-j address") echo '${JSON.stringify([{ ifname: "eth0", addr_info: [address] }])}' ;;
  monitor*) exec /bin/sleep 1000 ;;
esac`

const CHANGED = "the default route leads to the network-anchor"

const quick = { OTEL_BSP_SCHEDULE_DELAY: "10" }

const limits = { timeout: 60_000 }

/** Ends it as Docker does, and answers with what it complained of; where it runs here it may not open its socket. */
const complaintsOf = async (running: Running) => {
  running.signal("SIGTERM")
  const { status, stdout, stderr } = await running.ended
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" })
  return jsonLines(stdout).filter(
    ({ level, msg }) => ["WARN", "ERROR"].includes(String(level)) && !String(msg).includes("the status socket")
  )
}

const cannotExport = [{ level: "WARN", msg: expect.stringMatching(/^spans cannot be exported/) }]

describe("a process with an endpoint for traces", limits, () => {
  it("exports the spans of what it does, the last ones at its end, and shows no secret", async () => {
    const receiver = await receiverForTest()
    const running = serviceAnchor(ip, {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=hunter2",
      ...quick
    })
    const names = () => receiver.spans().map(({ name }) => name)
    await vi.waitFor(() => expect(names()).toContain("route.change"), limits)
    expect(await complaintsOf(running)).toEqual([])
    expect(names()).toContain("route.restore")
    expect(receiver.exports[0]?.headers).toMatchObject({ authorization: "hunter2" })
    expect(running.output()).not.toContain("hunter2")
    expect(jsonLines(running.output())).toContainEqual(
      expect.objectContaining({
        level: "INFO",
        msg: "spans are exported",
        endpoint: `${receiver.endpoint}/v1/traces`,
        protocol: "http/json"
      })
    )
    expect(receiver.spans()[0]?.resource).toMatchObject({
      "service.name": "anchord",
      "service.version": "development",
      "anchord.mode": "service-anchor"
    })
  })

  it("which is down says so once, goes on, and ends in time", async () => {
    const receiver = await receiverForTest()
    await receiver.close()
    const running = serviceAnchor(ip, {
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      OTEL_EXPORTER_OTLP_TIMEOUT: "500",
      ...quick
    })
    await running.says("spans cannot be exported")
    await running.says(CHANGED)
    expect(running.output()).toContain("ECONNREFUSED")
    expect(await complaintsOf(running)).toMatchObject(cannotExport)
  })

  it("which never answers does not keep it from ending", async () => {
    const receiver = await receiverForTest()
    receiver.status = 0
    const running = serviceAnchor(ip, { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint })
    await running.says(CHANGED)
    expect(await complaintsOf(running)).toMatchObject(cannotExport)
  })

  it("by gRPC is one WARN that names what works", async () => {
    const running = serviceAnchor(ip, {
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4317",
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc"
    })
    await running.says(CHANGED)
    expect(await complaintsOf(running)).toMatchObject([
      { level: "WARN", msg: expect.stringContaining("http/protobuf and http/json") }
    ])
  })
})
