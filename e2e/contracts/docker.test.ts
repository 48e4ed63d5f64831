import { layer } from "../../src/layers/docker/DockerodeEngine.ts"
import { dockerEngineContract, type DockerWorld } from "../../test/contracts/docker.ts"
import { attachLab } from "../lab/attach.ts"

type Docker = (...args: ReadonlyArray<string>) => Promise<string>

/** An idle process that ends as soon as it is told to. */
const idle = ["-c", "trap 'exit 0' TERM; while :; do sleep 1 & wait; done"]

const worldOf = (docker: Docker, image: string): DockerWorld => {
  const run = async (...args: ReadonlyArray<string>) => void (await docker(...args))
  return {
    createNetwork: async ({ name, v4, v6, gateway }) => {
      const gateways = gateway === undefined ? [] : ["--gateway", gateway.v4, "--gateway", gateway.v6]
      return (await docker("network", "create", "--ipv6", "--subnet", v4, "--subnet", v6, ...gateways, name)).trim()
    },
    removeNetwork: (name) => run("network", "rm", name),
    create: async ({ name, labels = {}, network }) => {
      const labelled = Object.entries(labels).flatMap(([key, value]) => ["--label", `${key}=${value}`])
      return (
        await docker("create", "--name", name, "--network", network, ...labelled, "--entrypoint", "sh", image, ...idle)
      ).trim()
    },
    start: (name) => run("start", name),
    stop: (name) => run("stop", name),
    remove: (name) => run("rm", "-f", name),
    rename: (name, to) => run("rename", name, to),
    pause: (name) => run("pause", name),
    unpause: (name) => run("unpause", name),
    connect: (network, name) => run("network", "connect", network, name),
    disconnect: (network, name) => run("network", "disconnect", network, name),
    exec: (name) => run("exec", name, "true")
  }
}

dockerEngineContract("dockerode", async () => {
  const lab = await attachLab()
  return { layer: layer({ host: `unix://${lab.socket}` }), world: worldOf(lab.docker, lab.image) }
})
