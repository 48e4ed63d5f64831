import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { OwnAttachment } from "../src/domain/DockerState.ts"
import { findExternal, type ExternalChoice, type ExternalInterface } from "../src/domain/ExternalInterface.ts"
import type { Link } from "../src/domain/Routing.ts"
import { attachments, linkNames, links, networkNames } from "./arbitraries/attachments.ts"
import { shuffled } from "./arbitraries/backends.ts"

const numRuns = 500

const networks: fc.Arbitrary<string> = fc.constantFrom(...networkNames, ...networkNames.map((name) => `net-${name}`))

const byNetwork: fc.Arbitrary<Extract<ExternalChoice, { readonly _tag: "Network" }>> = networks.map((network) => ({
  _tag: "Network",
  network
}))

const byName: fc.Arbitrary<Extract<ExternalChoice, { readonly _tag: "Interface" }>> = fc
  .constantFrom(...linkNames)
  .map((name) => ({ _tag: "Interface", name }))

const choices: fc.Arbitrary<ExternalChoice> = fc.oneof(byNetwork, byName)

const isNamed = (network: string) => (attachment: OwnAttachment) =>
  [attachment.networkName, attachment.networkId].includes(network)

const hasMac = (mac: string | undefined) => (link: Link) => mac !== undefined && link.mac === mac.toLowerCase()

const missing = (result: ExternalInterface) => (result._tag === "Missing" ? result : undefined)

describe("the external interface", () => {
  it("does not depend on the order of attachments and links, nor on the case of a MAC address", () => {
    const worlds = fc.tuple(attachments, links).chain(([attached, present]) =>
      fc.record({
        attached: fc.constant(attached),
        present: fc.constant(present),
        otherAttached: shuffled(attached),
        otherPresent: shuffled(present)
      })
    )
    fc.assert(
      fc.property(choices, worlds, (choice, { attached, present, otherAttached, otherPresent }) => {
        const result = findExternal(choice, attached, present)
        expect(findExternal(choice, otherAttached, otherPresent)).toEqual(result)
        const lowered = attached.map((one) => (one.mac === undefined ? one : { ...one, mac: one.mac.toLowerCase() }))
        const found = findExternal(choice, lowered, present)
        expect({ ...found, message: "" }).toEqual({ ...result, message: "" })
      }),
      { numRuns }
    )
  })

  it("of a network is the link with the MAC address of that attachment, with its addresses, or none", () => {
    fc.assert(
      fc.property(byNetwork, attachments, links, (choice, attached, present) => {
        const attachment = attached.find(isNamed(choice.network))
        const link = present.find(hasMac(attachment?.mac))
        const result = findExternal(choice, attached, present)
        expect(result._tag).toBe(link === undefined ? "Missing" : "Found")
        if (result._tag === "Missing" || attachment === undefined) return
        const { v4, v6, networkId } = attachment
        expect(result).toMatchObject({ link: link?.name, networkId })
        expect({ v4: undefined, v6: undefined, ...result.addresses }).toEqual({ v4, v6 })
      }),
      { numRuns }
    )
  })

  it("of a network may still come exactly while Docker has no MAC address for it", () => {
    fc.assert(
      fc.property(byNetwork, attachments, links, (choice, attached, present) => {
        const why = missing(findExternal(choice, attached, present))
        if (why === undefined) return
        expect(why.retryable).toBe(attached.find(isNamed(choice.network))?.mac === undefined)
      }),
      { numRuns }
    )
  })

  it("of a network that may still come is found once Docker has attached it to a link that is there", () => {
    fc.assert(
      fc.property(byNetwork, attachments, links, fc.nat(), (choice, attached, present, pick) => {
        const why = missing(findExternal(choice, attached, present))
        const plumbed = present.filter(({ mac }) => mac !== "")
        const link = plumbed[pick % Math.max(1, plumbed.length)]
        fc.pre(why?.retryable === true && link !== undefined)
        const name = choice.network.replace(/^net-/, "")
        const come: OwnAttachment = { networkId: `net-${name}`, networkName: name, mac: link?.mac ?? "" }
        const others = attached.filter((one) => !isNamed(choice.network)(one))
        expect(findExternal(choice, [...others, come], present)).toMatchObject({ _tag: "Found", link: link?.name })
      }),
      { numRuns }
    )
  })

  it("of a network does not depend on attachments to others", () => {
    fc.assert(
      fc.property(byNetwork, attachments, links, (choice, attached, present) => {
        const alone = findExternal(choice, attached.filter(isNamed(choice.network)), present)
        expect({ ...findExternal(choice, attached, present), message: "" }).toEqual({ ...alone, message: "" })
      }),
      { numRuns }
    )
  })

  it("by name is that link whenever it is there, whatever Docker says, and will not come when it is not", () => {
    fc.assert(
      fc.property(byName, attachments, links, (choice, attached, present) => {
        const result = findExternal(choice, attached, present)
        const link = present.find(({ name }) => name === choice.name)
        const belonging = attached.find(({ mac }) => link !== undefined && hasMac(mac)(link))
        expect(result).toMatchObject(
          link === undefined
            ? { _tag: "Missing", retryable: false }
            : { _tag: "Found", link: choice.name, networkId: belonging?.networkId }
        )
      }),
      { numRuns }
    )
  })

  it("that is missing is explained by what was asked for and all that there is instead", () => {
    fc.assert(
      fc.property(choices, attachments, links, (choice, attached, present) => {
        const why = missing(findExternal(choice, attached, present))
        if (why === undefined) return
        expect(why.message).toContain(choice._tag === "Network" ? choice.network : choice.name)
        const instead =
          choice._tag === "Interface"
            ? present.map(({ name }) => name)
            : attached.some(isNamed(choice.network))
              ? []
              : attached.map(({ networkName }) => networkName)
        for (const name of instead) expect(why.message).toContain(name)
      }),
      { numRuns }
    )
  })
})
