import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { childrenOf } from "../../test/layers/observability/otlpReceiver.ts"
import { attachLab } from "../lab/attach.ts"
import { ask } from "../lab/client.ts"
import {
  app,
  composeProject,
  externalDmz,
  networkAnchor,
  serviceAnchor,
  transit,
  type Project
} from "../lab/composeProject.ts"
import { startOtlp, type Otlp } from "../lab/otlp.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const PORT = 4318
const address = "10.99.0.133"

/** Has Node tell, as it ends, which of its own files it has loaded: `LOADED` and their names. */
const teller = `
  import { registerHooks } from "node:module"
  const loaded = []
  registerHooks({ load: (url, context, next) => (loaded.push(url.split("/").pop()), next(url, context)) })
  process.on("exit", () => console.log("LOADED " + loaded.join(" ")))`

const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(teller)}`

const anchors = (n: number, otel: Readonly<Record<string, string>>, forService: Readonly<Record<string, string>>) => ({
  services: {
    anchord: networkAnchor(lab, { v4: `10.99.0.${n}`, v6: `fd99::${n}`, env: { NODE_OPTIONS, ...otel } }),
    "web-anchor": serviceAnchor(
      lab,
      { "anchord.expose": "tcp/80" },
      {
        environment: {
          ANCHORD_MODE: "service-anchor",
          ANCHORD_LOG_LEVEL: "debug",
          NODE_OPTIONS,
          ...otel,
          ...forService
        }
      }
    ),
    web: app(lab, "web-anchor", "web", ["tcp/80"])
  },
  networks: { dmz: externalDmz, transit: transit(n) }
})

const otel = {
  OTEL_EXPORTER_OTLP_ENDPOINT: `http://172.31.133.1:${PORT}`,
  OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
  OTEL_EXPORTER_OTLP_TIMEOUT: "1000",
  OTEL_EXPORTER_OTLP_HEADERS: "authorization=hunter2",
  OTEL_BSP_SCHEDULE_DELAY: "100"
}

const traced = composeProject(
  lab,
  "traced",
  anchors(133, otel, { OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf", OTEL_EXPORTER_OTLP_COMPRESSION: "gzip" })
)
const silent = composeProject(lab, "silent", anchors(134, {}, {}))

let otlp: Otlp | undefined

const receiver = (): Otlp => {
  if (otlp === undefined) throw new Error("the receiver does not run")
  return otlp
}

beforeAll(async () => {
  otlp = await startOtlp(lab, PORT)
  await Promise.all([traced.compose("up", "-d"), silent.compose("up", "-d")])
  await traced.ready("anchord", "web-anchor")
  await silent.ready("anchord", "web-anchor")
})

afterAll(async () => {
  await otlp?.stop()
  await Promise.all([traced.down(), silent.down()])
})

/** Memory of the Node process of a container in MB. */
const memoryOf = async (project: Project, service: string): Promise<number> => {
  const statuses = await project.exec(service, "sh", "-c", "cat /proc/[0-9]*/status")
  return Math.max(...[...statuses.matchAll(/^VmRSS:\s+(\d+) kB$/gm)].map(([, kilobytes]) => Number(kilobytes) / 1024))
}

const exportLines = async (project: Project) =>
  (await project.logs("anchord"))
    .filter(({ level, msg }) => level !== "DEBUG" && msg.startsWith("spans"))
    .map(({ level, msg }) => `${level} ${msg.slice(0, 24)}`)

describe("the image with an endpoint for traces", () => {
  it("exports the trace of the reconcile that maps a container", async () => {
    const { mapping, children } = await eventually("the trace", 30_000, () => {
      const spans = receiver().spans()
      const found = spans.find(({ name, attributes }) => name === "reconcile" && attributes["entries"] === 2)
      if (found === undefined) throw new Error(`among ${spans.length} spans`)
      const below = childrenOf(spans, found)
      if (!below.some(({ name }) => name === "nft.transaction")) throw new Error("without its transaction")
      return { mapping: found, children: below }
    })
    expect(mapping).toMatchObject({
      parentSpanId: "",
      failed: false,
      attributes: { backends: 1, added: 2, removed: 0 }
    })
    expect(children.map(({ name }) => name)).toEqual(expect.arrayContaining(["reconcile.decide", "docker.network"]))
    expect(children.filter(({ failed }) => failed)).toEqual([])
    expect(mapping.resource).toMatchObject({
      "service.name": "anchord",
      "service.version": expect.stringMatching(/^\d+\.\d+\.\d+$/),
      "anchord.mode": "network-anchor",
      "container.id": await traced.inspect("anchord", "{{.Id}}")
    })
  })

  it("exports the change of a service-anchor's route, by protobuf and compressed", async () => {
    const id = await traced.inspect("web-anchor", "{{.Id}}")
    await eventually("the spans", 30_000, () => {
      for (const text of ["route.change", "service-anchor", id]) expect(receiver().protobuf()).toContain(text)
    })
  })

  it("goes on when the endpoint goes away, with one WARN, and one INFO when it is back", async () => {
    await receiver().stop()
    await step("re-creating the service", () => traced.compose("up", "-d", "--force-recreate", "web-anchor", "web"))
    await eventually("the WARN", 30_000, async () => {
      expect(await exportLines(traced)).toEqual(["INFO spans are exported", "WARN spans cannot be exported"])
    })
    await eventually("an answer", 20_000, () => ask(lab.alice, "tcp", address, 80))
    otlp = await startOtlp(lab, PORT)
    await traced.compose("up", "-d", "--force-recreate", "web-anchor", "web")
    await eventually("the INFO", 30_000, async () => {
      expect((await exportLines(traced)).slice(2)).toEqual(["INFO spans are exported again"])
    })
    expect(JSON.stringify(await traced.logs("anchord"))).not.toContain("hunter2")
  })
})

describe("the image without one", () => {
  it("has loaded nothing of OpenTelemetry by its end, in no mode", async () => {
    for (const service of ["anchord", "web-anchor"]) {
      const [on, off] = [await memoryOf(traced, service), await memoryOf(silent, service)]
      console.log(`  RSS of ${service}: ${off.toFixed(1)} MB, ${on.toFixed(1)} MB with traces`)
    }
    await Promise.all([traced.compose("stop"), silent.compose("stop")])
    const filesOf = async (project: Project, service: string) => {
      const log = await lab.docker("logs", project.container(service))
      return /^LOADED (.*)$/m.exec(log)?.[1]?.split(" ") ?? []
    }
    const isTracing = (name: string) => name.startsWith("Tracing-")
    for (const service of ["anchord", "web-anchor"]) {
      const [on, off] = [await filesOf(traced, service), await filesOf(silent, service)]
      expect(off).toContain("anchord.mjs")
      expect(off.filter(isTracing)).toEqual([])
      expect(on.filter(isTracing)).toHaveLength(1)
      console.log(`  ${service} has loaded ${off.length} files, ${on.length} with traces`)
    }
  })
})
