import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import type { ContainerSnapshot } from "../../src/domain/DockerState.ts"
import * as DockerodeEngine from "../../src/layers/docker/DockerodeEngine.ts"
import * as DockerodeLifecycle from "../../src/layers/docker/DockerodeLifecycle.ts"
import { makeRecreator, type Recreator, type Wanted } from "../../src/main/lifecycle/Recreator.ts"
import { ContainerLifecycle } from "../../src/services/ContainerLifecycle.ts"
import { DockerEngine } from "../../src/services/DockerEngine.ts"
import { type Faults, faulty, serving } from "../../test/main/lifecycle/faults.ts"
import { attachLab } from "../lab/attach.ts"
import { composeProject, idle } from "../lab/composeProject.ts"
import { openOlderApi } from "../lab/olderApi.ts"
import { step } from "../lab/steps.ts"
import { makeVaried, nameOf, removeVaried, variedContainers } from "../lab/variedContainers.ts"

const lab = attachLab()
const { docker } = lab

type Json = Record<string, unknown>
interface Raw extends Json {
  readonly Id: string
  readonly State: { readonly Status: string }
  readonly Config: Json
  readonly HostConfig: Json & { readonly Mounts?: ReadonlyArray<{ Type: string; Source?: string; Target: string }> }
  readonly Mounts: ReadonlyArray<{ Type: string; Name?: string; Destination: string; RW: boolean; Mode: string }>
  readonly NetworkSettings: Json & { readonly Networks: Record<string, Json> }
}

const inspect = async (name: string): Promise<Raw> => JSON.parse(await docker("inspect", name))[0]
const idOf = async (name: string) => (await inspect(name)).Id
const lines = (text: string) => text.split("\n").filter((line) => line !== "")
const volumes = async () => lines(await docker("volume", "ls", "-q")).toSorted()
const names = async () => lines(await docker("ps", "-a", "--format", "{{.Names}}")).toSorted()

/** What a process does that re-creates containers over this way to the engine, and whose calls meet with faults. */
const using = <A, E>(use: (recreator: Recreator) => Effect.Effect<A, E>, host: string, faults: Faults = new Map()) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const { lifecycle, hasDied } = faulty(yield* ContainerLifecycle, faults)
      const recreator = yield* Effect.provide(makeRecreator, serving(lifecycle))
      const fiber = yield* Effect.forkDetach(Effect.result(use(recreator)))
      while (fiber.pollUnsafe() === undefined && !hasDied()) yield* Effect.sleep("20 millis")
      return hasDied() ? undefined : yield* Fiber.join(fiber)
    }).pipe(Effect.provide(DockerodeLifecycle.layer({ host })))
  )

const direct = `unix://${lab.socket}`
const recreate = (
  id: string,
  { host = direct, faults, wanted }: { host?: string; faults?: Faults; wanted?: Wanted } = {}
) => using((recreator) => recreator.recreate(id, wanted), host, faults)

const listing = (): Promise<ReadonlyArray<ContainerSnapshot>> =>
  Effect.runPromise(
    Effect.flatMap(DockerEngine, ({ containers }) => containers).pipe(
      Effect.provide(DockerodeEngine.layer({ host: direct }))
    )
  )

const ofThisRun = ["Id", "Created", "GraphDriver", "ResolvConfPath", "HostnamePath", "HostsPath", "LogPath", "ExecIDs"]
const ofThisEndpoint = ["EndpointID", "SandboxID", "SandboxKey"]

const without = (json: Json, keys: ReadonlyArray<string>): Json =>
  Object.fromEntries(Object.entries(json).filter(([key]) => !keys.includes(key)))

const isAnonymous = (name: string | undefined) => name === undefined || name === "" || /^[0-9a-f]{64}$/.test(name)

/** A rename makes Docker tell names on its own bridge, where it serves none; elsewhere their order means nothing. */
const lastingEndpoint = ([name, endpoint]: readonly [string, Json]) => {
  const { DNSNames, ...rest } = without(endpoint, ofThisEndpoint)
  return [name, { ...rest, ...(name === "bridge" ? {} : { names: new Set(DNSNames as ReadonlyArray<string>) }) }]
}

const masks: ReadonlyArray<readonly [RegExp, string]> = [
  [/"HostPort":"3\d{4}"/g, '"HostPort":"chosen"'],
  [/"Aliases":\[\]/g, '"Aliases":null']
]

