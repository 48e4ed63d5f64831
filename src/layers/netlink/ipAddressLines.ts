import type { AddressStep } from "../../domain/AddressPlan.ts"
import { ANCHORD_ROUTE_PROTOCOL } from "../../domain/Routing.ts"

const ONLINK_METRIC = { v4: "", v6: " metric 256" } as const

/** One step as the words behind `ip`; nothing for what `ip` does not do. */
export const addressLine = (step: AddressStep): string | undefined => {
  switch (step._tag) {
    case "SetAddress": {
      const { address, prefixLength, link, lifetime, family } = step
      const times =
        lifetime === undefined ? "" : ` valid_lft ${lifetime.validSeconds} preferred_lft ${lifetime.preferredSeconds}`
      return `address replace ${address}/${prefixLength} dev ${link}${family === "v6" ? " nodad" : ""}${times}`
    }
    case "DeleteAddress":
      return `address del ${step.address}/${step.prefixLength} dev ${step.link}`
    case "SetOnLink": {
      const { network, link, source, family } = step
      return `route replace ${network.address}/${network.prefixLength} dev ${link} proto ${ANCHORD_ROUTE_PROTOCOL} scope link src ${source}${ONLINK_METRIC[family]}`
    }
    case "DeleteOnLink":
      return `route del ${step.network.address}/${step.network.prefixLength} dev ${step.link} proto ${ANCHORD_ROUTE_PROTOCOL}`
    case "SetRoute":
    case "DeleteRoute": {
      const { destination, prefixLength, gateway } = step.route
      const verb = step._tag === "SetRoute" ? "replace" : "del"
      const via = gateway === undefined ? "" : ` via ${gateway}`
      return `route ${verb} ${destination}/${prefixLength}${via} dev ${step.link} proto ${ANCHORD_ROUTE_PROTOCOL}`
    }
    case "SetMtu":
      return `link set dev ${step.link} mtu ${step.mtu}`
    case "Announce":
      return undefined
  }
}

/** Deleting what is not there is as good as done. */
export const mayBeGone = (step: AddressStep): boolean => step._tag.startsWith("Delete")
