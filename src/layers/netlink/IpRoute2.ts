import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { readFile } from "node:fs/promises"
import { families, familyOf, type Address, type Family } from "../../domain/Address.ts"
import type { AddressStep } from "../../domain/AddressPlan.ts"
import type { LinkAddress } from "../../domain/Routing.ts"
import { Netlink, NetlinkError } from "../../services/Netlink.ts"
import { run, type CommandError } from "../process/CommandRunner.ts"
import { addressLine, mayBeGone } from "./ipAddressLines.ts"
import { batchesOf, failedDeletions, saysGone, type IpBatch } from "./ipBatch.ts"
import { changes } from "./ipMonitor.ts"
import { parseAddresses, parseDefaultRoutes, parseLinks, parseNeighbours } from "./parseIp.ts"

export interface IpOptions {
  /** Put before each command: another network namespace. */
  readonly prefix?: ReadonlyArray<string>
}

const familyFlag: Readonly<Record<Family, string>> = { v4: "-4", v6: "-6" }

const netlinkError = (command: string, message: string) =>
  new NetlinkError({
    command,
    reason: /Operation not permitted|Permission denied/.test(message) ? "not-permitted" : "failed",
    message
  })

const fromCommand = ({ command, message }: CommandError) => netlinkError(command, message)

/** A sysctl's name as a path: dots part its components, and a slash stands for a dot within one (sysctl(8)). */
const sysctlPath = (name: string): string =>
  `/proc/sys/${name.replaceAll(/[./]/g, (separator) => (separator === "." ? "/" : "."))}`

/** Neighbours keep what they know for minutes to hours; three unasked answers tell them. Nobody has to hear. */
const announce = (
  { family, link, address }: Extract<AddressStep, { readonly _tag: "Announce" }>,
  prefix: ReadonlyArray<string>
): Effect.Effect<void> => {
  const command =
    family === "v4"
      ? ["busybox", "arping", "-A", "-c", "3", "-w", "3", "-I", link, address]
      : ["advertise-neighbour", link, address]
  return run(command, { prefix }).pipe(
    Effect.asVoid,
    Effect.catch((error) =>
      Effect.logDebug("cannot announce the address").pipe(Effect.annotateLogs({ address, error: error.message }))
    ),
    Effect.forkDetach,
    Effect.asVoid
  )
}

type Ip = (args: ReadonlyArray<string>, input?: string) => Effect.Effect<string, CommandError>

/** iproute2 says it in two ways, as the kernel has an extended answer or not. */
const isGone = (message: string): boolean =>
  saysGone(message) || /Cannot assign requested address|: address not found/i.test(message)

/** One `ip` for each step: a batch would go on or end at the first error, and here that depends on the step. */
const applyAddresses = (ip: Ip, prefix: ReadonlyArray<string>) =>
  Effect.fnUntraced(function* (steps: ReadonlyArray<AddressStep>) {
    for (const step of steps) {
      const line = addressLine(step)
      if (step._tag === "Announce") yield* announce(step, prefix)
      if (line === undefined) continue
      const flag = "family" in step ? [familyFlag[step.family]] : []
      yield* ip([...flag, ...line.split(" ")]).pipe(
        Effect.catchIf(
          ({ message }) => mayBeGone(step) && isGone(message),
          () => Effect.succeed("")
        ),
        Effect.mapError(fromCommand)
      )
    }
  })

/** The kernel's own three probes, a second apart: who asks more often does not give up sooner. */
const GIVE_UP_MILLIS = 3_000

/** What makes the links of a namespace forward sooner. */
const tuning = (ip: Ip) => ({
  setNeighbourRetransmission: (link: string, millis: number) =>
    Effect.forEach(
      ["arp_cache", "ndisc_cache"],
      (table) => {
        const probes = `${Math.ceil(GIVE_UP_MILLIS / millis)}`
        const limits = ["retrans", `${millis}`, "ucast_probes", probes, "mcast_probes", probes]
        return ip(["ntable", "change", "name", table, "dev", link, ...limits])
      },
      { discard: true }
    ).pipe(Effect.mapError(fromCommand)),
  endAddressDetection: ({ address, prefixLength, link }: LinkAddress) => {
    const where = `${address}/${prefixLength} dev ${link}`
    return ip(["-6", "-batch", "-"], `address del ${where}\naddress add ${where} nodad\n`).pipe(
      Effect.asVoid,
      Effect.mapError(fromCommand)
    )
  }
})

