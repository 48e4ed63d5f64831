import { familyName, type Address, type Family } from "./Address.ts"
import type { AddressStep } from "./AddressPlan.ts"
import type { ExplainedContainer } from "./Explanation.ts"
import { fail, notLookedAt, ok, warn, type Finding } from "./Findings.ts"
import { networkOf, overlap, type Network } from "./Network.ts"
import type { LinkAddress } from "./Routing.ts"
import { sentence } from "./Sentence.ts"

/** Networks that nobody has: of those for documentation (RFC 5737, RFC 3849, RFC 9637), for IPv6 a part that examples do not use. */
const documentation: Readonly<Record<Family, ReadonlyArray<Network>>> = {
  v4: [
    { address: "192.0.2.0", prefixLength: 24 },
    { address: "198.51.100.0", prefixLength: 24 },
    { address: "203.0.113.0", prefixLength: 24 }
  ],
  v6: [
    { address: "2001:db8:a2c0::", prefixLength: 48 },
    { address: "3fff:a2c:a2c0::", prefixLength: 48 }
  ]
}

const hostLength: Readonly<Record<Family, number>> = { v4: 32, v6: 128 }

/**
 * An address that is foreign to every network of this namespace; `host` (1 to 254) keeps two that look at the same time apart. Nothing when
 * somebody uses all of these networks in spite of what they are for.
 */
export const foreignAddress = (
  family: Family,
  present: ReadonlyArray<LinkAddress>,
  host: number
): Address | undefined => {
  const own = present.flatMap((one) => networkOf(one) ?? [])
  const free = documentation[family].find((network) => !own.some((one) => overlap(one, network)))
  if (free === undefined) return undefined
  return family === "v4" ? free.address.replace(/0$/, `${host}`) : `${free.address}${host.toString(16)}`
}

/** Should this process be killed, the kernel takes the address away after so many seconds. */
const LIFE_SECONDS = 20

const LOOPBACK = "lo"

/** The steps that give the namespace the address for a short time, and take it away. It is one that nothing else is sent from (deprecated, RFC 4862). */
export const borrowing = (
  family: Family,
  address: Address
): { readonly take: AddressStep; readonly giveBack: AddressStep } => {
  const where = { family, link: LOOPBACK, address, prefixLength: hostLength[family] }
  const lifetime = { validSeconds: LIFE_SECONDS, preferredSeconds: 0 }
  return { take: { _tag: "SetAddress", ...where, lifetime }, giveBack: { _tag: "DeleteAddress", ...where } }
}

/** What came back: something, nothing, or an error before anything could. */
export type ProbeAnswer =
  | { readonly _tag: "Answered" }
  | { readonly _tag: "Silent" }
  | { readonly _tag: "Unreachable"; readonly message: string }

/** A backend that is to be asked. */
export interface Witness {
  readonly name: string
  readonly address: Address
}

const MOST = 8

/** The backends that are asked in a family: one is enough to know of the network, each one more tells of itself. */
export const witnessesOf = (explained: ReadonlyArray<ExplainedContainer>, family: Family): ReadonlyArray<Witness> => {
  const seen = new Map<Address, Witness>()
  for (const { name, verdict, [family]: address } of explained)
    if ((verdict === "mapped" || verdict === "standby") && address !== undefined && !seen.has(address))
      seen.set(address, { name, address })
  return [...seen.values()].slice(0, MOST)
}

/** A backend that was asked: from the anchor's own address first, and when that is answered from a foreign one. */
export interface AskedWitness extends Witness {
  readonly own: ProbeAnswer
  readonly foreign: ProbeAnswer | undefined
}

export interface ForeignFacts {
  readonly family: Family
  readonly network: { readonly name: string; readonly internal: boolean }
  /** The foreign address; absent when there was none, and then nobody was asked from it. */
  readonly source: Address | undefined
  readonly asked: ReadonlyArray<AskedWitness>
}

const NORMAL_BRIDGE =
  'make it a normal bridge in the compose file: no internal: true, and driver_opts: { com.docker.network.bridge.enable_ip_masquerade: "false" }; or switch net.bridge.bridge-nf-call-iptables off on the host'

