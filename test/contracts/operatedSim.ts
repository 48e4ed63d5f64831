import type { Json } from "../../src/domain/Inspection.ts"
import { SimDocker } from "../../src/layers/sim/docker/SimDocker.ts"
import { SimRefusal } from "../../src/layers/sim/docker/SimRefusal.ts"
import { SimTime } from "../../src/layers/sim/SimTime.ts"
import { createdBy, endpointsOf, policyOf, STUBBORN } from "./createdBy.ts"
import { networkShapes, type NetworkName, type Operation, type Ref } from "./dockerOperation.ts"
import {
  addressText,
  Names,
  type OperatedDocker,
  type RawEvent,
  type Seen,
  seenEvent,
  statusText
} from "./operatedDocker.ts"

const GRACE_SECONDS = 1
/** Long enough for every policy's delay. */
const QUIET = 80_000

const IMAGE = "ops"

interface Endpoint {
  readonly NetworkID: string
  readonly IPAMConfig: { readonly IPv4Address?: string } | null
}

export interface OperatedSim extends OperatedDocker {
  /**
   * Whether the operation starts a container that cannot be plugged into all of its networks: an engine plugs it into some of them before it gives
   * up, and which ones is chance.
   */
  readonly isLeftToChance: (operation: Operation) => boolean
}

/** What answers when it is done. */
type Answer = (refused?: unknown) => void

/** Operations on a simulated engine; after each one, time passes until nothing more happens. */
export const operatedSim = (): OperatedSim => {
  const time = new SimTime(1_700_000_000_000)
  const stubborn = new Set<string>()
  const docker: SimDocker = new SimDocker(time.nowNanos, {
    timers: time,
    processes: {
      started: ({ id, labels }) => void (labels[STUBBORN] === "true" && stubborn.add(id)),
      signal: (id, signal) => {
        if (signal === "SIGKILL") docker.exited(id, 137)
        else if (!stubborn.has(id)) docker.exited(id, 0)
      }
    }
  })
  docker.addImage(IMAGE, {})
  const names = new Names()
  let events: Array<RawEvent> = []

  docker.log.listen(({ type, action, containerId = "", attributes }) => {
    events.push({ type, action, containerId, attributes })
  })
  const ref = (named: Ref) => names.ref(named)

  const carryOut = (operation: Operation, then: Answer): void => {
    switch (operation._tag) {
      case "create": {
        const { body, endpoints } = createdBy(operation, IMAGE, ref)
        names.made("c", operation.name, docker.createFrom(operation.name, body, endpoints))
        return then()
      }
      case "start": {
        const container = ref(operation.container)
        docker.start(container)
        return docker.whenSettled(container, then)
      }
      case "stop": {
        const container = ref(operation.container)
        if (!docker.isRunning(container)) throw new SimRefusal(304, "")
        return docker.stop(container, GRACE_SECONDS, then)
      }
      case "restart":
        return docker.restart(ref(operation.container), GRACE_SECONDS, then)
      case "pause":
        return then(void docker.pause(ref(operation.container)))
      case "unpause":
        return then(void docker.unpause(ref(operation.container)))
      case "kill":
        return then(void docker.kill(ref(operation.container), operation.signal))
      case "remove":
        if (operation.force) return docker.remove(ref(operation.container), then)
        return then(void docker.removeStopped(ref(operation.container)))
      case "rename": {
        const id = docker.find(ref(operation.container))?.id
        docker.rename(ref(operation.container), operation.to)
        names.renamed(id ?? "", operation.to)
        return then()
      }
      case "update":
        return then(void docker.setRestartPolicy(ref(operation.container), policyOf(operation.policy)))
      case "end": {
        const found = docker.find(ref(operation.container))
        if (found === undefined) throw new SimRefusal(404, "there is none")
        if (found.status !== "running") throw new SimRefusal(409, "nothing runs in it")
        return then(void docker.exited(found.id, operation.status))
      }
      case "connect": {
        const { network, container, fixed } = operation
        return then(void docker.connect(ref(network), ref(container), endpointsOf(network.name, fixed)))
      }
      case "disconnect":
        return then(void docker.disconnect(ref(operation.network), ref(operation.container), operation.force))
      case "createNetwork": {
        const { v4 = "pool", v6, internal } = networkShapes[operation.name as NetworkName]
        const shape = { name: operation.name, v4, internal, ...(v6 === undefined ? {} : { v6 }) }
        names.made("n", operation.name, docker.createNetwork(shape))
        return then()
      }
      case "removeNetwork":
        return then(void docker.removeNetwork(ref(operation.network)))
    }
  }

  const cannotBePlugged = (id: string, name: string, { NetworkID, IPAMConfig }: Endpoint): boolean => {
    const network = docker.network(NetworkID || name)
    const holder = [...(network?.members.values() ?? [])].find(({ v4 }) => v4 === IPAMConfig?.IPv4Address)
    return network === undefined || (holder !== undefined && holder.containerId !== id)
  }

  const isLeftToChance = (operation: Operation): boolean => {
    if (operation._tag !== "start" && operation._tag !== "restart" && operation._tag !== "end") return false
    const id = docker.find(ref(operation.container))?.id
    if (id === undefined) return false
    const { Networks } = docker.inspection(id)["NetworkSettings"] as { readonly Networks: Record<string, Endpoint> }
    const others = Object.entries(Networks).filter(([name]) => name !== "bridge")
    return others.length > 1 && others.some(([name, endpoint]) => cannotBePlugged(id, name, endpoint))
  }

  const seen = (): Seen => ({
    containers: docker.containers().map(({ id, name, status, labels, networkMode, networks = [] }) => {
      const inspected = docker.inspection(id)
      const state = inspected["State"] as Readonly<Record<string, unknown>>
      const { RestartPolicy } = inspected["HostConfig"] as { readonly RestartPolicy: Json }
      return {
        who: names.of(id),
        name,
        status,
        mode: names.text(networkMode),
        networks: networks.map((network) => names.text(network)).toSorted(),
        labels,
        policy: JSON.stringify(RestartPolicy),
        exitCode: Number(state["ExitCode"]),
        restartCount: Number(inspected["RestartCount"]),
        error: names.text(String(state["Error"]))
      }
    }),
    networks: Object.fromEntries(
      [...Object.keys(networkShapes), "bridge"].flatMap((name) => {
        const found = docker.network(name)
        if (found === undefined) return []
        const members = [...found.members.values()].map(({ containerId, v4 = "", v6 = "" }) => [
          names.of(containerId),
          addressText(name, v4, v6)
        ])
        return [[name, Object.fromEntries(members)]]
      })
    )
  })

  return {
    apply: (operation) => {
      events = []
      let answer = "none"
      const then: Answer = (refused) => {
        if (refused === undefined) answer = "ok"
        else answer = statusText(refused instanceof SimRefusal ? refused.status : 500)
      }
      try {
        carryOut(operation, then)
      } catch (error) {
        if (!(error instanceof SimRefusal)) throw error
        then(error)
      }
      time.advance(QUIET)
      return Promise.resolve(answer)
    },
    isLeftToChance,
    seen: () => Promise.resolve(seen()),
    events: () => events.map((event) => seenEvent(event, names))
  }
}