/**
 * What must be the same before and after. Left out are ID, times and state; host names and aliases by ID are told apart from
 * others, but not from each other. A port that Docker chooses is only a port.
 */
const lasting = (raw: Raw): Json => {
  const text = JSON.stringify(raw).replaceAll(raw.Id, "<id>").replaceAll(raw.Id.slice(0, 12), "<id>")
  const masked: Raw = JSON.parse(masks.reduce((rest, [pattern, mask]) => rest.replaceAll(pattern, mask), text))
  const { State, NetworkSettings, Mounts, HostConfig, ...rest } = masked
  const { Networks, ...network } = NetworkSettings
  return {
    ...without(rest, ofThisRun),
    status: State.Status,
    network: without(network, ofThisEndpoint),
    networks: Object.fromEntries(Object.entries(Networks).map(lastingEndpoint)),
    host: HostConfig,
    mounts: Mounts.toSorted((a, b) => (a.Destination < b.Destination ? -1 : 1))
  }
}

/** The same, where it is no matter whether a volume was asked for by its name. */
const lastingBut = (raw: Raw): Json => {
  const { host, mounts, ...rest } = lasting(raw) as { host: Raw["HostConfig"]; mounts: Raw["Mounts"] } & Json
  const asked = (host.Mounts ?? []).filter(({ Type, Source }) => Type !== "volume" || !isAnonymous(Source))
  return {
    ...rest,
    host: { ...without(host, ["Mounts", "VolumesFrom"]), ...(asked.length === 0 ? {} : { Mounts: asked }) },
    mounts: mounts.map((mount) => (isAnonymous(mount.Name) ? { ...mount, Mode: "" } : mount))
  }
}

const volumeMounts = ({ Mounts }: Raw) => Mounts.filter(({ Type }) => Type === "volume")

const leaveData = async (raw: Raw) => {
  for (const { Destination, RW } of volumeMounts(raw)) {
    if (RW) await docker("exec", "-u", "0", raw.Id, "sh", "-c", `echo ${Destination} >${Destination}/kept`)
  }
}

const mustHaveData = async (raw: Raw) => {
  for (const { Destination, Name } of volumeMounts(raw)) {
    if (Name !== "varied-readonly" && Name !== "varied-typed") {
      expect((await docker("exec", raw.Id, "cat", `${Destination}/kept`)).trim()).toBe(Destination)
    }
  }
}

afterAll(() => removeVaried(lab))

describe.each([["1.45"], ["1.41"]])("re-created by API %s", (version) => {
  let way = { host: direct, close: async () => {} }
  beforeAll(async () => {
    await removeVaried(lab)
    await makeVaried(lab)
    for (const { name } of variedContainers.filter((one) => one.idle === undefined)) {
      await leaveData(await inspect(nameOf(name)))
    }
    if (version !== "1.45") way = await openOlderApi(lab, version)
  })
  afterAll(() => way.close())

  // Who needs another comes before that one.
  it.for(variedContainers.toReversed().map(({ name }) => name))("%s is as it was, with its data", async (name) => {
    const before = await inspect(nameOf(name))
    const [allVolumes, allNames] = [await volumes(), await names()]
    const outcome = await step(`re-creating ${name}`, () => recreate(before.Id, way))
    expect(outcome).toMatchObject({ _tag: "Success" })
    const after = await inspect(nameOf(name))
    expect(after.Id).not.toBe(before.Id)
    if (name === "networks" && version !== "1.45") {
      // Before API 1.44 only one network had a place for a pinned MAC address.
      const second = before.NetworkSettings.Networks["varied_second"]
      Object.assign(second ?? {}, { MacAddress: after.NetworkSettings.Networks["varied_second"]?.["MacAddress"] })
    }
    expect(lastingBut(after)).toEqual(lastingBut(before))
    if (after.State.Status === "running") await mustHaveData(after)
    expect(await volumes()).toEqual(allVolumes)
    expect(await names()).toEqual(allNames)

    await recreate(after.Id, way)
    expect(lasting(await inspect(nameOf(name)))).toEqual(lasting(after))
    expect(await volumes()).toEqual(allVolumes)
  })
})

