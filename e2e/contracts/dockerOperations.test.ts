import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { beginning, operation, operationText } from "../../test/contracts/dockerOperation.ts"
import { inOrder, type OperatedDocker } from "../../test/contracts/operatedDocker.ts"
import { operationsContract } from "../../test/contracts/operations.ts"
import { operatedSim } from "../../test/contracts/operatedSim.ts"
import { attachLab } from "../lab/attach.ts"
import { eventually } from "../lab/steps.ts"
import { operatedEngine } from "./operatedEngine.ts"

const OPERATIONS = Number(process.env["ANCHORD_OPERATIONS"] ?? 300)
const PATIENCE = 20_000

const toldBy = (engine: OperatedDocker) => ({
  container: inOrder(engine.events(), "container"),
  network: inOrder(engine.events(), "network")
})

operationsContract(
  "the engine of the lab",
  () => {
    const docker = operatedEngine(attachLab())
    return { docker, close: docker.close }
  },
  (body) => eventually("the engine has done it", PATIENCE, body)
)

describe("random operations on containers and networks", () => {
  it("do to the simulated engine what they do to a real one", { timeout: 600_000 }, async () => {
    const seed = Number(process.env["ANCHORD_SEED"] ?? Date.now() % 2 ** 31)
    console.log(`  ${OPERATIONS} operations from seed ${seed}; again with ANCHORD_SEED=${seed}`)
    const real = operatedEngine(attachLab())
    const simulated = operatedSim()
    const history: Array<string> = []
    const answers = new Map<string, number>()
    try {
      const random = fc.sample(operation, { seed, numRuns: OPERATIONS })
      for (const [index, next] of [...beginning, ...random].entries()) {
        if (simulated.isLeftToChance(next)) continue
        const answer = await real.apply(next)
        const expected = await simulated.apply(next)
        history.push(`${index + 1}. ${operationText(next)}: ${answer}`)
        answers.set(answer, (answers.get(answer) ?? 0) + 1)
        const where = `step ${index + 1} of seed ${seed}\n${history.slice(-40).join("\n")}\n`
        expect(expected, where).toBe(answer)
        const truth = await simulated.seen()
        const told = toldBy(simulated)
        await eventually(where, PATIENCE, async () => {
          expect(truth).toEqual(await real.seen())
          expect(told).toEqual(toldBy(real))
        })
      }
    } finally {
      await real.close()
    }
    console.log(`  answers: ${[...answers].map(([answer, count]) => `${answer} ${count}`).join(", ")}`)
    expect(answers.get("ok")).toBeGreaterThan(OPERATIONS / 5)
  })
})
