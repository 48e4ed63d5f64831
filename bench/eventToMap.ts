import { request } from "node:http"
import { composeProject, externalDmz, networkAnchor, transit } from "../e2e/lab/composeProject.ts"
import type { Lab } from "../e2e/lab/lab.ts"
import { mapsOf } from "../e2e/lab/kernel.ts"
import { eventually } from "../e2e/lab/steps.ts"
import { printed, summarise } from "./statistics.ts"
import { watchAnswer, watchElements } from "./watch.ts"

const TIMES = 50
const SIZES = [10, 100, 300]
const NETWORK = "bench_transit"

/** How long the engine takes to answer one question, in milliseconds. */
const timeToAnswer = (socketPath: string, path: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const begun = performance.now()
    request({ socketPath, path }, (answer) => {
      answer.resume()
      answer.on("end", () => resolve(performance.now() - begun))
    })
      .on("error", reject)
      .end()
  })

const labelled = (lab: Lab, name: string, port: number) =>
  lab.docker(
    ...["run", "-d", "--name", name, "--network", NETWORK, "--no-healthcheck", "--entrypoint", "busybox"],
    ...["--label", "com.docker.compose.project=bench", "--label", `anchord.expose=tcp/${port}`],
    lab.image,
    ...["sleep", "1000000"]
  )

interface Seen {
  /** The engine's own time stamps, and when nft's monitor told of the element; milliseconds of Unix time. */
  readonly connect: Map<string, number>
  readonly start: Map<string, number>
  readonly element: Map<number, number>
  /** Called with a container's ID as its connect event comes. */
  onConnect: (id: string) => void
}

const listen = async (lab: Lab, pid: string): Promise<{ readonly seen: Seen; readonly stop: () => void }> => {
  const seen: Seen = { connect: new Map(), start: new Map(), element: new Map(), onConnect: () => {} }
  const events = await watchAnswer(lab.socket, "/events", (line) => {
    const { Type, Action, Actor, timeNano } = JSON.parse(line)
    const at = Number(timeNano) / 1e6
    if (Type === "container" && Action === "start") seen.start.set(Actor.ID, at)
    if (Type === "network" && Action === "connect") {
      seen.connect.set(Actor.Attributes.container, at)
      seen.onConnect(Actor.Attributes.container)
    }
  })
  const monitor = watchElements(lab.engine, pid, (line, at) => {
    const port = /add element ip anchord_v4 dnat_tcp \{ (\d+) /.exec(line)?.[1]
    if (port !== undefined && !seen.element.has(Number(port))) seen.element.set(Number(port), at)
  })
  return {
    seen,
    stop: () => {
      events.stop()
      monitor.stop()
    }
  }
}

const wait = <A>(what: string, look: () => A | undefined): Promise<A> =>
  eventually(what, 20_000, () => {
    const found = look()
    if (found === undefined) throw new Error("not seen")
    return found
  })

/** From the connect event to the committed element, and whether that was before the container's start. */
const measureMapping = async (lab: Lab, seen: Seen, size: number) => {
  const millis: Array<number> = []
  let before = 0
  for (let time = 0; time < TIMES; time += 1) {
    const port = 20_000 + size * 10 + time
    const id = (await labelled(lab, "bench-probe", port)).trim()
    const element = await wait("its element", () => seen.element.get(port))
    const connect = await wait("its connect event", () => seen.connect.get(id))
    const start = await wait("its start event", () => seen.start.get(id))
    millis.push(element - connect)
    if (element < start) before += 1
    await lab.docker("rm", "-f", "bench-probe")
  }
  return { mapping: summarise(millis), before }
}

/** The same starts with anchord paused: what the engine needs to tell who is on the network, asked as the connect event comes. */
const measureFloor = async (lab: Lab, seen: Seen, anchor: string) => {
  const millis: Array<number> = []
  const asked: Array<Promise<number>> = []
  await lab.docker("pause", anchor)
  seen.onConnect = () => void asked.push(timeToAnswer(lab.socket, `/networks/${NETWORK}`))
  for (let time = 0; time < TIMES; time += 1) {
    await labelled(lab, "bench-probe", 19_999)
    millis.push(await wait("the question", () => asked.at(time)))
    await lab.docker("rm", "-f", "bench-probe")
  }
  seen.onConnect = () => {}
  await lab.docker("unpause", anchor)
  return summarise(millis)
}

/** Also those of a bench that was interrupted in a lab that stays open. */
const removeProbes = async (lab: Lab): Promise<void> => {
  const ids = (await lab.docker("ps", "-aq", "--filter", "label=com.docker.compose.project=bench")).split("\n")
  const left = ids.filter((id) => id !== "")
  if (left.length > 0) await lab.docker("rm", "-f", ...left)
}

/** From the engine's time stamp of a network connect to the committed nft transaction, beside the engine's own floor. */
export const eventToMap = async (lab: Lab): Promise<void> => {
  const wide = {
    ipam: {
      config: [
        { subnet: "172.28.0.0/16", gateway: "172.28.0.1" },
        { subnet: "fd00:a2c0:bbbb::/64", gateway: "fd00:a2c0:bbbb::1" }
      ]
    }
  }
  const project = composeProject(lab, "bench", {
    services: {
      anchord: networkAnchor(lab, { v4: "10.99.0.70", v6: "fd99::70", env: { ANCHORD_POLL_INTERVAL: "1h" } })
    },
    networks: { dmz: externalDmz, transit: transit(70, wide) }
  })
  const backends: Array<string> = []
  await removeProbes(lab)
  try {
    await project.compose("up", "-d")
    await project.ready("anchord")
    const { seen, stop } = await listen(lab, await project.inspect("anchord", "{{.State.Pid}}"))
    for (const size of SIZES) {
      while (backends.length < size) {
        const batch = Array.from(
          { length: Math.min(4, size - backends.length) },
          (_, index) => `bench-${backends.length + index}`
        )
        await Promise.all(batch.map((name) => labelled(lab, name, 1_000 + Number(name.slice(6)))))
        backends.push(...batch)
      }
      await eventually("all are mapped", 60_000, async () => {
        const count = (await mapsOf(project)).length
        if (count !== 2 * size) throw new Error(`${count} elements`)
      })
      const { mapping, before } = await measureMapping(lab, seen, size)
      const floor = await measureFloor(lab, seen, project.container("anchord"))
      console.log(`N = ${size}`)
      console.log(`  connect event to committed element: ${printed(mapping, "ms")}`)
      console.log(`  GET /networks/{id}, the floor:      ${printed(floor, "ms")}`)
      console.log(
        `  ratio: p50 ${(mapping.p50 / floor.p50).toFixed(2)}, p99 ${(mapping.p99 / floor.p99).toFixed(2)}; in place before the start event: ${before} of ${TIMES}`
      )
    }
    stop()
  } finally {
    await removeProbes(lab)
    await project.down()
  }
}
