import * as Schema from "effect/Schema"
import { inScope, verdictOf, wantsPorts, type Verdict } from "./Backends.ts"
import { desiredDnat, remainder, type Conflict, type Interval } from "./DesiredDnat.ts"
import type { PortMapping } from "./Dnat.ts"
import type { ContainerSnapshot, DockerState, Scope } from "./DockerState.ts"
import { printMapping } from "./ExposeLabel.ts"
import { text } from "./JsonFields.ts"

export const ExplainedPorts = Schema.Struct({
  ports: text("in the form of `anchord.expose`"),
  verdict: Schema.Literals(["mapped", "standby"]).annotate({
    description: "`mapped`: they lead to the container; `standby`: an older container has them"
  }),
  holder: Schema.optionalKey(text("of ports on standby: the name of the container that has them"))
})
export type ExplainedPorts = typeof ExplainedPorts.Type

/** What becomes of a container in scope (SPEC §13). */
export const ExplainedContainer = Schema.Struct({
  id: text("the container's ID"),
  name: text("the container's name"),
  verdict: Schema.Literals(["mapped", "standby", "refused", "down", "none"]).annotate({
    description:
      "`mapped`: at least one port leads to it; `standby`: others have all of its ports; `refused`: it asks for ports and gets none; `down`: it does not run; `none`: it asks for none"
  }),
  why: Schema.optionalKey(text("why it has this verdict; absent for what is mapped")),
  v4: Schema.optionalKey(text("the IPv4 address at which it is reached on the shared network")),
  v6: Schema.optionalKey(text("the IPv6 address at which it is reached on the shared network")),
  ports: Schema.Array(ExplainedPorts).annotate({ description: "what it asks for, and who has it" })
})
export type ExplainedContainer = typeof ExplainedContainer.Type

interface Piece extends Interval {
  readonly holder?: string
}

/** The parts of a mapping that the container has, and those that it is on standby for, by port. */
const portsOf = (mapping: PortMapping, lost: ReadonlyArray<Conflict>): ReadonlyArray<ExplainedPorts> => {
  const { protocol, backendFrom } = mapping
  const inside = lost
    .filter((one) => one.protocol === protocol && one.from <= mapping.to && one.to >= mapping.from)
    .map(({ from, to, owner }): Piece => ({
      from: Math.max(from, mapping.from),
      to: Math.min(to, mapping.to),
      holder: owner.name
    }))
    .toSorted((a, b) => a.from - b.from)
  const pieces: ReadonlyArray<Piece> = [...remainder(mapping, inside), ...inside]
  return pieces
    .toSorted((a, b) => a.from - b.from)
    .map(({ from, to, holder }) => {
      const ports = printMapping({ protocol, from, to, backendFrom: backendFrom + from - mapping.from })
      return holder === undefined ? { ports, verdict: "mapped" } : { ports, verdict: "standby", holder }
    })
}

const explained = (
  { id, name }: ContainerSnapshot,
  verdict: Verdict | undefined,
  conflicts: ReadonlyArray<Conflict>
): ExplainedContainer => {
  if (verdict === undefined) return { id, name, verdict: "none", why: "it has no anchord.expose label", ports: [] }
  if (verdict._tag !== "Backend")
    return { id, name, verdict: verdict._tag === "Down" ? "down" : "refused", why: verdict.why, ports: [] }
  const { mappings, address } = verdict.backend
  const lost = conflicts.filter(({ standby }) => standby.id === id)
  const ports = mappings.flatMap((mapping) => portsOf(mapping, lost))
  const holders = [...new Set(lost.map(({ owner }) => owner.name))].join(", ")
  return ports.some((one) => one.verdict === "mapped")
    ? { id, name, verdict: "mapped", ...address, ports }
    : { id, name, verdict: "standby", why: `${holders} was created first, and has its ports`, ...address, ports }
}

/**
 * Every container in scope but anchord's own, by name, with what becomes of it and why: the same functions decide that fill the maps
 * (SPEC §13).
 */
export const explain = (
  state: DockerState,
  scope: Scope,
  sharedNetworkId: string
): ReadonlyArray<ExplainedContainer> => {
  const seen = [...state.containers.values()]
    .filter(({ id, labels }) => id !== state.selfId && inScope(labels, scope))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((container) => ({
      container,
      verdict: wantsPorts(container, scope) ? verdictOf(container, state, sharedNetworkId) : undefined
    }))
  const backends = seen.flatMap(({ verdict }) => (verdict?._tag === "Backend" ? [verdict.backend] : []))
  const { conflicts } = desiredDnat(backends)
  return seen.map(({ container, verdict }) => explained(container, verdict, conflicts))
}
