import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask } from "../lab/client.ts"
import { app, composeProject, externalDmz, idle, networkAnchor, serviceAnchor, transit } from "../lab/composeProject.ts"
import { type, type Printed } from "../lab/doctor.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const address = { v4: "10.99.0.99", v6: "fd99::99" }
const victims = ["log", "web"]

/** The scope of repairs is the default one. */
const file = (env: Readonly<Record<string, string>>) => ({
  services: {
    anchord: networkAnchor(lab, { ...address, env: { ANCHORD_POLL_INTERVAL: "1s", ...env } }),
    "web-anchor": serviceAnchor(lab, { "anchord.expose": "tcp/80", "anchord.identity": "s99" }),
    web: app(lab, "web-anchor", "web", ["tcp/80"]),
    log: idle(lab, { network_mode: "service:web-anchor", networks: undefined })
  },
  networks: { dmz: externalDmz, transit: transit(99) }
})

const project = composeProject(lab, "s99w", file({}))
const anchor = project.container("web-anchor")

const answers = () =>
  eventually("the web server answers", 30_000, async () => {
    for (const host of [address.v4, address.v6]) expect((await ask(lab.alice, "tcp", host, 80)).name).toBe("web")
  })

/** What tells a container from its successor, and one start of it from the next. */
const lives = () => Promise.all(victims.map((service) => project.inspect(service, "{{.Id}} {{.State.StartedAt}}")))

const polls = async () => {
  const metrics = await project.exec("anchord", "busybox", "wget", "-qO-", "http://127.0.0.1:9090/metrics")
  return Number(/anchord_docker_events_total\{source="poll"\} (\d+)/.exec(metrics)?.[1])
}

const afterSomePolls = async () => {
  const before = await polls()
  await eventually("everything was looked at some more times", 30_000, async () =>
    expect(await polls()).toBeGreaterThan(before + 3)
  )
}

const warnings = async () =>
  (await project.logs("anchord")).filter(({ level, msg }) => level === "WARN" && msg.includes("has no network"))

/** The warnings since there were so many, once each victim has one; polls later there is none more. */
const warningsSince = async (count: number) => {
  await eventually("each victim has a warning", 20_000, async () =>
    expect((await warnings()).length).toBeGreaterThanOrEqual(count + victims.length)
  )
  await afterSomePolls()
  const found = (await warnings()).slice(count).map(({ msg }) => msg)
  expect(found.map((msg) => /^container (\S+) has no network: /.exec(msg)?.[1]).toSorted()).toEqual(
    victims.map(project.container)
  )
  return found
}

const printedIn = (warning: string): Printed => {
  const [, folder = "/", command = ""] = /; repair it(?:, in (\S+),)? with: (.*)$/.exec(warning) ?? []
  return { command, folder }
}

/** Breaks both victims; they are told of once, left as they are, and repaired by what is printed. */
const round = async (breakThem: () => Promise<unknown>, command: (service: string) => string) => {
  const before = await lives()
  const { length } = await warnings()
  await breakThem()
  const told = await step("told of", () => warningsSince(length))
  expect(await lives()).toEqual(before)
  const printed = told.map(printedIn)
  expect(printed.map((one) => one.command).toSorted()).toEqual(victims.map(command))
  for (const one of printed) await type(lab, one)
  await step("repaired", answers)
  await afterSomePolls()
  expect(await warnings()).toHaveLength(length + victims.length)
}

const makeAnew = () => project.compose("up", "-d", "--no-deps", "--force-recreate", "web-anchor")
const byCompose = (service: string) => `docker compose -p s99w -f s99w.json up -d --no-deps --force-recreate ${service}`

beforeAll(async () => {
  await project.compose("up", "-d")
  await project.ready("anchord", "web-anchor")
  await answers()
})

afterAll(project.down)

describe("S-12 the watcher of dependents, with the default scope of repairs", () => {
  it("warns once of each victim of a service-anchor that the operator makes anew, with what repairs it", () =>
    round(makeAnew, byCompose))

  it("warns of the victims of one that is restarted", () =>
    round(
      () => lab.docker("restart", "-t", "2", anchor),
      (service) => `docker restart ${project.container(service)}`
    ))

  it("warns again when it comes back later", () => round(makeAnew, byCompose))

  it("says once that nobody watches, with a selector and no project", async () => {
    project.rewrite(file({ ANCHORD_PROJECT: "", ANCHORD_LABEL_SELECTOR: "anchord.identity=s99" }))
    await project.compose("up", "-d", "--no-deps", "anchord")
    await project.ready("anchord")
    await lab.docker("restart", "-t", "2", anchor)
    await afterSomePolls()
    const said = (await project.logs("anchord")).filter(({ msg }) => msg.includes("dead namespaces are not looked for"))
    expect(said.map(({ level }) => level)).toEqual(["INFO"])
    expect(await warnings()).toEqual([])
  })
})
