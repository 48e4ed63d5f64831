import { readFileSync } from "node:fs"
import { createdBy, endpointsOf, policyOf } from "../../test/contracts/createdBy.ts"
import { networkShapes, type NetworkName, type Operation, type Ref } from "../../test/contracts/dockerOperation.ts"
import {
  addressText,
  Names,
  type OperatedDocker,
  type RawEvent,
  type Seen,
  seenEvent,
  statusText
} from "../../test/contracts/operatedDocker.ts"
import type { Lab } from "../lab/lab.ts"
import { ask, follow } from "./rawApi.ts"

const GRACE_SECONDS = 1

interface Inspected {
  readonly State: {
    readonly Status: string
    readonly Pid: number
    readonly ExitCode: number
    readonly Error: string
  }
  readonly RestartCount: number
  readonly Config: { readonly Labels: Readonly<Record<string, string>> }
  readonly HostConfig: { readonly NetworkMode: string; readonly RestartPolicy: unknown }
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, unknown>> }
}

interface Member {
  readonly IPv4Address: string
  readonly IPv6Address: string
}

/** Operations on the engine of the lab, and the way to tidy up. */
export const operatedEngine = (lab: Lab): OperatedDocker & { readonly close: () => Promise<void> } => {
  const names = new Names()
  const ref = (named: Ref) => names.ref(named)
  let events: Array<RawEvent> = []
  const call = (method: string, path: string, body?: unknown) => ask(lab.socket, method, path, body)
  const about = (named: Ref, rest: string) => call("POST", `/containers/${ref(named)}${rest}`)
  const inspect = async (id: string): Promise<Inspected | undefined> => {
    const { status, body } = await call("GET", `/containers/${id}/json`)
    return status === 200 ? body : undefined
  }

  const stop = follow(lab.socket, (event) => void events.push(event))

  const isOwn = ({ containerId, attributes: { name = "" } }: RawEvent): boolean =>
    containerId === "" ? name in networkShapes : names.isKnown(containerId)

  /** Whether what is to run in a container is there, and not only what starts it. */
  const isReady = (pid: number): boolean => {
    const processes = `/proc/${lab.engine.pid}/root/proc`
    const child = readFileSync(`${processes}/${pid}/task/${pid}/children`, "utf8").trim()
    return child !== "" && readFileSync(`${processes}/${child}/comm`, "utf8").trim() === "sleep"
  }

  const end = async (container: Ref, code: 0 | 138): Promise<number> => {
    const found = await inspect(ref(container))
    if (found === undefined) return 404
    if (found.State.Status !== "running") return 409
    await lab.engine.inside(["sh", "-c", `kill -${code === 0 ? "USR2" : "USR1"} ${found.State.Pid}`])
    return 204
  }

  const create = async (operation: Extract<Operation, { _tag: "create" }>): Promise<number> => {
    const { body, endpoints } = createdBy(operation, lab.image, ref)
    const asked = { ...body, NetworkingConfig: { EndpointsConfig: endpoints } }
    const answer = await call("POST", `/containers/create?name=${operation.name}`, asked)
    if (answer.status === 201) names.made("c", operation.name, (answer.body as { readonly Id: string }).Id)
    return answer.status
  }

  const createNetwork = async (Name: string): Promise<number> => {
    const { v4, v6, internal } = networkShapes[Name as NetworkName]
    const Config = [v4, v6].flatMap((Subnet) => (Subnet === undefined ? [] : [{ Subnet }]))
    const asked = { Name, Driver: "bridge", Internal: internal, EnableIPv6: v6 !== undefined, IPAM: { Config } }
    const answer = await call("POST", "/networks/create", asked)
    if (answer.status === 201) names.made("n", Name, (answer.body as { readonly Id: string }).Id)
    return answer.status
  }

  const rename = async (container: Ref, to: string): Promise<number> => {
    const before = (await call("GET", `/containers/${ref(container)}/json`)).body as { readonly Id?: string }
    const { status } = await about(container, `/rename?name=${to}`)
    if (status === 204) names.renamed(before.Id ?? "", to)
    return status
  }

  const plug = async (how: "connect" | "disconnect", network: Ref, more: object): Promise<number> =>
    (await call("POST", `/networks/${ref(network)}/${how}`, more)).status

  const carryOut = async (operation: Operation): Promise<number> => {
    switch (operation._tag) {
      case "create":
        return create(operation)
      case "start":
      case "pause":
      case "unpause":
        return (await about(operation.container, `/${operation._tag}`)).status
      case "stop":
      case "restart":
        return (await about(operation.container, `/${operation._tag}?t=${GRACE_SECONDS}`)).status
      case "kill":
        return (await about(operation.container, `/kill?signal=${operation.signal}`)).status
      case "remove":
        return (await call("DELETE", `/containers/${ref(operation.container)}?force=${operation.force}`)).status
      case "rename":
        return rename(operation.container, operation.to)
      case "update": {
        const path = `/containers/${ref(operation.container)}/update`
        return (await call("POST", path, { RestartPolicy: policyOf(operation.policy) })).status
      }
      case "end":
        return end(operation.container, operation.status)
      case "connect": {
        const { network, container, fixed } = operation
        const EndpointConfig = endpointsOf(network.name, fixed)
        return plug("connect", network, { Container: ref(container), EndpointConfig })
      }
      case "disconnect": {
        const { network, container, force } = operation
        return plug("disconnect", network, { Container: ref(container), Force: force })
      }
      case "createNetwork":
        return createNetwork(operation.name)
      case "removeNetwork":
        return (await call("DELETE", `/networks/${ref(operation.network)}`)).status
    }
  }

  const listed = async () =>
    (await call("GET", "/containers/json?all=1")).body as ReadonlyArray<{
      readonly Id: string
      readonly Names: ReadonlyArray<string>
      readonly State: string
    }>

  /** Those that the operations made; there may be others in the lab. */
  const own = async () => (await listed()).filter(({ Id }) => names.isKnown(Id))

  const seen = async (): Promise<Seen> => {
    const containers: Array<Seen["containers"][number]> = []
    for (const { Id, Names: called, State } of await own()) {
      const found = await inspect(Id)
      if (found === undefined) throw new Error(`${names.of(Id)} is gone`)
      if (found.State.Status !== State) throw new Error(`${names.of(Id)} is ${State}, and ${found.State.Status}`)
      if (found.State.Status === "running" && !isReady(found.State.Pid)) throw new Error(`${names.of(Id)} is not ready`)
      const { Status: _status, Pid: _pid, ExitCode: exitCode, Error: error } = found.State
      containers.push({
        who: names.of(Id),
        name: called[0]?.slice(1) ?? "",
        status: State,
        mode: names.text(found.HostConfig.NetworkMode),
        networks: Object.keys(found.NetworkSettings.Networks)
          .map((network) => names.text(network))
          .toSorted(),
        labels: Object.fromEntries(Object.entries(found.Config.Labels).filter(([key]) => key.startsWith("ops."))),
        policy: JSON.stringify(found.HostConfig.RestartPolicy),
        exitCode,
        restartCount: found.RestartCount,
        error: names.text(error)
      })
    }
    const networks: Record<string, Record<string, string>> = {}
    for (const name of [...Object.keys(networkShapes), "bridge"]) {
      const { status, body } = await call("GET", `/networks/${name}`)
      if (status !== 200) continue
      const { Containers } = body as { readonly Containers: Readonly<Record<string, Member>> }
      networks[name] = Object.fromEntries(
        Object.entries(Containers)
          .filter(([id]) => names.isKnown(id))
          .map(([id, { IPv4Address, IPv6Address }]) => {
            const [v4 = "", v6 = ""] = [IPv4Address, IPv6Address].map((address) => address.split("/")[0])
            return [names.of(id), addressText(name, v4, v6)]
          })
      )
    }
    return { containers, networks }
  }

  return {
    apply: async (operation) => {
      events = []
      return statusText(await carryOut(operation))
    },
    seen,
    events: () => events.filter(isOwn).map((event) => seenEvent(event, names)),
    close: async () => {
      stop()
      for (const { Id } of await own()) await call("DELETE", `/containers/${Id}?force=true`)
      for (const name of Object.keys(networkShapes)) await call("DELETE", `/networks/${name}`)
    }
  }
}