describe("a container in another's namespace", () => {
  beforeAll(async () => {
    await removeVaried(lab)
    await makeVaried(lab)
  })

  it("joins the successor of its owner, and is otherwise as it was", async () => {
    const before = await inspect(nameOf("joined"))
    await recreate(await idOf(nameOf("connected")))
    const owner = await inspect(nameOf("connected"))
    const outcome = await recreate(before.Id, { wanted: { networkMode: `container:${nameOf("connected")}` } })
    expect(outcome).toMatchObject({ _tag: "Success" })
    const after = await inspect(nameOf("joined"))
    expect(after.HostConfig["NetworkMode"]).toBe(`container:${owner.Id}`)
    const same = (raw: Raw) => lastingBut({ ...raw, HostConfig: { ...raw.HostConfig, NetworkMode: "" } })
    expect(same(after)).toEqual(same(before))
    // The kernel makes sure of a link-local address while the test runs.
    const addresses = async (id: string) => (await docker("exec", id, "ip", "-o", "addr")).replaceAll("tentative ", "")
    expect(await addresses(after.Id)).toBe(await addresses(owner.Id))
  })
})

describe("a re-creation that is cut short", () => {
  const name = "varied-once"
  const steps = ["rename", "create", "setRestartPolicy", "stop", "start", "remove"]

  beforeAll(() => removeVaried(lab))
  beforeEach(async () => {
    const program = ["--entrypoint", "tini", lab.image, "--", "busybox", "sleep", "1000000"]
    const options = ["--restart", "always", "-v", "/data", "-p", "18090:80", "--stop-timeout", "2"]
    await docker("run", "-d", "--name", name, ...options, ...program)
    await leaveData(await inspect(name))
  })
  afterEach(async () => {
    for (const one of (await names()).filter((other) => other.startsWith(name))) await docker("rm", "-fv", one)
  })

  const onlyOne = async () => (await names()).filter((one) => one.startsWith(name))

  it.for(
    steps
      .slice(0, -1)
      .flatMap((call, index) => [["refused", call, index] as const, ["lost after", call, index] as const])
  )("by an error (%s) of %s leaves the old one running under its name, with its data", async ([fault, , index]) => {
    const before = await inspect(name)
    const outcome = await recreate(before.Id, { faults: new Map([[index + 1, fault]]) })
    expect(outcome).toMatchObject({ _tag: "Failure", failure: { _tag: "RecreationFailed", undone: true } })
    const after = await inspect(name)
    expect(after.Id).toBe(before.Id)
    expect(after.State.Status).toBe("running")
    expect(lasting(after)).toEqual(lasting(before))
    await mustHaveData(after)
    expect(await onlyOne()).toEqual([name])
  })

  it.for(steps.map((call, index) => [call, index] as const))(
    "by the end of the process after %s leaves what the next one finishes or undoes",
    async ([, index]) => {
      const before = await inspect(name)
      await recreate(before.Id, { faults: new Map([[index + 1, "died after"]]) })
      const containers = await listing()
      await using((recreator) => recreator.recover(containers), direct)
      const after = await inspect(name)
      expect(after.State.Status).toBe("running")
      expect(after.Id === before.Id).toBe(index < 4)
      expect(lastingBut(after)).toEqual(lastingBut(before))
      await mustHaveData(after)
      expect(await onlyOne()).toEqual([name])
    }
  )
})

describe("Compose", () => {
  const project = composeProject(lab, "recreated", {
    services: {
      web: idle(lab, {
        networks: { front: { aliases: ["www"] } },
        volumes: ["/data", "kept:/kept"],
        restart: "always"
      }),
      guest: idle(lab, { networks: undefined, network_mode: "service:web", depends_on: ["web"] })
    },
    networks: { front: {} },
    ...{ volumes: { kept: {} } }
  })
  afterAll(project.down)

  it("takes what was re-created for its own, leaves it as it is, and hands its data on", async () => {
    await project.compose("up", "-d")
    const [web, guest] = [project.container("web"), project.container("guest")]
    await recreate(await idOf(web))
    await recreate(await idOf(guest), { wanted: { networkMode: `container:${web}` } })
    const id = await idOf(web)
    await leaveData(await inspect(web))
    // Compose makes the guest anew, because the ID of its owner is part of what it compares.
    await project.compose("up", "-d")
    expect(await idOf(web)).toBe(id)
    expect((await inspect(guest)).HostConfig["NetworkMode"]).toBe(`container:${id}`)
    expect((await names()).filter((name) => name.startsWith("recreated"))).toEqual([guest, web])
    await project.compose("up", "-d", "--force-recreate", "web")
    await mustHaveData(await inspect(web))
  })
})
