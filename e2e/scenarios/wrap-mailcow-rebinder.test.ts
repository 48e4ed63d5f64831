import { mkdirSync, writeFileSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { composeExample, firstLine } from "../lab/example.ts"
import { exampleImages } from "../lab/imageBuild.ts"
import { loadImages } from "../lab/lab.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const address = { v4: "10.99.0.102", v6: "fd99::102" }
const ROUNDS = 3

/** A wrap-rebinder beside what the example has. */
const rebinder = {
  services: {
    rebinder: {
      image: lab.image,
      restart: "unless-stopped",
      depends_on: ["docker-proxy"],
      environment: { ANCHORD_MODE: "wrap-rebinder", DOCKER_HOST: "tcp://docker-proxy:2375" },
      networks: ["docker-api"],
      cap_drop: ["ALL"],
      security_opt: ["no-new-privileges:true"],
      read_only: true,
      tmpfs: ["/run"]
    }
  }
}
mkdirSync(`${lab.engine.work}/projects`, { recursive: true })
writeFileSync(`${lab.engine.work}/projects/rebinder.json`, JSON.stringify(rebinder))

const upstream = composeExample(lab, "wrap-mailcow", ["upstream/docker-compose.yml"], {})
const compose = composeExample(lab, "wrap-mailcow", ["compose.yaml", "/lab/projects/rebinder.json"], {
  MAIL_IPV4: address.v4,
  MAIL_IPV6: address.v6
})

const wrapped = { postfix: 25, dovecot: 143, nginx: 80 }
const names = Object.keys(wrapped)
const lines = (text: string) => text.split("\n").filter((line) => line !== "")
const inspect = async (format: string, name: string) => (await lab.docker("inspect", "-f", format, name)).trim()

const answers = () =>
  eventually("every service answers", 90_000, async () => {
    for (const [name, port] of Object.entries(wrapped)) {
      for (const host of [address.v4, address.v6])
        expect(await firstLine(lab.alice, host, port)).toMatch(new RegExp(`^${name} on port ${port} sees `))
    }
  })

/** Each service-anchor runs, once, in the namespace of the container that it is for. */
const inPlace = () =>
  eventually("every service-anchor is in place", 90_000, async () => {
    const all = lines(await lab.docker("ps", "-a", "--format", "{{.Names}}"))
    expect(all.filter((name) => name.startsWith("wrap-mailcow") && name.includes("-anchor-")).toSorted()).toEqual(
      names.map((name) => `wrap-mailcow-${name}-anchor-1`).toSorted()
    )
    for (const name of names) {
      const id = await inspect("{{.Id}}", `mailcowdockerized-${name}-mailcow-1`)
      expect(await inspect("{{.State.Running}} {{.HostConfig.NetworkMode}}", `wrap-mailcow-${name}-anchor-1`)).toBe(
        `true container:${id}`
      )
    }
  })

const engineTime = async () => (await lab.engine.inside(["date", "+%s.%N"])).trim()

/** How often each service-anchor was created since then. */
const creationsSince = async (since: string) => {
  const filters = names.flatMap((name) => ["--filter", `container=wrap-mailcow-${name}-anchor-1`])
  const range = ["--since", since, "--until", await engineTime(), "--filter", "event=create"]
  const format = '{{index .Actor.Attributes "name"}}'
  return lines(await lab.docker("events", ...range, ...filters, "--format", format)).toSorted()
}

const errorsSince = async (since: string, service: string) => {
  const text = await lab.engine.inside(["sh", "-c", `docker logs --since ${since} wrap-mailcow-${service}-1 2>&1`])
  return lines(text).filter((line) => line.includes('"level":"ERROR"'))
}

const makeUpstreamAnew = () => upstream("up", "-d", "--no-build", "--force-recreate")

const takeDown = async () => {
  await compose("down", "-t", "5")
  await upstream("down", "-t", "1")
}

describe("a wrap-rebinder around a project that nobody has touched", () => {
  beforeAll(async () => {
    await step("the example's images", () => loadImages(lab.engine, exampleImages, (text) => console.log(`  ${text}`)))
    await takeDown()
    await upstream("up", "-d", "--no-build")
    await step("compose up", () => compose("up", "-d", "--no-build"))
    await answers()
  })
  afterAll(takeDown)

  it("keeps the service-anchors where they belong while there is no network-anchor", async () => {
    await compose("stop", "-t", "5", "anchord")
    const begun = await engineTime()
    await makeUpstreamAnew()
    await step("in place", inPlace)
    expect(await creationsSince(begun)).toEqual(names.map((name) => `wrap-mailcow-${name}-anchor-1`).toSorted())
    await compose("up", "-d", "--no-build", "--no-deps", "anchord")
    await step("answers", answers)
    expect(await errorsSince(begun, "rebinder")).toEqual([])
  })

  it(`does not fight the network-anchor over a service-anchor that both would make anew, ${ROUNDS} times`, async () => {
    const begun = await engineTime()
    for (let round = 1; round <= ROUNDS; round += 1) {
      const since = await engineTime()
      await makeUpstreamAnew()
      await step(`round ${round}`, answers)
      await inPlace()
      expect(await creationsSince(since)).toEqual(names.map((name) => `wrap-mailcow-${name}-anchor-1`).toSorted())
    }
    for (const service of ["anchord", "rebinder"]) expect(await errorsSince(begun, service)).toEqual([])
  })
})
