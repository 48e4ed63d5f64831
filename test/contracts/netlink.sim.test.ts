import { SimNetns } from "../../src/layers/sim/kernel/SimNetns.ts"
import * as SimNetlink from "../../src/layers/sim/kernel/SimNetlink.ts"
import { netlinkContract, type NetlinkSetup } from "./netlink.ts"
import { netlinkAddressContract } from "./netlinkAddresses.ts"

const agreed = (refusal: string | undefined): Promise<void> =>
  refusal === undefined ? Promise.resolve() : Promise.reject(new Error(refusal))

const setUp = (): Promise<NetlinkSetup> => {
  const netns = new SimNetns().addLink("lo", "127.0.0.1/8", "::1/128")
  const done = (change: () => unknown) => Promise.resolve().then(() => void change())
  return Promise.resolve({
    layer: SimNetlink.layer(netns),
    world: {
      addLink: (name, ...addresses) => done(() => netns.addLink(name, ...addresses)),
      setUp: (name, up) => done(() => netns.setUp(name, up)),
      addRoute: (route) => agreed(netns.add(route)),
      appendRoute: (route) => agreed(netns.append(route)),
      setNeighbour: (link, address, state) => done(() => netns.setNeighbour(link, address, state))
    },
    dispose: () => Promise.resolve()
  })
}

netlinkContract("SimNetns", setUp)
netlinkAddressContract("SimNetns", setUp)
