import type { Operation, Policy, Ref } from "./dockerOperation.ts"

/** Operations with the answers that a real engine gave (26.1), and what became of the containers. */
export interface OperationCase {
  readonly what: string
  readonly steps: ReadonlyArray<readonly [Operation, answer: string]>
  /** By name: state, exit code, and how often the policy has started it. */
  readonly become: Readonly<Record<string, readonly [status: string, exitCode: number, restarts: number]>>
  /** By name: why the last start of a container failed. */
  readonly failed?: Readonly<Record<string, string>>
  /** What the last step had the engine tell: container events, then network events. */
  readonly told?: ReadonlyArray<string>
}

const named = (name: string): Ref => ({ name, by: "name" })
const [A, B] = [named("ops-a"), named("ops-b")]
const FOUR = named("ops-four")
const INNER = named("ops-inner")
const BRIDGE = named("bridge")

type Made = Extract<Operation, { readonly _tag: "create" }>

const create = (name: Ref, mode: Made["mode"], more: Partial<Made> = {}): Operation => ({
  _tag: "create",
  name: name.name,
  mode,
  fixed: undefined,
  policy: "no",
  autoRemove: false,
  stubborn: false,
  ...more
})
const on = (network: Ref): Made["mode"] => ({ network })
const joining = (container: Ref): Made["mode"] => ({ container })
const start = (container: Ref): Operation => ({ _tag: "start", container })
const stop = (container: Ref): Operation => ({ _tag: "stop", container })
const end = (container: Ref, status: 0 | 138 = 138): Operation => ({ _tag: "end", container, status })
const kill = (container: Ref): Operation => ({ _tag: "kill", container, signal: "SIGKILL" })
const pause = (container: Ref): Operation => ({ _tag: "pause", container })
const network: Operation = { _tag: "createNetwork", name: "ops-four" }

const connect = (to: Ref, container: Ref): Operation => ({ _tag: "connect", network: to, container, fixed: undefined })
const disconnect = (from: Ref, container: Ref): Operation => ({
  _tag: "disconnect",
  network: from,
  container,
  force: false
})

const running = (name: Ref, policy: Policy = "no"): OperationCase["steps"] => [
  [create(name, on(FOUR), { policy }), "ok"],
  [start(name), "ok"]
]

