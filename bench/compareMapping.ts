import { request } from "node:http"
import { loadavg } from "node:os"
import { setTimeout as pause } from "node:timers/promises"
import { idle } from "../e2e/lab/composeProject.ts"
import type { Lab } from "../e2e/lab/lab.ts"
import { eventually } from "../e2e/lab/steps.ts"
import { printed, summarise } from "./statistics.ts"
import { projectOf, type Variant } from "./variants.ts"
import { watchAnswer, watchElements, type Watched } from "./watch.ts"

const ROUNDS = 40
const IN_A_ROUND = 10
const WARM_UP = 3
const PORT = 20_000
const NETWORK = "compare_transit"

/** Asks the engine to do something, without the time that a command takes to start. */
const post = (socketPath: string, path: string, body: object): Promise<void> =>
  new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" }
    request({ socketPath, path, method: "POST", headers }, (answer) => {
      answer.resume()
      answer.on("end", () =>
        answer.statusCode === 200 ? resolve() : reject(new Error(`${path}: ${answer.statusCode}`))
      )
    })
      .on("error", reject)
      .end(JSON.stringify(body))
  })

const asking = "busybox wget -q -O /dev/null http://127.0.0.1:9090/metrics; anchord-health"

/** Scrapes and asks once a second until it is told to end. */
const askOnceASecond = (lab: Lab, container: string) => {
  const over = new AbortController()
  const done = (async () => {
    while (!over.signal.aborted) {
      await lab.docker("exec", container, "sh", "-c", asking)
      await pause(1_000, undefined, { signal: over.signal }).catch(() => {})
    }
  })()
  return () => {
    over.abort()
    return done
  }
}

interface Seen {
  connect: number | undefined
  added: number | undefined
  removed: boolean
}

/** One connect of a container to the shared network, and its disconnect; milliseconds from Docker's time of the event to the element. */
const measure = async (lab: Lab, probe: string, seen: Seen): Promise<number> => {
  Object.assign(seen, { connect: undefined, added: undefined, removed: false })
  await post(lab.socket, `/networks/${NETWORK}/connect`, { Container: probe })
  const millis = await eventually("event and element", 20_000, () => {
    if (seen.connect === undefined || seen.added === undefined) throw new Error("not seen")
    return seen.added - seen.connect
  })
  await post(lab.socket, `/networks/${NETWORK}/disconnect`, { Container: probe })
  await eventually("the element is gone", 20_000, () => {
    if (!seen.removed) throw new Error("it is there")
  })
  return millis
}

const median = (values: ReadonlyArray<number>): number => summarise(values).p50

/** In turns, the others paused: what disturbs one of them in a round disturbs all. */
export const compareMapping = async (lab: Lab, variants: ReadonlyArray<Variant>): Promise<void> => {
  const anchors = variants.map((variant, index) => ({ ...variant, service: `anchor${index}` }))
  const labels = { "anchord.expose": `tcp/${PORT}` }
  const project = projectOf(lab, anchors, { probe: idle(lab, { labels, networks: { aside: {} } }) })
  const seen: Seen = { connect: undefined, added: undefined, removed: false }
  const watched: Array<Watched> = []
  const times = anchors.map((): Array<ReadonlyArray<number>> => [])
  try {
    await project.compose("up", "-d")
    await project.ready(...anchors.map(({ service }) => service))
    const probe = await project.inspect("probe", "{{.Id}}")
    watched.push(
      await watchAnswer(lab.socket, "/events", (line) => {
        const { Type, Action, Actor, timeNano } = JSON.parse(line)
        if (Type === "network" && Action === "connect" && Actor.Attributes.container === probe)
          seen.connect = Number(timeNano) / 1e6
      })
    )
    for (const { service } of anchors) {
      const pid = await project.inspect(service, "{{.State.Pid}}")
      watched.push(
        watchElements(lab.engine, pid, (line, at) => {
          const change = new RegExp(`^(add|delete) element ip anchord_v4 dnat_tcp \\{ ${PORT} `).exec(line)?.[1]
          if (change === "add") seen.added ??= at
          if (change === "delete") seen.removed = true
        })
      )
      await lab.docker("pause", project.container(service))
    }
    for (let round = 0; round < ROUNDS; round += 1) {
      for (let turn = 0; turn < anchors.length; turn += 1) {
        const index = (round + turn) % anchors.length
        const container = project.container(anchors[index]!.service)
        await lab.docker("unpause", container)
        const end = anchors[index]!.watched ? askOnceASecond(lab, container) : async () => {}
        for (let time = 0; time < WARM_UP; time += 1) await measure(lab, probe, seen)
        const millis: Array<number> = []
        for (let time = 0; time < IN_A_ROUND; time += 1) millis.push(await measure(lab, probe, seen))
        times[index]!.push(millis)
        await end()
        await lab.docker("pause", container)
      }
    }
    console.log(`connect event to committed element, in turns; load ${loadavg()[1]?.toFixed(2)}`)
    for (const [index, { name }] of anchors.entries()) {
      console.log(`  ${name}: ${printed(summarise(times[index]!.flat()), "ms")}`)
      if (index === 0) continue
      const differences = times[index]!.map((millis, round) => median(millis) - median(times[0]![round]!))
      console.log(
        `    against ${anchors[0]!.name}, difference of the medians of a round: p50 ${median(differences).toFixed(2)} ms (n = ${ROUNDS})`
      )
    }
  } finally {
    for (const one of watched) one.stop()
    for (const { service } of anchors) await lab.docker("unpause", project.container(service)).catch(() => "")
    await project.down()
  }
}
