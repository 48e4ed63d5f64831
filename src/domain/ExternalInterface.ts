import type { AddressPair } from "./Address.ts"
import type { OwnAttachment } from "./DockerState.ts"
import type { Link } from "./Routing.ts"
import type { ExternalChoice } from "./Settings.ts"
import { sentence, type Sentence } from "./Sentence.ts"

export type { ExternalChoice }

/**
 * The external interface as it is now, or why there is none; `retryable` when waiting can help (SPEC §8.1). `addresses` are Docker's
 * own for that attachment; an interface that no attachment belongs to has none and no network.
 */
export type ExternalInterface =
  | {
      readonly _tag: "Found"
      readonly link: string
      /** The kernel's number of the link, which a link that is plugged in anew does not keep. */
      readonly index: number
      readonly networkId: string | undefined
      readonly addresses: AddressPair
    }
  | { readonly _tag: "Missing"; readonly retryable: boolean; readonly message: Sentence }

export type FoundExternal = Extract<ExternalInterface, { readonly _tag: "Found" }>

const sameMac = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase()

const listed = (names: ReadonlyArray<string>): string => (names.length === 0 ? "none" : names.toSorted().join(", "))

const found = (link: Link, attachment: OwnAttachment | undefined): ExternalInterface => ({
  _tag: "Found",
  link: link.name,
  index: link.index,
  networkId: attachment?.networkId,
  addresses: {
    ...(attachment?.v4 === undefined ? {} : { v4: attachment.v4 }),
    ...(attachment?.v6 === undefined ? {} : { v6: attachment.v6 })
  }
})

/** Whether these are two pluggings, and not one: everything that anchord had put on the interface is gone then. */
export const isReplugged = (before: FoundExternal, now: FoundExternal): boolean =>
  before.link !== now.link || before.index !== now.index

const missing = (retryable: boolean, message: Sentence): ExternalInterface => ({ _tag: "Missing", retryable, message })

/**
 * Finds the external interface: by the MAC address that Docker reports for the chosen network, or by its own name (SPEC §8.1). A network
 * that is not attached, or has no MAC yet, may come; a MAC or a name that no link has will not.
 */
export const findExternal = (
  choice: ExternalChoice,
  attachments: ReadonlyArray<OwnAttachment>,
  links: ReadonlyArray<Link>
): ExternalInterface => {
  if (choice._tag === "Interface") {
    const link = links.find(({ name }) => name === choice.name)
    if (link === undefined) {
      return missing(
        false,
        sentence`ANCHORD_EXT_IFACE names ${choice.name}, which does not exist; there are: ${listed(links.map(({ name }) => name))}`
      )
    }
    return found(
      link,
      attachments.find(({ mac }) => mac !== undefined && sameMac(mac, link.mac))
    )
  }
  const { network } = choice
  const attachment = attachments.find(({ networkName, networkId }) => networkName === network || networkId === network)
  if (attachment === undefined) {
    const attached = listed(attachments.map(({ networkName }) => networkName))
    return missing(
      true,
      sentence`ANCHORD_EXT_NETWORK names ${network}, which this container is not attached to; attached are: ${attached}`
    )
  }
  const { mac } = attachment
  if (mac === undefined)
    return missing(true, sentence`Docker reports no MAC address yet for the external network ${network}`)
  const link = links.find((candidate) => sameMac(candidate.mac, mac))
  return link === undefined
    ? missing(
        false,
        sentence`no network interface has the MAC address ${mac}, which Docker reports for the external network ${network}; if somebody changed it in here, set mac_address: in the compose file instead`
      )
    : found(link, attachment)
}
