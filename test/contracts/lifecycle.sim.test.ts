import * as Effect from "effect/Effect"
import { layer } from "../../src/layers/sim/docker/SimContainerLifecycle.ts"
import { make } from "../../src/layers/sim/docker/SimDockerEngine.ts"
import { lifecycleContract } from "./lifecycle.ts"

const IMAGE = "lifecycle:contract"

lifecycleContract("SimDocker", async () => {
  const { docker } = await Effect.runPromise(make)
  docker.addImage(IMAGE, {
    Entrypoint: ["serve"],
    Cmd: null,
    Volumes: { "/data": {} },
    ExposedPorts: { "80/tcp": {} },
    Labels: { from: "image" }
  })
  const done = (change: () => unknown) => Promise.resolve().then(change)
  return {
    layer: layer(docker),
    world: {
      image: IMAGE,
      program: { Entrypoint: ["init", "--"], Cmd: ["idle"] },
      createNetwork: (name, v4, v6) => done(() => docker.createNetwork({ name, v4, v6 })),
      removeNetwork: (name) => done(() => docker.removeNetwork(name)),
      write: (container, path, text) => done(() => docker.write(container, path, text)),
      read: (container, path) => Promise.resolve(docker.read(container, path) ?? ""),
      removeVolumes: (names) => done(() => names.forEach(docker.files.remove))
    }
  }
})
