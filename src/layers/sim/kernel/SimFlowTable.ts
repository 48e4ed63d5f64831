import type { Protocol } from "../../../domain/Dnat.ts"
import type { SimFlow, Tuple } from "./SimFlow.ts"

/** Both ports in one number: what the ends of flows differ by most of the time. */
const portsOf = ({ sourcePort, destinationPort }: Tuple): number => (sourcePort << 16) | destinationPort

const put = (index: Map<number, Array<SimFlow>>, key: number, flow: SimFlow): void => {
  const there = index.get(key)
  if (there === undefined) index.set(key, [flow])
  else if (!there.includes(flow)) there.push(flow)
}

const take = (index: Map<number, Array<SimFlow>>, key: number, flow: SimFlow): void => {
  const there = index.get(key)
  const at = there?.indexOf(flow) ?? -1
  if (there === undefined || at === -1) return
  if (there.length === 1) index.delete(key)
  else there.splice(at, 1)
}

/** The flows of a namespace, the oldest first, found by the ends of a packet; every packet asks several times. */
export class SimFlowTable {
  readonly #flows = new Set<SimFlow>()
  /** By the ports of both directions. */
  readonly #byPorts = new Map<number, Array<SimFlow>>()
  /** By the port that the first packet came from. */
  readonly #bySourcePort = new Map<number, Array<SimFlow>>()

  get size(): number {
    return this.#flows.size
  }

  values(): IterableIterator<SimFlow> {
    return this.#flows.values()
  }

  /** The flow that has this tuple in one of its directions. */
  find(protocol: Protocol, tuple: Tuple): SimFlow | undefined {
    const some = this.#byPorts.get(portsOf(tuple))
    if (some === undefined) return undefined
    for (const flow of some) if (flow.has(protocol, tuple)) return flow
    return undefined
  }

  /** Those that began at the same end, the newest first. */
  fromSource({ protocol, original: { source, sourcePort } }: SimFlow): ReadonlyArray<SimFlow> {
    const some = this.#bySourcePort.get(sourcePort) ?? []
    return some.filter((one) => one.protocol === protocol && one.original.source === source).toReversed()
  }

  add(flow: SimFlow): void {
    this.#flows.add(flow)
    put(this.#byPorts, portsOf(flow.original), flow)
    put(this.#byPorts, portsOf(flow.reply), flow)
    put(this.#bySourcePort, flow.original.sourcePort, flow)
  }

  remove(flow: SimFlow): void {
    if (!this.#flows.delete(flow)) return
    take(this.#byPorts, portsOf(flow.original), flow)
    take(this.#byPorts, portsOf(flow.reply), flow)
    take(this.#bySourcePort, flow.original.sourcePort, flow)
  }
}
