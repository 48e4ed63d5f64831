import { mutant, type Mutant } from "./Mutant.ts"

const FOLLOW = "src/domain/NetworkFollow.ts"
const RULESET = "src/domain/NftJson.ts"
const LEASED = "src/main/networkAnchor/LeasedInterface.ts"
const MANAGED = "src/domain/ManagedAnchor.ts"

/** What belongs to others, and is changed or made all the same. */
export const strangerMutants: ReadonlyArray<Mutant> = [
  mutant(
    "whole-ruleset-flushed",
    "The tables are installed on an empty rule set: whatever else was in it is gone.",
    RULESET,
    `=> [
  ...tableOfFamily("v4", extIface),`,
    `=> [
  { flush: { ruleset: null } },
  ...tableOfFamily("v4", extIface),`
  ),
  mutant(
    "lease-on-the-first-link",
    "A lease is put on the first link that is not the loopback, and not on the external one.",
    LEASED,
    "const situation: AddressSituation = { family, link, bootstrap",
    "const situation: AddressSituation = { family, link: links[1]?.name ?? link, bootstrap"
  ),
  mutant(
    "managed-beside-itself",
    "The managed service-anchor is created in the namespace of the network-anchor, which has the name that is looked up.",
    MANAGED,
    "  name,\n  image: image ?? made.image,\n  networkMode: `container:${made.target}`,",
    "  name,\n  image: image ?? made.image,\n  networkMode: `container:anchord`,"
  ),
  mutant(
    "follower-leaves-its-first-network",
    "The follower steps off the network that it was created on, and not off the one that is followed.",
    FOLLOW,
    `const stepOff: LifecycleAction = { _tag: "Disconnect", id, name, network, reason }`,
    `const stepOff: LifecycleAction = { _tag: "Disconnect", id, name, network: follower.networks[0] ?? network, reason }`
  )
]
