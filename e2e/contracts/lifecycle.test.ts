import { layer } from "../../src/layers/docker/DockerodeLifecycle.ts"
import { lifecycleContract } from "../../test/contracts/lifecycle.ts"
import { attachLab } from "../lab/attach.ts"

const IMAGE = "lifecycle:contract"

lifecycleContract("dockerode", async () => {
  const { docker, engine, image, socket } = attachLab()
  const changes = ["VOLUME /data", "EXPOSE 80", "LABEL from=image"].flatMap((change) => ["--change", change])
  const template = (await docker("create", image)).trim()
  await docker("commit", ...changes, template, IMAGE)
  await docker("rm", template)
  return {
    layer: layer({ host: `unix://${socket}` }),
    world: {
      image: IMAGE,
      program: { Entrypoint: ["tini", "--"], Cmd: ["busybox", "sleep", "1000000"] },
      createNetwork: (name, v4, v6) => docker("network", "create", "--ipv6", "--subnet", v4, "--subnet", v6, name),
      removeNetwork: (name) => docker("network", "rm", name),
      write: (container, path, text) => docker("exec", container, "sh", "-c", `printf %s '${text}' >${path}`),
      read: (container, path) => docker("exec", container, "sh", "-c", `cat ${path} 2>/dev/null || true`),
      removeVolumes: (names) => engine.inside(["sh", "-c", `docker volume rm ${names.join(" ")} || true`])
    }
  }
})