export const operationCases: ReadonlyArray<OperationCase> = [
  {
    what: "a policy with a number of attempts gives up after so many, and counts from the start that somebody made",
    steps: [
      [network, "ok"],
      ...running(A, "on-failure:2"),
      [end(A), "ok"],
      [end(A), "ok"],
      [end(A), "ok"],
      [end(A), "409"],
      [start(A), "ok"],
      [end(A), "ok"]
    ],
    become: { "ops-a": ["running", 0, 1] },
    told: [...["die c1  ops-a   138", "start c1  ops-a   "], ...["disconnect c1 ops-four ", "connect c1 ops-four "]]
  },
  {
    what: "a killed container is not started again by its policy",
    steps: [[network, "ok"], ...running(A, "always"), [kill(A), "ok"]],
    become: { "ops-a": ["exited", 137, 0] },
    told: ["kill c1  ops-a  9 ", "die c1  ops-a   137", "disconnect c1 ops-four "]
  },
  {
    what: "a paused container can be stopped, and neither started nor removed",
    steps: [
      [network, "ok"],
      ...running(A),
      [pause(A), "ok"],
      [pause(A), "409"],
      [start(A), "409"],
      [{ _tag: "remove", container: A, force: false }, "409"],
      [stop(A), "ok"]
    ],
    become: { "ops-a": ["exited", 0, 0] }
  },
  {
    what: "a container does not start in the namespace of one that does not run, and its policy tries once",
    steps: [
      [network, "ok"],
      ...running(A),
      [create(B, joining(A), { policy: "always" }), "ok"],
      [start(B), "ok"],
      [stop(A), "ok"],
      [end(B), "ok"],
      [start(B), "409"]
    ],
    become: { "ops-a": ["exited", 0, 0], "ops-b": ["exited", 138, 1] }
  },
  {
    what: "a network with members, or whose name is taken, or that overlaps with another is refused",
    steps: [
      [network, "ok"],
      [network, "409"],
      [{ _tag: "createNetwork", name: "ops-over" }, "403"],
      ...running(A),
      [{ _tag: "removeNetwork", network: FOUR }, "403"],
      [stop(A), "ok"],
      [{ _tag: "removeNetwork", network: FOUR }, "ok"]
    ],
    become: { "ops-a": ["exited", 0, 0] }
  },
  {
    what: "a container can be created on a network that is not there, and starts once it is",
    steps: [
      [create(A, on(FOUR)), "ok"],
      [start(A), "404"],
      [network, "ok"],
      [start(A), "ok"]
    ],
    become: { "ops-a": ["running", 0, 0] },
    told: ["start c1  ops-a   ", "connect c1 ops-four "]
  },
  {
    what: "a container that does not run can be put on a network that is not there, and one that runs cannot",
    steps: [
      [network, "ok"],
      ...running(A),
      [connect(INNER, A), "404"],
      [stop(A), "ok"],
      [connect(INNER, A), "ok"],
      [start(A), "404"],
      [disconnect(INNER, A), "ok"],
      [start(A), "ok"]
    ],
    become: { "ops-a": ["running", 0, 0] }
  },
  {
    what: "no answer comes when a container that has no networks but another's namespace is put on one that is not there",
    steps: [
      [network, "ok"],
      ...running(A),
      [create(B, joining(A)), "ok"],
      [connect(INNER, B), "0"],
      [connect(FOUR, B), "ok"],
      [connect(INNER, B), "ok"],
      [start(B), "ok"],
      [connect(FOUR, B), "400"]
    ],
    become: { "ops-a": ["running", 0, 0], "ops-b": ["running", 0, 0] },
    told: []
  },
  {
    what: "a container that does not run leaves a network with one announcement, and one that runs with two",
    steps: [
      [network, "ok"],
      ...running(A),
      [disconnect(FOUR, A), "ok"],
      [connect(FOUR, A), "ok"],
      [stop(A), "ok"],
      [disconnect(FOUR, A), "ok"]
    ],
    become: { "ops-a": ["exited", 0, 0] },
    told: ["disconnect c1 ops-four "]
  },
  {
    what: "a request whose parts do not go together is refused for that, even if its name is taken",
    steps: [
      [network, "ok"],
      ...running(A),
      [create(A, on(FOUR)), "409"],
      [create(A, on(FOUR), { policy: "always", autoRemove: true }), "400"]
    ],
    become: { "ops-a": ["running", 0, 0] }
  },
  {
    what: "a start that fails on a network after another announces that the container leaves what it was plugged into",
    steps: [
      [create(A, on(BRIDGE)), "ok"],
      [connect(FOUR, A), "ok"],
      [start(A), "404"]
    ],
    become: { "ops-a": ["created", 128, 0] },
    told: ["connect c1 bridge ", "disconnect c1 bridge "]
  },
  {
    what: "a restart that cannot start again is the engine's own failure, whatever the reason",
    steps: [
      [network, "ok"],
      ...running(A),
      [create(B, joining(A)), "ok"],
      [start(B), "ok"],
      [stop(A), "ok"],
      [{ _tag: "restart", container: B }, "500"]
    ],
    become: { "ops-a": ["exited", 0, 0], "ops-b": ["exited", 128, 0] }
  },
  {
    what: "a container that ends leaves also the network that it could not be plugged into",
    steps: [
      [network, "ok"],
      [create(A, on(BRIDGE)), "ok"],
      [start(A), "ok"],
      ...running(B),
      [{ _tag: "connect", network: FOUR, container: A, fixed: 2 }, "403"],
      [end(A), "ok"]
    ],
    become: { "ops-a": ["exited", 138, 0], "ops-b": ["running", 0, 0] },
    told: ["die c1  ops-a   138", "disconnect c1 bridge ", "disconnect c1 ops-four "]
  },
  {
    what: "an owner that was not there when its name was given is called by that name when it cannot be joined",
    steps: [
      [network, "ok"],
      [create(B, joining(A)), "ok"],
      [create(A, on(FOUR)), "ok"],
      [start(B), "409"]
    ],
    become: { "ops-a": ["created", 0, 0], "ops-b": ["created", 128, 0] },
    failed: { "ops-b": "cannot join network of a non running container: ops-a" }
  },
  {
    what: "a container that runs in another's namespace is refused every network, also one that is not there",
    steps: [
      [network, "ok"],
      ...running(A),
      [create(B, joining(A)), "ok"],
      [start(B), "ok"],
      [connect(FOUR, B), "400"],
      [connect(INNER, B), "400"]
    ],
    become: { "ops-a": ["running", 0, 0], "ops-b": ["running", 0, 0] }
  }
]
