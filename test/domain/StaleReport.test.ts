import { describe, expect, it } from "vitest"
import { formatStaleReport, staleReport } from "../../src/domain/StaleReport.ts"
import { container, idOf, joins, listing, serviceAnchor } from "./lifecycleListings.ts"

const victims = [
  container("web", { networkMode: joins("gone"), project: "shop", service: "front" }),
  container("api", { networkMode: joins("gone"), project: "" }),
  container("db", { startedAt: 50 }),
  serviceAnchor("db-anchor", "db"),
  container("db-tool", { networkMode: joins("db-anchor"), startedAt: 30 }),
  container("fine")
]

describe("the report of stale namespaces", () => {
  const report = staleReport(listing(victims))
  const command = "docker compose -p shop up -d --no-deps --force-recreate front"

  it("has every victim of the host, by dead target, with what repairs it", () => {
    expect(report).toEqual([
      {
        target: { ref: idOf("gone") },
        victims: [
          { id: idOf("api"), name: "api", kind: "gone" },
          { id: idOf("web"), name: "web", project: "shop", service: "front", kind: "gone", command }
        ]
      },
      {
        target: { ref: idOf("db"), name: "db" },
        victims: [
          ...["db-anchor", "db-tool"].map((name) => ({
            id: idOf(name),
            name,
            project: "mail",
            service: name,
            kind: "restarted",
            command: `docker restart ${name}`
          }))
        ]
      }
    ])
  })

  it("is printed for people", () => {
    expect(formatStaleReport(report).split("\n")).toEqual([
      "Found 4 containers in dead network namespaces, of 2 targets:",
      "",
      `dead target: ${idOf("gone").slice(0, 12)}, 2 victims`,
      "  api",
      "    → make it anew with the command that made it",
      "  web",
      `    → ${command}`,
      "",
      `dead target: db (${idOf("db").slice(0, 12)}), 2 victims`,
      "  db-anchor",
      "    → docker restart db-anchor",
      "  db-tool",
      "    → docker restart db-tool"
    ])
    const placed = { ...report[0]!, victims: [{ ...report[0]!.victims[1]!, folder: "/srv/shop" }] }
    expect(formatStaleReport([placed]).split("\n")).toEqual([
      "Found 1 container in dead network namespaces, of 1 target:",
      "",
      `dead target: ${idOf("gone").slice(0, 12)}, 1 victim`,
      "  web",
      `    → ${command}   (in /srv/shop)`
    ])
  })

  it("says when there is nothing", () => {
    expect(staleReport(listing([container("fine")]))).toEqual([])
    expect(formatStaleReport([])).toBe("No container is in a dead network namespace.")
  })
})
