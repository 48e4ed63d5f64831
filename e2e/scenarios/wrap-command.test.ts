import { readFileSync } from "node:fs"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { attachLab } from "../lab/attach.ts"
import { ask } from "../lab/client.ts"
import { composeProject, type ComposeFile, type Service } from "../lab/composeProject.ts"
import { composeExample } from "../lab/example.ts"
import { exampleImages } from "../lab/imageBuild.ts"
import { DMZ, loadImages } from "../lab/lab.ts"
import { eventually, step } from "../lab/steps.ts"

const lab = attachLab()
const families = ["v4", "v6"] as const
/** The example's proxy; the official image, which the file names, cannot be had here. */
const PROXY = "mailcow-shaped-docker-proxy"

/** The application of the lab in a network namespace of its own, which publishes ports on the host like any other. */
const published = (
  name: string,
  listens: ReadonlyArray<string>,
  ports: ReadonlyArray<string>,
  networks: Service
): Service => ({
  image: lab.image,
  entrypoint: ["tini", "--", "node", "/app/app.mjs"],
  command: [name, ...listens],
  healthcheck: { disable: true },
  volumes: ["/project/e2e/lab:/app:ro"],
  stop_grace_period: "1s",
  ports,
  networks
})

const range = (protocol: string, from: number, to: number): ReadonlyArray<string> =>
  Array.from({ length: to - from + 1 }, (_, index) => `${protocol}/${from + index}`)

/** Runs `anchord wrap` in a container of the image, and keeps what it prints as a file of the lab. */
const printWrap = async (
  file: string,
  words: string,
  from = "",
  options = "-v /lab/sock:/docker:ro -e DOCKER_HOST=unix:///docker/docker.sock"
) => {
  const path = `/lab/projects/${file}`
  const docker = `docker run --rm -i ${options} ${lab.image} wrap ${words}`
  const script = `${from} ${docker} >${path} 2>${path}.err; echo $?`
  const status = Number(await lab.engine.inside(["sh", "-c", script]))
  const read = (name: string) => readFileSync(`${lab.engine.work}/projects/${name}`, "utf8")
  return { path, status, text: read(file), complaints: read(`${file}.err`) }
}

const composeFiles = (...paths: ReadonlyArray<string>) => composeExample(lab, "", paths, { DOCKER_PROXY_IMAGE: PROXY })

interface Expected {
  readonly protocol: "tcp" | "udp"
  readonly port: number
  readonly name: string
  readonly inside: number
}

/** Each port answers a client on the LAN at the project's address, by the application that published it, which sees the client. */
const reached = (what: string, address: Partial<Record<"v4" | "v6", string>>, expected: ReadonlyArray<Expected>) =>
  step(what, () =>
    eventually(what, 90_000, async () => {
      for (const { protocol, port, name, inside } of expected) {
        for (const family of families) {
          const at = address[family]
          if (at === undefined) continue
          const said = await ask(lab.alice, protocol, at, port)
          expect([port, said]).toMatchObject([port, { name, port: inside, client: lab.alice[family] }])
        }
      }
    })
  )

const bindingsOf = async (container: string): Promise<ReadonlyArray<string>> =>
  Object.keys(JSON.parse(await lab.docker("inspect", "-f", "{{json .HostConfig.PortBindings}}", container)))

beforeAll(async () => {
  await step("the examples' images", () => loadImages(lab.engine, exampleImages, (text) => console.log(`  ${text}`)))
})

