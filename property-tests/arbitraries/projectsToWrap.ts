import * as fc from "fast-check"
import type { ContainerToWrap, NetworkConfiguration, ProjectToWrap } from "../../src/domain/ProjectToWrap.ts"
import type { PublishedPort } from "../../src/domain/PublishedPort.ts"

const networkNames = ["cloud_default", "cloud_back", "lan", "bridge"]

/** Few enough that containers collide and ports come in rows. */
const ports = fc.oneof(fc.integer({ min: 8000, max: 8006 }), fc.integer({ min: 1, max: 65_535 }))

const port: fc.Arbitrary<PublishedPort> = fc.record({
  protocol: fc.oneof({ arbitrary: fc.constantFrom("tcp", "udp"), weight: 9 }, fc.constant("sctp")),
  inside: ports,
  outside: fc.oneof({ arbitrary: ports, weight: 8 }, fc.constantFrom("", "8000-8004")),
  hostAddress: fc.constantFrom("", "", "", "0.0.0.0", "::", "127.0.0.1", "::1", "192.0.2.1")
})

/** What `8000-9999:9000-…` publishes: more ports in a row than a translated range may have. */
const row: fc.Arbitrary<ReadonlyArray<PublishedPort>> = fc
  .record({ from: ports, width: fc.constantFrom(3, 1024, 1025, 2100), inside: ports, kept: fc.boolean() })
  .map(({ from, width, inside, kept }) => {
    const target = kept ? from : inside
    const count = Math.min(width, 65_536 - from, 65_536 - target)
    return Array.from({ length: count }, (_, index) => ({
      protocol: "udp",
      inside: target + index,
      outside: from + index,
      hostAddress: ""
    }))
  })

const published = fc.oneof({ arbitrary: fc.array(port, { maxLength: 6 }), weight: 9 }, { arbitrary: row, weight: 1 })

const networksOf = fc
  .subarray(networkNames)
  .chain((names) =>
    fc.tuple(
      ...names.map((name) =>
        fc
          .integer({ min: 2, max: 9 })
          .chain((host) =>
            fc
              .constantFrom({}, {}, { v4: `172.30.0.${host}` }, { v6: `fd00:30::${host}` })
              .map((pinned) => ({ name, pinned }))
          )
      )
    )
  )

const container: fc.Arbitrary<ContainerToWrap> = fc
  .record({
    service: fc.constantFrom("web", "api", "web-1"),
    number: fc.integer({ min: 1, max: 3 }),
    runs: fc.boolean(),
    namespace: fc.oneof({ arbitrary: fc.constant("own" as const), weight: 8 }, fc.constantFrom("host", "none")),
    networks: networksOf,
    ports: published,
    exposed: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0)
  })
  .map(({ number, ...rest }) => ({ ...rest, name: `cloud-${rest.service}-${number}` }))

const configured = (name: string): fc.Arbitrary<readonly [string, NetworkConfiguration]> =>
  fc.record({ internal: fc.boolean(), v6: fc.boolean() }).map(({ internal, v6 }) => [
    name,
    {
      name,
      driver: name === "lan" ? "macvlan" : "bridge",
      internal,
      subnets: [
        { address: "172.30.0.0", prefixLength: 28 },
        ...(v6 ? [{ address: "fd00:30::", prefixLength: 64 }] : [])
      ],
      taken: ["172.30.0.1", "172.30.0.14"]
    }
  ])

/** A project with containers of different names; of its networks some are known. */
export const projectsToWrap: fc.Arbitrary<ProjectToWrap> = fc.record({
  project: fc.constant("cloud"),
  containers: fc.uniqueArray(container, { selector: ({ name }) => name, maxLength: 5 }),
  networks: fc
    .subarray(networkNames)
    .chain((names) => fc.tuple(...names.map(configured)))
    .map((entries) => new Map(entries))
})
