import { parseAddress, type Family } from "../../domain/Address.ts"
import { protocols, type Flow } from "../../domain/Dnat.ts"

/** The TCP and UDP flows among the lines of `conntrack -L`; every other line is passed over. */
export const parseFlows = (output: string, family: Family): ReadonlyArray<Flow> =>
  output.split("\n").flatMap((line) => {
    const protocol = protocols.find((one) => line.startsWith(`${one} `))
    if (protocol === undefined) return []
    const values = (key: string) => [...line.matchAll(new RegExp(` ${key}=(\\S+)`, "g"))].map((match) => match[1] ?? "")
    const [source, replySource] = values("src").map((text) => parseAddress(text)?.address)
    const [destination] = values("dst").map((text) => parseAddress(text)?.address)
    const [sourcePort, replySourcePort] = values("sport").map(Number)
    const [destinationPort] = values("dport").map(Number)
    if (source === undefined || destination === undefined || replySource === undefined) return []
    if (sourcePort === undefined || destinationPort === undefined || replySourcePort === undefined) return []
    return [{ family, protocol, source, sourcePort, destination, destinationPort, replySource, replySourcePort }]
  })
