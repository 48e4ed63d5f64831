import * as Result from "effect/Result"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { protocols } from "../src/domain/Dnat.ts"
import { parseExpose } from "../src/domain/ExposeLabel.ts"
import { holds } from "../src/domain/Network.ts"
import type { ProjectToWrap } from "../src/domain/ProjectToWrap.ts"
import { printPublished, type PublishedPort } from "../src/domain/PublishedPort.ts"
import { wrapComposeFile, wrapOverride } from "../src/domain/WrapFiles.ts"
import { wrapProject, type Wrapping } from "../src/domain/WrapProject.ts"
import { parseYaml, printYaml } from "../src/layers/compose/yamlText.ts"
import { projectsToWrap } from "./arbitraries/projectsToWrap.ts"

const shuffled = (project: ProjectToWrap): fc.Arbitrary<ProjectToWrap> =>
  fc
    .shuffledSubarray([...project.containers], { minLength: project.containers.length })
    .chain((containers) =>
      fc.tuple(
        ...containers.map((container) =>
          fc
            .shuffledSubarray([...container.ports], { minLength: container.ports.length })
            .map((ports) => ({ ...container, ports, networks: container.networks.toReversed() }))
        )
      )
    )
    .map((containers) => ({
      ...project,
      containers,
      networks: new Map([...project.networks].toReversed())
    }))

const both = projectsToWrap.chain((project) => fc.tuple(fc.constant(project), shuffled(project)))

/** Whether a label sends the outside port to the inside one. */
const exposedBy = (expose: string): ((port: PublishedPort) => boolean) => {
  const mappings = Result.getOrThrow(parseExpose(expose))
  return ({ protocol, outside, inside }) =>
    mappings.some(
      (one) =>
        one.protocol === protocol &&
        one.from <= Number(outside) &&
        Number(outside) <= one.to &&
        one.backendFrom + Number(outside) - one.from === inside
    )
}

const keyOf = (port: PublishedPort): string => `${printPublished(port)} ${port.protocol}`

const sameMapping = ({ protocol, outside, inside }: PublishedPort): string => `${protocol}/${outside}:${inside}`

const widthOf = (expose: string): number =>
  Result.getOrThrow(parseExpose(expose)).reduce((sum, { from, to }) => sum + to - from + 1, 0)

const wrappings = projectsToWrap.map((project) => ({ project, outcome: wrapProject(project) }))

const wrapped = wrappings
  .filter(({ outcome }) => Result.isSuccess(outcome))
  .map(({ project, outcome }) => ({ project, wrapping: Result.getOrThrow(outcome) }))

const remarksOf = ({ outcome }: { outcome: ReturnType<typeof wrapProject> }) =>
  Result.isSuccess(outcome) ? outcome.success.remarks : outcome.failure.remarks

const exposeOf = ({ outcome }: { outcome: ReturnType<typeof wrapProject> }, container: string): string =>
  (Result.isSuccess(outcome) && outcome.success.wrapped.find((one) => one.container === container)?.expose) || ""

const withOptions = (wrapping: Wrapping) =>
  wrapComposeFile(wrapping, { externalNetwork: "dmz_macvlan", addresses: { v4: "192.0.2.9" } })

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** As a reader sees it that merges what `<<` names. */
const merged = (value: unknown): unknown => {
  if (!isObject(value)) return value
  const { "<<": under, ...own } = value
  const kept = Object.fromEntries(Object.entries(own).map(([key, one]) => [key, merged(one)]))
  return under === undefined ? kept : { ...(merged(under) as object), ...kept }
}

