import { spawnSync } from "node:child_process"
import { describe, expect, it } from "vitest"
import { parseYaml } from "../../../src/layers/compose/yamlText.ts"
import { entry } from "../process.ts"

const wrap = (input: string, ...args: ReadonlyArray<string>) => {
  const env = { PATH: process.env["PATH"], DOCKER_HOST: "unix:///nowhere/docker.sock" }
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, "wrap", ...args], {
    encoding: "utf8",
    env,
    input
  })
  return { status, stdout, stderr }
}

const config = (published: string) =>
  JSON.stringify({
    name: "cloud",
    services: { web: { networks: { default: null }, ports: [{ target: 443, published }] } },
    networks: { default: { name: "cloud_default" } }
  })

describe("anchord wrap, as it is typed", () => {
  it("prints the compose file and nothing else, with the network and the addresses that it is told", () => {
    const words = ["--file", "-", "--external-network", "lan", "--address", "192.0.2.9,2001:db8::9"]
    const { status, stdout, stderr } = wrap(config("8443"), ...words)
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" })
    expect(parseYaml(stdout)).toMatchObject({
      name: "cloud-wrap",
      services: {
        anchord: {
          environment: { ANCHORD_EXT_NETWORK: "lan" },
          networks: { dmz: { ipv4_address: "192.0.2.9", ipv6_address: "2001:db8::9" } }
        },
        "web-anchor": { network_mode: "container:cloud-web-1", labels: { "anchord.expose": "tcp/8443:443" } }
      },
      networks: { dmz: { name: "lan" }, upstream: { name: "cloud_default" } }
    })
  })

  it("leaves the addresses to Docker, on the network that the examples have, when it is told nothing", () => {
    expect(parseYaml(wrap(config("8443"), "cloud", "--file", "-").stdout)).toMatchObject({
      services: { anchord: { networks: { dmz: {} } } },
      networks: { dmz: { name: "dmz_macvlan" } }
    })
  })

  it("prints the override when it is told to", () => {
    const { status, stdout } = wrap(config("8443"), "--file", "-", "--override")
    expect(status).toBe(0)
    expect(stdout).toMatch(/\nservices:\n {2}#[^\n]*\n {2}web:\n {4}ports: !reset \[\]\n$/)
  })

  it("names on standard error what it does not decide, and then has the status 1", () => {
    const both = JSON.parse(config("8443"))
    both.services.web.ports.push({ target: 80 })
    const { status, stdout, stderr } = wrap(JSON.stringify(both), "--file", "-")
    expect(status).toBe(1)
    expect(stderr).toMatch(/^anchord: not decided: cloud-web-1 80: [^\n]*\n$/)
    expect(stdout).toContain("# NOT DECIDED, and not in here:\n# - cloud-web-1 80: ")
  })

  it.each([
    [
      ["--file", "-"],
      config(""),
      /^anchord: none of the ports that the project cloud publishes can be wrapped\nanchord: cloud-web-1 443: /
    ],
    [
      ["--file", "-"],
      'name: cloud\nservices: { web: { ports: ["80:80"] } }',
      /^anchord: cannot use standard input: it is not .*\["ports"\]\[0\]; give .*: docker compose config \| anchord wrap --file -\n$/
    ],
    [["--file", "-", "other"], config("1"), /^anchord: standard input is of the project cloud, not other\n$/],
    [["--file", "-", "--address", "here"], config("1"), /^anchord: --address here: "here" is not an IP address\n$/],
    [
      ["cloud"],
      "",
      /^anchord: cannot look at the project: Docker at unix:\/\/\/nowhere\/docker\.sock: there is no such socket \(ENOENT\); DOCKER_HOST says where Docker is .*\n$/
    ],
    [
      ["--file", "missing.yaml"],
      "",
      /^anchord: cannot read missing\.yaml: there is no such file \(ENOENT\); a container sees .*: docker compose config \| anchord wrap --file -\n$/
    ],
    [["cloud", "--overide"], "", /^anchord: unknown option "--overide"; the nearest is --override; /]
  ])("prints nothing for %j, with the status 2 and the reason", (args, input, reason) => {
    const { status, stdout, stderr } = wrap(input, ...args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" })
    expect(stderr).toMatch(reason)
  })
})
