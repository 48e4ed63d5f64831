import * as fc from "fast-check"
import type { OwnAttachment } from "../../src/domain/DockerState.ts"
import type { Link } from "../../src/domain/Routing.ts"
import { localAddresses } from "./addresses.ts"

export const networkNames = ["dmz", "back", "front", "transit"]

export const linkNames = ["lo", "eth0", "eth1", "eth2", "macvlan0"]

const macOf = (index: number): string => `02:42:0a:63:00:0${"abcdef".charAt(index)}`

const shouted = (mac: string): fc.Arbitrary<string> => fc.constantFrom(mac, mac, mac.toUpperCase())

/** Links with a MAC address each of their own; the loopback and some others may have none. */
export const links: fc.Arbitrary<ReadonlyArray<Link>> = fc.subarray(linkNames).chain((names) =>
  fc
    .record({ without: fc.subarray(names), order: fc.shuffledSubarray(names, { minLength: names.length }) })
    .map(({ without, order }) =>
      order.map((name) => ({
        index: linkNames.indexOf(name) + 1,
        name,
        mac: name === "lo" || without.includes(name) ? "" : macOf(linkNames.indexOf(name)),
        up: true
      }))
    )
)

const attachmentTo = (name: string): fc.Arbitrary<OwnAttachment> =>
  fc
    .record({
      mac: fc.option(fc.nat({ max: linkNames.length }).map(macOf).chain(shouted), { nil: undefined, freq: 4 }),
      v4: fc.option(fc.constantFrom(...localAddresses.v4), { nil: undefined }),
      v6: fc.option(fc.constantFrom(...localAddresses.v6), { nil: undefined })
    })
    .map(({ mac, v4, v6 }) =>
      Object.assign(
        { networkId: `net-${name}`, networkName: name },
        mac === undefined ? {} : { mac },
        v4 === undefined ? {} : { v4 },
        v6 === undefined ? {} : { v6 }
      )
    )

const macs = (attachments: ReadonlyArray<OwnAttachment>): ReadonlyArray<string> =>
  attachments.flatMap(({ mac }) => (mac === undefined ? [] : [mac.toLowerCase()]))

/** Attachments to networks; no two of them have one MAC address. */
export const attachments: fc.Arbitrary<ReadonlyArray<OwnAttachment>> = fc
  .shuffledSubarray(networkNames)
  .chain((names) => fc.tuple(...names.map(attachmentTo)))
  .filter((all) => new Set(macs(all)).size === macs(all).length)