const forgetNeighbours = (ip: Ip) => (addresses: ReadonlyArray<Address>) =>
  Effect.forEach(
    families,
    (family) => {
      const lines = addresses.filter((one) => familyOf(one) === family).map((one) => `neigh flush to ${one}\n`)
      return lines.length === 0 ? Effect.void : ip([familyFlag[family], "-batch", "-"], lines.join(""))
    },
    { discard: true }
  ).pipe(Effect.mapError(fromCommand))

/** What the kernel has an address of, it asks there (`probe`); otherwise it has to find that out (`use`). */
const askNeighbour = (ip: Ip) => (link: string, address: Address) => {
  const [flag, where] = [familyFlag[familyOf(address)], [address, "dev", link]]
  return ip([flag, "neigh", "change", ...where, "nud", "probe"]).pipe(
    Effect.catch(() => ip([flag, "neigh", "replace", ...where, "nud", "none", "use"])),
    Effect.asVoid,
    Effect.mapError(fromCommand)
  )
}

/** Links, addresses, routes and neighbours by ip(8). */
export const layer = ({ prefix = [] }: IpOptions = {}): Layer.Layer<Netlink> => {
  const ip = (args: ReadonlyArray<string>, input?: string) =>
    run(["ip", ...args], { prefix, ...(input === undefined ? {} : { input }) })

  const read = <A>(args: ReadonlyArray<string>, parse: (output: string) => A): Effect.Effect<A, NetlinkError> =>
    ip(["-j", ...args]).pipe(
      Effect.catchIf(
        ({ message }) => saysGone(message),
        () => Effect.succeed("")
      ),
      Effect.mapError(fromCommand),
      Effect.flatMap((output) =>
        Effect.try({
          try: () => parse(output),
          catch: (error) => netlinkError(`ip -j ${args.join(" ")}`, `cannot read its output: ${String(error)}`)
        })
      )
    )

  /** A replacement that fails ends its batch; of deletions each is tried, and that one was gone already is no failure. */
  const apply = ({ family, kind, lines }: IpBatch): Effect.Effect<void, NetlinkError> => {
    const command = `ip ${familyFlag[family]} ${lines.join("; ")}`
    const input = `${lines.join("\n")}\n`
    const flags = kind === "Delete" ? ["-force", "-batch", "-"] : ["-batch", "-"]
    return ip([familyFlag[family], ...flags], input).pipe(
      Effect.asVoid,
      Effect.catch(({ message }) => {
        const failed = kind === "Delete" ? failedDeletions(message) : message
        return failed === "" ? Effect.void : Effect.fail(netlinkError(command, failed))
      })
    )
  }

  return Layer.succeed(Netlink)({
    links: read(["link"], parseLinks),
    addresses: read(["address"], parseAddresses),
    defaultRoutes: (family, table) =>
      read(
        [familyFlag[family], "route", "show", "default", ...(table === undefined ? [] : ["table", `${table}`])],
        (output) => parseDefaultRoutes(output, family, table)
      ),
    applyRoutes: Effect.fnUntraced(function* (steps) {
      const outcomes = yield* Effect.forEach(families, (family) =>
        Effect.exit(Effect.forEach(batchesOf(family, steps), apply, { discard: true }))
      )
      yield* Effect.forEach(outcomes, (outcome) => outcome, { discard: true })
    }),
    applyAddresses: applyAddresses(ip, prefix),
    neighbours: (family) => read([familyFlag[family], "neigh"], (output) => parseNeighbours(output, family)),
    forgetNeighbours: forgetNeighbours(ip),
    askNeighbour: askNeighbour(ip),
    ...tuning(ip),
    sysctl: Effect.fnUntraced(function* (name) {
      const text: Effect.Effect<string, unknown> =
        prefix.length === 0
          ? Effect.tryPromise(() => readFile(sysctlPath(name), "utf8"))
          : run(["cat", sysctlPath(name)], { prefix })
      return yield* text.pipe(
        Effect.map((value): string | undefined => value.trim()),
        Effect.catch(() => Effect.succeed(undefined))
      )
    }),
    changes: changes(prefix)
  })
}
