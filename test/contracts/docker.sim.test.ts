import * as Effect from "effect/Effect"
import type { SimDocker } from "../../src/layers/sim/docker/SimDocker.ts"
import { make } from "../../src/layers/sim/docker/SimDockerEngine.ts"
import { dockerEngineContract, type DockerWorld } from "./docker.ts"

const worldOf = (docker: SimDocker): DockerWorld => {
  const done = (change: () => void) => Promise.resolve().then(change)
  return {
    createNetwork: (network) => Promise.resolve(docker.createNetwork(network)),
    removeNetwork: (name) => done(() => docker.removeNetwork(name)),
    create: (container) => Promise.resolve(docker.create(container)),
    start: (name) => done(() => docker.start(name)),
    stop: (name) => done(() => docker.stop(name)),
    remove: (name) => done(() => docker.remove(name)),
    rename: (name, to) => done(() => docker.rename(name, to)),
    pause: (name) => done(() => docker.pause(name)),
    unpause: (name) => done(() => docker.unpause(name)),
    connect: (network, name) => done(() => docker.connect(network, name)),
    disconnect: (network, name) => done(() => docker.disconnect(network, name)),
    exec: (name) =>
      done(() => {
        for (const action of ["exec_create: true", "exec_start: true", "exec_die"]) docker.noise(name, action)
      })
  }
}

dockerEngineContract("SimDocker", async () => {
  const { docker, layer } = await Effect.runPromise(make)
  return { layer, world: worldOf(docker) }
})
