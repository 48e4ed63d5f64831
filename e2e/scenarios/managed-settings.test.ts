import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask } from "../lab/client.ts"
import { CommandFailed } from "../lab/command.ts"
import { composeProject, externalDmz, networkAnchor, transit } from "../lab/composeProject.ts"
import { idOf, managedTarget, removed, startOf } from "../lab/managedTarget.ts"
import { eventually } from "../lab/steps.ts"

const lab = attachLab()
const own = { v4: "172.31.116.200", v6: "fd00:a2c0:116::200" }
const address = { v4: "10.99.0.116", v6: "fd99::116" }
const NETWORK = "m116_transit"
const TARGET = "m116-target"
const MANAGED = `${TARGET}-service-anchor`

const labels = { "anchord.expose": "tcp/80:8080, udp/53:5353", "anchord.identity": "m116", owner: "ops, second floor" }

const project = composeProject(lab, "m116", {
  services: {
    anchord: networkAnchor(lab, {
      ...{ ...address, transitV4: own.v4, transitV6: own.v6 },
      env: {
        ANCHORD_PROJECT: "",
        ANCHORD_LABEL_SELECTOR: "anchord.identity=m116",
        ANCHORD_SHARED_NETWORK: NETWORK,
        ANCHORD_MANAGED_SA_TARGET: TARGET,
        ANCHORD_MANAGED_SA_EXTRA_ENV: JSON.stringify({ ZEBRA: "stripes = 2", ANCHORD_LOG_LEVEL: "warn", ALPHA: "" }),
        ANCHORD_MANAGED_SA_LABELS: JSON.stringify(labels)
      }
    })
  },
  networks: { dmz: externalDmz, transit: transit(116) }
})
const target = managedTarget(lab, { name: TARGET, network: NETWORK, gateway: own })

/** The target, with an application that knows nothing of anchord. */
const runTarget = () =>
  lab.docker(
    ...["run", "-d", "--name", TARGET, "--network", NETWORK, "--stop-timeout", "1", "-v", "/project/e2e/lab:/app:ro"],
    ...["--entrypoint", "tini", lab.image, "--", "node", "/app/app.mjs", "target", "tcp/8080", "udp/5353"]
  )

const logged = async (level: string, words: string) =>
  (await project.logs("anchord")).filter((line) => line.level === level && line.msg.includes(words))

beforeAll(async () => {
  await removed(lab, MANAGED, TARGET)
  await project.compose("up", "-d")
  await project.ready("anchord")
})

afterAll(async () => {
  await project.compose("stop", "-t", "5", "anchord")
  await removed(lab, MANAGED, TARGET)
  await project.down()
})

describe("a container of somebody else that has the name of the managed service-anchor", () => {
  const said = `container ${MANAGED} is not a service-anchor of this project`

  it("is left alone, with one WARN, however often the target is started", async () => {
    await lab.docker(
      "run",
      "-d",
      "--name",
      MANAGED,
      "--entrypoint",
      "tini",
      lab.image,
      "--",
      "busybox",
      "sleep",
      "1000000"
    )
    const before = [await idOf(lab, MANAGED), await startOf(lab, MANAGED)]
    await runTarget()
    await eventually("it is warned", 30_000, async () => expect(await logged("WARN", said)).toHaveLength(1))
    await lab.docker("restart", "-t", "1", TARGET)
    const { length } = await logged("DEBUG", "reconciled")
    await lab.docker("stop", "-t", "1", TARGET)
    await eventually("anchord has seen it", 30_000, async () =>
      expect((await logged("DEBUG", "reconciled")).length).toBeGreaterThan(length)
    )
    expect([await idOf(lab, MANAGED), await startOf(lab, MANAGED)]).toEqual(before)
    expect(await logged("WARN", said)).toHaveLength(1)
  })

  it("makes room for the managed one when it is gone", async () => {
    await removed(lab, MANAGED)
    await lab.docker("start", TARGET)
    await target.joinedBy(MANAGED)
    expect(await logged("INFO", `no longer: ${said}`)).toHaveLength(1)
  })
})