describe("wrapping a project", () => {
  it("does not depend on the order of containers, ports and networks", () => {
    fc.assert(
      fc.property(both, ([one, other]) => {
        expect(wrapProject(other)).toEqual(wrapProject(one))
      })
    )
  })

  it("puts every published port into one label, or into one remark", () => {
    fc.assert(
      fc.property(wrappings, (all) => {
        for (const { name, ports } of all.project.containers) {
          const own = remarksOf(all).filter(({ container }) => container === name)
          const remarked = own.flatMap((remark) => remark.ports.map(keyOf))
          const isRemarked = new Set(remarked)
          const isExposed = exposedBy(exposeOf(all, name))
          // What is bound to several addresses of the host may be exposed for one of them and remarked for another.
          const exposed = new Set(ports.filter((port) => !isRemarked.has(keyOf(port))).map(sameMapping))
          for (const port of ports) expect(isExposed(port)).toBe(exposed.has(sameMapping(port)))
          expect(isRemarked.size).toBe(remarked.length)
          expect(ports.map(keyOf)).toEqual(expect.arrayContaining(remarked))
        }
      })
    )
  })

  it("exposes nothing that is not published for others than the host, with the same target", () => {
    fc.assert(
      fc.property(wrapped, ({ project, wrapping }) => {
        for (const { container, expose } of wrapping.wrapped) {
          const { ports } = project.containers.find(({ name }) => name === container)!
          const open = ports.filter(
            ({ protocol, outside, hostAddress }) =>
              protocols.some((known) => known === protocol) &&
              typeof outside === "number" &&
              !["127.0.0.1", "::1"].includes(hostAddress)
          )
          const isExposed = exposedBy(expose)
          const distinct = new Set(open.filter(isExposed).map(sameMapping))
          expect(widthOf(expose)).toBe(distinct.size)
        }
      })
    )
  })

  it("sends no outside port to two containers", () => {
    fc.assert(
      fc.property(wrapped, ({ wrapping }) => {
        const all = wrapping.wrapped.map(({ expose }) => expose)
        expect(Result.isSuccess(parseExpose(all.join(",")))).toBe(true)
        expect(widthOf(all.join(","))).toBe(all.reduce((sum, expose) => sum + widthOf(expose), 0))
      })
    )
  })

  it("reaches every container on one bridge that is not Docker's own", () => {
    fc.assert(
      fc.property(wrapped, ({ project, wrapping }) => {
        expect(["bridge", undefined]).toContain(project.networks.get(wrapping.network)?.driver)
        expect(wrapping.network).not.toBe("bridge")
        for (const { container } of wrapping.wrapped) {
          const { networks, namespace } = project.containers.find(({ name }) => name === container)!
          expect(networks.map(({ name }) => name)).toContain(wrapping.network)
          expect(namespace).toBe("own")
        }
      })
    )
  })

  it("gives anchord a fixed address exactly where a container has one, and one that nobody has", () => {
    fc.assert(
      fc.property(wrapped, ({ project, wrapping }) => {
        const known = project.networks.get(wrapping.network)
        const pins = project.containers
          .flatMap(({ networks }) => networks)
          .filter(({ name }) => name === wrapping.network)
        for (const family of ["v4", "v6"] as const) {
          const taken = pins.flatMap(({ pinned }) => pinned[family] ?? [])
          const subnet = known?.subnets.find((one) => taken.some((pin) => holds(one, pin)))
          const given = wrapping.gateway[family]
          expect(given !== undefined).toBe(subnet !== undefined)
          if (given === undefined || subnet === undefined) continue
          expect(holds(subnet, given)).toBe(true)
          expect([...taken, ...(known?.taken ?? [])]).not.toContain(given)
        }
      })
    )
  })

  it("names service-anchors that a compose file takes, each once", () => {
    fc.assert(
      fc.property(wrapped, ({ wrapping }) => {
        const names = [...wrapping.wrapped.map(({ anchor }) => anchor), "anchord", "docker-proxy"]
        expect(new Set(names).size).toBe(names.length)
        for (const name of names) expect(name).toMatch(/^[a-zA-Z0-9._-]+$/)
      })
    )
  })

  it("prints a file that is read back as the same data", () => {
    fc.assert(
      fc.property(wrapped, ({ wrapping }) => {
        const file = withOptions(wrapping)
        expect(parseYaml(printYaml(file))).toEqual(merged(file.data))
      }),
      { numRuns: 50 }
    )
  })

  it("prints an override that keeps what is not on the LAN, and no more", () => {
    fc.assert(
      fc.property(wrapped, ({ project, wrapping }) => {
        const { services } = wrapOverride(wrapping).data as { services: Record<string, { ports: Array<string> }> }
        const touched = wrapping.wrapped.map(({ container }) =>
          project.containers.find(({ name }) => name === container)!
        )
        expect(Object.keys(services).toSorted()).toEqual([...new Set(touched.map(({ service }) => service))].toSorted())
        for (const [service, { ports }] of Object.entries(services)) {
          const containers = new Set(
            project.containers.filter((one) => one.service === service).map(({ name }) => name)
          )
          const remarked = wrapping.remarks.filter(
            ({ container }) => container !== undefined && containers.has(container)
          )
          expect(ports.toSorted()).toEqual(
            [...new Set(remarked.flatMap((remark) => remark.ports).map(printPublished))].toSorted()
          )
        }
      })
    )
  })
})
