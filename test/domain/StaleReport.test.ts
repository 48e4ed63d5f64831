import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { formatStaleReport, StaleReport, staleReport } from "../../src/domain/StaleReport.ts"
import { container, idOf, joins, listing, serviceAnchor, type Given } from "./lifecycleListings.ts"

const folder = { "com.docker.compose.project.working_dir": "/srv/shop" }
const gone = idOf("gone").slice(0, 12)
const db = idOf("db").slice(0, 12)

const web = container("web", { networkMode: joins("gone"), project: "shop", service: "front" })
const api = container("api", { networkMode: joins("gone"), project: "" })
const restarted = [
  container("db", { startedAt: 50 }),
  serviceAnchor("db-anchor", "db"),
  container("db-tool", { networkMode: joins("db-anchor"), startedAt: 30 })
]
const command = "docker compose -p shop up -d --no-deps --force-recreate front"

const reportOn = (...containers: Parameters<typeof listing>[0]) => staleReport(listing(containers))
const linesOn = (...containers: Parameters<typeof listing>[0]) => formatStaleReport(reportOn(...containers)).split("\n")

describe("the report of stale namespaces", () => {
  it("has every victim of the host, by dead target, with what repairs it", () => {
    expect(reportOn(web, api, ...restarted, container("fine"))).toEqual([
      {
        target: { ref: idOf("gone") },
        victims: [
          { id: idOf("api"), name: "api", kind: "gone" },
          { id: idOf("web"), name: "web", project: "shop", service: "front", kind: "gone", command }
        ]
      },
      {
        target: { ref: idOf("db"), name: "db" },
        victims: ["db-anchor", "db-tool"].map((name) => ({
          id: idOf(name),
          name,
          project: "mail",
          service: name,
          kind: "restarted",
          command: `docker restart ${name}`
        }))
      }
    ])
  })

  it("says of a target what one of its victims knows it was called", () => {
    const labels = { "com.docker.compose.depends_on": "owner:service_started:true" }
    const known = container("web", { networkMode: joins("gone"), labels })
    expect(reportOn(api, known, container("owner", { startedAt: 90 })).map(({ target }) => target)).toEqual([
      { ref: idOf("gone"), name: "owner" }
    ])
  })

  it("is the same after a way through JSON", () => {
    const report = reportOn(
      web,
      api,
      { ...web, id: idOf("x"), name: "x", labels: { ...web.labels, ...folder } },
      ...restarted
    )
    const codec = Schema.fromJsonString(StaleReport)
    const text = JSON.stringify(report)
    expect(Schema.decodeUnknownSync(codec)(text)).toEqual(report)
    expect(JSON.parse(Schema.encodeSync(codec)(report))).toEqual(JSON.parse(text))
    expect(report[0]?.victims.at(-1)).toMatchObject({ name: "x", command, folder: "/srv/shop" })
    expect(() => Schema.decodeUnknownSync(codec)(text.replace("restarted", "ended"))).toThrow()
  })

  it("has the targets in the order of repair, whatever they are called", () => {
    const labels = (service: string) => ({ "com.docker.compose.depends_on": `${service}:service_started:true` })
    const anew = (name: string, given: Given) => container(name, { nth: 2, ...given })
    const late = container("c", { networkMode: joins("old-b"), labels: labels("b"), startedAt: 5 })
    const early = container("a", { networkMode: joins("old-b"), project: "" })
    const report = reportOn(
      early,
      late,
      anew("b", { networkMode: joins("base") }),
      container("base", { startedAt: 50 })
    )
    expect(report.map(({ victims }) => victims.map(({ name }) => name))).toEqual([["b"], ["a", "c"]])
  })

  it("does not lose its way when targets wait for each other", () => {
    const on = (owner: string, given: Given = {}) => ({
      ...given,
      networkMode: joins(`old-${owner}`),
      labels: { "com.docker.compose.depends_on": `${owner}:service_started:true` }
    })
    const report = reportOn(container("a", on("b")), container("b", on("a")))
    expect(report.flatMap(({ victims }) => victims.map(({ name }) => name)).toSorted()).toEqual(["a", "b"])
  })
})

describe("the report for people", () => {
  it("of one victim", () => {
    expect(linesOn(web)).toEqual([
      "Found 1 container in dead network namespaces, of 1 target:",
      "",
      `dead target: ${gone}, which does not exist any more; 1 victim:`,
      "  web",
      `    → ${command}`
    ])
  })

  it("of two targets, one victim of which nobody can tell how to repair it", () => {
    expect(linesOn(web, api, ...restarted)).toEqual([
      "Found 4 containers in dead network namespaces, of 2 targets; repair them in this order:",
      "",
      `dead target: ${gone}, which does not exist any more; 2 victims:`,
      "  api",
      "    → make it anew with the command that made it",
      "  web",
      `    → ${command}`,
      "",
      `dead target: db (${db}), which has been restarted since; 2 victims:`,
      "  db-anchor",
      "    → docker restart db-anchor",
      "  db-tool",
      "    → docker restart db-tool"
    ])
  })

  it("of victims in each other's namespaces, owners first", () => {
    const app = { ...web, labels: { ...web.labels, ...folder } }
    const sidecar = container("a-sidecar", { networkMode: joins("web"), project: "shop", labels: folder })
    const deeper = container("a-deeper", { networkMode: joins("a-sidecar"), project: "", labels: folder })
    expect(linesOn(deeper, sidecar, app)).toEqual([
      "Found 3 containers in dead network namespaces, of 1 target; repair them in this order:",
      "",
      `dead target: ${gone}, which does not exist any more; 3 victims:`,
      "  web",
      `    → ${command}   (in /srv/shop)`,
      "  a-sidecar",
      "    → docker compose -p shop up -d --no-deps --force-recreate a-sidecar   (in /srv/shop)",
      "  a-deeper",
      "    → make it anew with the command that made it"
    ])
  })

  it("says when there is nothing", () => {
    expect(reportOn(container("fine"))).toEqual([])
    expect(formatStaleReport([])).toBe("No container is in a dead network namespace.")
  })
})