describe("what the operator gives the managed service-anchor", () => {
  it("are variables, which win over anchord's and come in the order of the alphabet", async () => {
    const env: ReadonlyArray<string> = JSON.parse(await lab.docker("inspect", "-f", "{{json .Config.Env}}", MANAGED))
    expect(env.filter((entry) => /^(ALPHA|ANCHORD_.*|ZEBRA)=/.test(entry))).toEqual([
      "ALPHA=",
      `ANCHORD_GATEWAY_IP=${own.v4},${own.v6}`,
      "ANCHORD_LOG_LEVEL=warn",
      "ANCHORD_MODE=service-anchor",
      "ZEBRA=stripes = 2"
    ])
  })

  it("are labels, and none of Compose's", async () => {
    const found: Record<string, string> = JSON.parse(
      await lab.docker("inspect", "-f", "{{json .Config.Labels}}", MANAGED)
    )
    expect(found).toMatchObject({ ...labels, "anchord.managed-by": "f45" })
    expect(Object.keys(found).filter((label) => label.startsWith("com.docker.compose."))).toEqual([])
  })

  it("lead clients on the LAN to the target, which sees their own address", async () => {
    for (const [family, host] of Object.entries(address)) {
      const client = family === "v4" ? lab.alice.v4 : lab.alice.v6
      await eventually(`the target answers over ${family}`, 30_000, async () => {
        expect(await ask(lab.alice, "tcp", host, 80)).toMatchObject({ name: "target", port: 8080, client })
        expect(await ask(lab.alice, "udp", host, 53)).toMatchObject({ name: "target", port: 5353, client })
      })
    }
  })

  it("lead to it again when it was made anew, at another address", async () => {
    await removed(lab, TARGET)
    await runTarget()
    for (const host of Object.values(address)) {
      await eventually(`the target answers at ${host}`, 30_000, async () =>
        expect((await ask(lab.alice, "tcp", host, 80)).name).toBe("target")
      )
    }
  })
})

it("what the managed service-anchor cannot be given is refused at the start: all of it in one run, with status 2", async () => {
  const env = {
    ANCHORD_PROJECT: "m116",
    ANCHORD_MANAGED_SA_TARGET: "-target",
    ANCHORD_MANAGED_SA_GATEWAY_IP: "172.31.116.1,172.31.116.2",
    ANCHORD_MANAGED_SA_EXTRA_ENV: '{"A=B":"1"}',
    ANCHORD_MANAGED_SA_LABELS: '{"com.docker.compose.project":"m116","anchord.managed-by":"me","fine":"1"}'
  }
  const outcome = await lab
    .docker(
      ...["run", "--rm", "--name", "m116-refused", "--cap-drop", "ALL", "--read-only", "--tmpfs", "/run"],
      ...Object.entries(env).flatMap(([key, value]) => ["-e", `${key}=${value}`]),
      lab.image
    )
    .then(
      (output) => ({ status: 0 as number | null, output }),
      (error) => {
        if (error instanceof CommandFailed) return { status: error.status, output: error.output }
        throw error
      }
    )
  expect(outcome.status).toBe(2)
  const notGiven = (key: string) => `the key "${key}" is set by anchord or Compose, and may not be given`
  const rules = {
    ANCHORD_MANAGED_SA_TARGET:
      "must be the name of a container: letters, digits, _ . and -, at least two, not starting with a sign",
    ANCHORD_MANAGED_SA_GATEWAY_IP: "there are two IPv4 addresses; at most one of each family",
    ANCHORD_MANAGED_SA_EXTRA_ENV: '"A=B" cannot be the name of a variable',
    ANCHORD_MANAGED_SA_LABELS: ["com.docker.compose.project", "anchord.managed-by"].map(notGiven).join("; ")
  }
  // Whatever is given to the managed service-anchor may be a password.
  const hidden = "(not shown)"
  const shown = { ...env, ANCHORD_MANAGED_SA_EXTRA_ENV: hidden, ANCHORD_MANAGED_SA_LABELS: hidden }
  expect(outcome.output.split("\n").filter((line) => line.startsWith("anchord:"))).toEqual([
    "anchord: wrong configuration",
    ...Object.entries(rules).map(([key, rule]) => `anchord:   ${key}="${shown[key as keyof typeof rules]}": ${rule}`)
  ])
})