describe("anchord wrap, of a project with ports of every kind and fixed addresses", () => {
  const address = { v4: "10.99.0.135", v6: "fd99::135" }
  const words = `--external-network ${DMZ} --address ${address.v4},${address.v6}`
  const file: ComposeFile = {
    services: {
      web: published(
        "web",
        ["tcp/443", ...range("tcp", 9000, 9004), ...range("udp", 7000, 7003), "tcp/9999"],
        ["8443:443", "8000-8004:9000-9004", "7000-7003:7000-7003/udp", "127.0.0.1:9999:9999"],
        { front: {}, back: {} }
      ),
      api: published("api", ["udp/6000", "tcp/80"], ["6001:6000/udp", "8080:80", "0.0.0.0::80"], { front: {} }),
      db: published("db", ["tcp/5432"], [], { front: { ipv4_address: "172.31.135.9" }, back: {} }),
      backup: published("backup", ["tcp/873"], ["873:873"], { back: {} })
    },
    networks: {
      front: { enable_ipv6: true, ipam: { config: [{ subnet: "172.31.135.0/24" }, { subnet: "fd00:a2c0:135::/64" }] } },
      back: {}
    }
  }
  const upstream = composeProject(lab, "wrapme", file)
  const expected: ReadonlyArray<Expected> = [
    { protocol: "tcp", port: 8443, name: "web", inside: 443 },
    { protocol: "tcp", port: 8000, name: "web", inside: 9000 },
    { protocol: "tcp", port: 8004, name: "web", inside: 9004 },
    { protocol: "udp", port: 7000, name: "web", inside: 7000 },
    { protocol: "udp", port: 7003, name: "web", inside: 7003 },
    { protocol: "udp", port: 6001, name: "api", inside: 6000 },
    { protocol: "tcp", port: 8080, name: "api", inside: 80 }
  ]
  const down = async () => {
    await lab.engine.inside(["sh", "-c", "docker rm -f wrapme-reader || true; docker network rm wrapme-reader || true"])
    await lab.engine.inside(["docker", "compose", "-p", "wrapme-wrap", "down", "-t", "5"])
    await upstream.down()
  }
  let printed: Awaited<ReturnType<typeof printWrap>>
  let override: typeof printed

  beforeAll(async () => {
    await down()
    await step("upstream up", () => upstream.compose("up", "-d"))
    printed = await step("anchord wrap", () => printWrap("wrapme-wrap.yaml", `wrapme ${words}`))
    override = await printWrap("wrapme-override.yaml", "wrapme --override")
  })

  afterAll(down)

  it("exposes what is published, with its translation, and names what it cannot decide", () => {
    expect(printed.text).toContain("anchord.expose: tcp/8000-8004:9000-9004,tcp/8443:443,udp/7000-7003\n")
    expect(printed.text).toContain("anchord.expose: tcp/8080:80,udp/6001:6000\n")
    expect(printed.status).toBe(1)
    expect(printed.complaints.trim().split("\n")).toEqual([
      expect.stringMatching(/^anchord: not decided: wrapme-api-1 0\.0\.0\.0::80: /),
      expect.stringMatching(/^anchord: not decided: wrapme-backup-1 873:873: it is not on wrapme_front/)
    ])
    expect(printed.text).toContain("# - wrapme-web-1 127.0.0.1:9999:9999: published for the host alone")
  })

  it("prints the same through a proxy that lets read only", async () => {
    await lab.docker("network", "create", "wrapme-reader")
    const mount = ["-v", "/lab/sock:/docker:ro", "-e", "DOCKER_SOCKET=/docker/docker.sock"]
    await lab.docker("run", "-d", "--name", "wrapme-reader", "--network", "wrapme-reader", ...mount, PROXY)
    const options = "--network wrapme-reader -e DOCKER_HOST=tcp://wrapme-reader:2375"
    await eventually("the proxy answers", 20_000, async () => {
      const { status, text } = await printWrap("wrapme-read.yaml", `wrapme ${words}`, "", options)
      expect({ status, text }).toEqual({ status: 1, text: printed.text })
    })
    expect(await lab.docker("logs", "wrapme-reader")).not.toContain("403")
  })

  it("prints the same from what docker compose config prints, as YAML and as JSON", async () => {
    for (const format of ["yaml", "json"]) {
      const config = `docker compose -f /lab/projects/wrapme.json config --format ${format} |`
      const { status, text } = await printWrap("wrapme-config.yaml", `--file - ${words}`, config)
      expect({ status, text }).toEqual({ status: 1, text: printed.text })
    }
  })

  it("names the projects that there are when it does not know one", async () => {
    const { status, text, complaints } = await printWrap("wrapme-no.yaml", "wrapmee")
    expect({ status, text }).toEqual({ status: 2, text: "" })
    expect(complaints).toMatch(
      /^anchord: there is no Compose project "wrapmee"; the nearest is wrapme; there are: .*wrapme/
    )
  })

  it("has printed a file that runs as it is: a client on the LAN reaches every port, and is seen", async () => {
    await step("compose up", () => composeFiles(printed.path)("up", "-d"))
    await reached("every port", address, expected)
  })

  it("has given anchord an address beside the fixed ones", async () => {
    const found = await lab.docker(
      "inspect",
      "-f",
      "{{.NetworkSettings.Networks.wrapme_front.IPAddress}}",
      "wrapme-wrap-anchord-1"
    )
    expect(found.trim()).toBe("172.31.135.254")
  })

  it("has printed an override that ends the publishing, but for what is not on the LAN; the wrap follows", async () => {
    expect(await bindingsOf("wrapme-web-1")).toContain("443/tcp")
    await step("upstream up, overridden", () => composeFiles("/lab/projects/wrapme.json", override.path)("up", "-d"))
    expect(await bindingsOf("wrapme-web-1")).toEqual(["9999/tcp"])
    expect(await bindingsOf("wrapme-api-1")).toEqual(["80/tcp"])
    expect(await bindingsOf("wrapme-backup-1")).toEqual(["873/tcp"])
    await reached("every port again", address, expected)
  })

  it("makes anchord do nothing that the printed proxy forbids", async () => {
    const said = await lab.engine.inside(["sh", "-c", "docker logs wrapme-wrap-docker-proxy-1 2>&1"])
    expect(said).not.toContain("-> 403")
  })
})

describe("anchord wrap, of a project whose network nobody configured", () => {
  const address = { v4: "10.99.0.136" }
  const upstream = composeProject(lab, "wrapplain", {
    services: { smtp: published("smtp", ["tcp/25"], ["2525:25"], { default: {} }) },
    networks: { default: {} }
  })
  const down = async () => {
    await lab.engine.inside(["docker", "compose", "-p", "wrapplain-wrap", "down", "-t", "5"])
    await upstream.down()
  }

  afterAll(down)

  it("decides everything, and what it prints runs: the service-anchor finds anchord by its name", async () => {
    await down()
    await step("upstream up", () => upstream.compose("up", "-d"))
    const printed = await printWrap("wrapplain-wrap.yaml", `wrapplain --address ${address.v4}`)
    expect({ status: printed.status, complaints: printed.complaints }).toEqual({ status: 0, complaints: "" })
    await step("compose up", () => composeFiles(printed.path)("up", "-d"))
    await reached("the port", address, [{ protocol: "tcp", port: 2525, name: "smtp", inside: 25 }])
  })
})
