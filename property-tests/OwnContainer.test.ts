import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { ownContainerRef } from "../src/domain/OwnContainer.ts"
import {
  anyTraces,
  dockerCgroup,
  ids,
  mountOf,
  otherCgroup,
  otherMounts,
  ownMounts,
  silentCgroups
} from "./arbitraries/ownTraces.ts"
import { shuffled } from "./arbitraries/backends.ts"

const numRuns = 500

const hostname = "mail"

const text = (lines: ReadonlyArray<string>) => `${lines.join("\n")}\n`

describe("the own container", () => {
  it("is the one whose files are mounted, whatever else is, in whatever order", () => {
    const cases = ids.chain((id) =>
      fc.record({
        id: fc.constant(id),
        lines: fc.tuple(ownMounts(id), otherMounts).chain(([own, others]) => shuffled([...own, ...others])),
        cgroup: fc.oneof(silentCgroups, dockerCgroup(id))
      })
    )
    fc.assert(
      fc.property(cases, ({ id, lines, cgroup }) => {
        expect(ownContainerRef({ mountinfo: text(lines), cgroup, hostname })).toEqual({ ref: id, source: "mountinfo" })
      }),
      { numRuns }
    )
  })

  it("is the one that most of the files are from, when somebody has mounted one of them from another", () => {
    const cases = fc.tuple(ids, ids, fc.constantFrom("hostname", "hosts", "resolv.conf")).chain(([id, other, file]) =>
      ownMounts(id)
        .map((own) => own.filter((one) => !one.includes(`/etc/${file} `)).concat(mountOf(other, file)))
        .chain(shuffled)
        .map((lines) => ({ id, lines }))
    )
    fc.assert(
      fc.property(cases, silentCgroups, ({ id, lines }, cgroup) => {
        expect(ownContainerRef({ mountinfo: text(lines), cgroup, hostname }).ref).toBe(id)
      }),
      { numRuns }
    )
  })

  it("is the one that a cgroup of Docker's names, when the files are those of the namespace's owner", () => {
    const cases = fc
      .tuple(ids, ids)
      .chain(([id, owner]) => fc.record({ id: fc.constant(id), lines: ownMounts(owner), cgroup: dockerCgroup(id) }))
    fc.assert(
      fc.property(cases, ({ id, lines, cgroup }) => {
        expect(ownContainerRef({ mountinfo: text(lines), cgroup, hostname }).ref).toBe(id)
      }),
      { numRuns }
    )
  })

  it("is found by the cgroup when no file is mounted, other mounts making no difference", () => {
    const cases = ids.chain((id) => fc.tuple(fc.constant(id), fc.oneof(dockerCgroup(id), otherCgroup(id)), otherMounts))
    fc.assert(
      fc.property(cases, ([id, cgroup, others]) => {
        expect(ownContainerRef({ mountinfo: text(others), cgroup, hostname })).toEqual({ ref: id, source: "cgroup" })
      }),
      { numRuns }
    )
  })

  it("is the host name when nothing else tells, and never one of the others", () => {
    fc.assert(
      fc.property(otherMounts, silentCgroups, (others, cgroup) => {
        const found = ownContainerRef({ mountinfo: text(others), cgroup, hostname: ` ${hostname}\n` })
        expect(found).toEqual({ ref: hostname, source: "hostname" })
      }),
      { numRuns }
    )
  })

  it("is never made up: an ID stands in the file that it is said to come from, anything else is the host name", () => {
    fc.assert(
      fc.property(anyTraces, (traces) => {
        const { ref, source } = ownContainerRef(traces)
        const told = source === "hostname" ? traces.hostname.trim() === ref : /^[0-9a-f]{64}$/.test(ref)
        expect(told).toBe(true)
        expect(traces[source]).toContain(ref)
      }),
      { numRuns }
    )
  })
})
