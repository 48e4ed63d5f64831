import { parseAddress, type Address, type Family } from "../../domain/Address.ts"
import { protocols, type Flow } from "../../domain/Dnat.ts"

/** One direction of a flow. Counters, states and marks stand between and behind the two of a line. */
const TUPLE = / src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+)/g

/** Few addresses stand in many flows: each text is read once. */
const makeAddressReader = () => {
  const known = new Map<string, Address | undefined>()
  return (text: string | undefined): Address | undefined => {
    if (text === undefined) return undefined
    if (!known.has(text)) known.set(text, parseAddress(text)?.address)
    return known.get(text)
  }
}

/** The TCP and UDP flows among the lines of `conntrack -L`; every other line is passed over. */
export const parseFlows = (output: string, family: Family): ReadonlyArray<Flow> => {
  const read = makeAddressReader()
  return output.split("\n").flatMap((line) => {
    const protocol = protocols.find((one) => line.startsWith(one) && line[one.length] === " ")
    if (protocol === undefined) return []
    const [original, reply] = line.matchAll(TUPLE)
    if (original === undefined || reply === undefined) return []
    const source = read(original[1])
    const destination = read(original[2])
    const replySource = read(reply[1])
    if (source === undefined || destination === undefined || replySource === undefined) return []
    return [
      {
        family,
        protocol,
        source,
        sourcePort: Number(original[3]),
        destination,
        destinationPort: Number(original[4]),
        replySource,
        replySourcePort: Number(reply[3])
      }
    ]
  })
}
