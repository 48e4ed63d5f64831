import * as fc from "fast-check"
import type { Json } from "../../src/domain/Inspection.ts"
import type { Made } from "../../test/main/lifecycle/simulated.ts"

const paths = ["/data", "/a", "/a/b", "/c"]

/** At most one way to mount each path. */
const mounts = fc
  .tuple(...paths.map(() => fc.constantFrom("none", "none", "volume", "bind", "ro", "typed", "named", "tmpfs", "bare")))
  .map((ways) => {
    const at = (wanted: string) => paths.filter((_, index) => ways[index] === wanted)
    return {
      config: { Volumes: Object.fromEntries(at("volume").map((path) => [path, {}])) },
      host: {
        Binds: [
          ...at("bind").map((path) => `/srv${path}:${path}`),
          ...at("ro").map((path) => `kept:${path}:ro`),
          ...at("bare")
        ],
        Mounts: [
          ...at("typed").map((Target) => ({ Type: "volume", Target })),
          ...at("named").map((Target) => ({ Type: "volume", Source: "named", Target, ReadOnly: true }))
        ],
        Tmpfs: Object.fromEntries(at("tmpfs").map((path) => [path, "size=1m"]))
      }
    }
  })

const optional = <A>(key: string, values: fc.Arbitrary<A>): fc.Arbitrary<Json> =>
  fc.option(values, { nil: undefined }).map((value) => (value === undefined ? {} : { [key]: value }))

const merged = (...parts: ReadonlyArray<fc.Arbitrary<Json>>): fc.Arbitrary<Json> =>
  fc.tuple(...parts).map((all) => Object.assign({}, ...all))

/** What no version of Docker says yet. */
export const unheardOf: fc.Arbitrary<Json> = fc.dictionary(
  fc.stringMatching(/^New[A-Z][a-z]{1,5}$/),
  fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.string()), fc.constant(null)),
  { maxKeys: 2 }
)

const config = merged(
  optional("Env", fc.constantFrom([], ["A=1"], ["PATH=/sbin", "A="])),
  optional("Labels", fc.constantFrom({}, { own: "1" }, { from: "operator" })),
  optional("User", fc.constantFrom("", "1000:1000")),
  optional("StopTimeout", fc.constantFrom(0, 3, 600, -1)),
  fc.constantFrom<Json>({}, {}, { Cmd: ["one"] }, { Entrypoint: ["run"] }, { Entrypoint: [""], Cmd: ["alone"] }),
  unheardOf
)

const host = merged(
  optional(
    "RestartPolicy",
    fc.constantFrom(
      { Name: "no" },
      { Name: "always" },
      { Name: "unless-stopped" },
      { Name: "on-failure", MaximumRetryCount: 3 }
    )
  ),
  optional("CapAdd", fc.constantFrom(["NET_ADMIN"], [])),
  unheardOf
)

const endpoint = (third: number): fc.Arbitrary<Json> =>
  merged(
    optional("Aliases", fc.constantFrom([], ["web"], ["web", "www"])),
    optional(
      "IPAMConfig",
      fc.constantFrom({ IPv4Address: `172.${third}.0.9` }, { IPv6Address: `fd00:${third}::9` }, {})
    ),
    optional("MacAddress", fc.constant(`02:aa:00:00:00:${third}`)),
    unheardOf
  )

/** On networks of its own; the first is that of its mode. */
const ownNetwork: fc.Arbitrary<Made> = fc
  .tuple(
    fc.shuffledSubarray(["transit", "back"], { minLength: 1 }),
    endpoint(20),
    endpoint(21),
    optional("Hostname", fc.constant("own")),
    fc.constantFrom<Json>({}, { PortBindings: { "80/tcp": [{ HostPort: "8080" }] }, Dns: ["192.0.2.53"] })
  )
  .map(([names, first, second, hostname, ports]) => ({
    config: hostname,
    host: ports,
    networks: Object.fromEntries(names.map((name) => [name, name === "transit" ? first : second]))
  }))

const otherMode: fc.Arbitrary<Made> = fc
  .constantFrom("bridge", "host", "none", "container:owner")
  .map((NetworkMode) => ({ host: { NetworkMode } }))

/** What a container may be created with in `inSimulation`, with a container `owner` to join. */
export const madeContainers: fc.Arbitrary<Made> = fc
  .tuple(mounts, config, host, fc.oneof({ arbitrary: ownNetwork, weight: 3 }, { arbitrary: otherMode, weight: 2 }))
  .map(([mounted, configured, hosted, { config: named = {}, host: network = {}, networks = {} }]) => ({
    config: { ...configured, ...named, ...mounted.config },
    host: { ...hosted, ...network, ...mounted.host },
    networks
  }))