const routeFix = (names: string): string =>
  `the default route of ${names} has to lead to this network-anchor: give it a service-anchor, and see that that one is ready`

const nameList = (asked: ReadonlyArray<Witness>): string => asked.map(({ name }) => name).join(", ")

const unreachable = (family: Family, { name, address, own }: AskedWitness): Finding =>
  fail(
    "foreign-sources",
    sentence`${familyName[family]}: ${name} is not there at ${address}${own._tag === "Unreachable" ? `: ${own.message}` : ""}`,
    "the shared network does not carry packets at all: check the host's firewall and bridge"
  )

/** Nobody answers a foreign address, although they all answer the anchor's own. */
const allSilent = ({ family, network, source }: ForeignFacts, silent: ReadonlyArray<AskedWitness>): Finding => {
  const said = `${familyName[family]}: this container's own address is answered by ${nameList(silent)}, and ${source}, which is foreign to ${network.name}, is not`
  return network.internal && family === "v4"
    ? fail(
        "foreign-sources",
        sentence`${said}: the network is internal, and where bridge netfilter is on, Docker drops there what does not come from its own subnet; so nothing of clients arrives`,
        NORMAL_BRIDGE
      )
    : fail(
        "foreign-sources",
        sentence`${said}: either the answers do not come back here, or the host drops such packets`,
        `${routeFix(nameList(silent))}; if it does, look in the host's firewall for what drops on FORWARD`
      )
}

const familyFindings = (facts: ForeignFacts): ReadonlyArray<Finding> => {
  const { family, network, source, asked } = facts
  const what = familyName[family]
  if (source === undefined)
    return [notLookedAt("foreign-sources", `${what}: networks of this container use every address for documentation`)]
  const gone = asked.filter(({ own }) => own._tag === "Unreachable")
  const mute = asked.filter(({ own }) => own._tag === "Silent")
  const able = asked.filter(({ own }) => own._tag === "Answered")
  const passed = able.filter(({ foreign }) => foreign?._tag === "Answered")
  const silent = able.filter(({ foreign }) => foreign?._tag !== "Answered")
  const muteOnes = mute.map(({ name, address }) =>
    notLookedAt("foreign-sources", `${what}: ${name} at ${address} answers nobody, not even from its own network`)
  )
  const judged =
    passed.length === 0
      ? silent.length === 0
        ? []
        : [allSilent(facts, silent)]
      : [
          ok("foreign-sources", `${what}: ${network.name} carries them: ${source} is answered by ${nameList(passed)}`),
          ...silent.map((one) =>
            fail(
              "foreign-sources",
              sentence`${what}: the answers of ${one.name} to clients do not come back here, although ${network.name} carries them`,
              routeFix(one.name)
            )
          )
        ]
  return [...judged, ...gone.map((one) => unreachable(family, one)), ...muteOnes]
}

const internalWarning = (network: ForeignFacts["network"]): ReadonlyArray<Finding> =>
  network.internal
    ? [
        warn(
          "foreign-sources",
          sentence`${network.name} is internal: where bridge netfilter is on, Docker drops there what does not come from its own subnet`,
          NORMAL_BRIDGE
        )
      ]
    : []

/**
 * Whether the shared network carries packets with foreign source addresses, as those of clients are (SPEC §13, §15): seen by sending some. `why` says why
 * nothing was sent.
 */
export const foreignFindings = (
  facts:
    | ReadonlyArray<ForeignFacts>
    | { readonly why: string; readonly fix?: string; readonly network?: ForeignFacts["network"] }
): ReadonlyArray<Finding> => {
  if ("why" in facts) {
    const { why, fix, network } = facts
    return [notLookedAt("foreign-sources", why, fix), ...(network === undefined ? [] : internalWarning(network))]
  }
  const asked = facts.filter((one) => one.asked.length > 0)
  const [first] = facts
  if (asked.length === 0 && first !== undefined) {
    const why = `no container with ports runs on ${first.network.name}`
    return [notLookedAt("foreign-sources", why, "start one and look again"), ...internalWarning(first.network)]
  }
  return asked.flatMap(familyFindings)
}
