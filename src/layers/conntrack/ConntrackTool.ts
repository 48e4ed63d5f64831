import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { families, type Family } from "../../domain/Address.ts"
import type { Flow } from "../../domain/Dnat.ts"
import { flowsMeant } from "../../domain/FlowConsistency.ts"
import { Conntrack, ConntrackError } from "../../services/Conntrack.ts"
import { run, type CommandError, type RunOptions } from "../process/CommandRunner.ts"
import { parseFlows } from "./parseFlows.ts"

const toolFamily: Readonly<Record<Family, string>> = { v4: "ipv4", v6: "ipv6" }

const toConntrackError = ({ command, message }: CommandError) => new ConntrackError({ command, message })

/** conntrack's way to say that nothing was there: status 1 and this text. */
const nothingThere = (error: CommandError): boolean => error.status === 1 && / 0 flow entries/.test(error.message)

/** Names exactly one flow: its whole original tuple. */
const deletion = ({ family, protocol, source, sourcePort, destination, destinationPort }: Flow) =>
  `-D -f ${toolFamily[family]} -p ${protocol} -s ${source} --sport ${sourcePort} -d ${destination} --dport ${destinationPort}`.split(
    " "
  )

/**
 * Connection tracking by conntrack(8). The tool itself filters after dumping the table, so one dump serves all selectors of a flush, and
 * each flow that matches is deleted by its own tuple: exactly those and no others (SPEC §7).
 */
export const layer = (options: RunOptions = {}): Layer.Layer<Conntrack> => {
  const conntrack = (args: ReadonlyArray<string>) => run(["conntrack", ...args], options)

  const flows = (family: Family): Effect.Effect<ReadonlyArray<Flow>, ConntrackError> =>
    conntrack(["-L", "-f", toolFamily[family]]).pipe(
      Effect.map((output) => parseFlows(output, family)),
      Effect.mapError(toConntrackError)
    )

  const deleteOne = (flow: Flow): Effect.Effect<number, ConntrackError> =>
    conntrack(deletion(flow)).pipe(
      Effect.as(1),
      Effect.catchIf(nothingThere, () => Effect.succeed(0)),
      Effect.mapError(toConntrackError)
    )

  return Layer.succeed(Conntrack)({
    flows,
    flush: Effect.fnUntraced(function* (selectors) {
      const wanted = families.filter((family) => selectors.some((selector) => selector.family === family))
      const listed = (yield* Effect.forEach(wanted, flows)).flat()
      const deleted = yield* Effect.forEach(flowsMeant(listed, selectors), deleteOne, { concurrency: 4 })
      return deleted.reduce((sum, one) => sum + one, 0)
    })
  })
}
