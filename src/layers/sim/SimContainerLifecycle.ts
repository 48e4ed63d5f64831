import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { ImageConfig, Inspection } from "../../domain/Inspection.ts"
import { ContainerLifecycle } from "../../services/ContainerLifecycle.ts"
import { DockerError } from "../../services/DockerEngine.ts"
import type { SimDocker } from "./SimDocker.ts"
import { SimRefusal } from "./SimRefusal.ts"

const refusal = (endpoint: string, error: unknown): DockerError => {
  const status = error instanceof SimRefusal ? error.status : 500
  const message = `${endpoint}: HTTP ${status}: ${error instanceof Error ? error.message : String(error)}`
  return new DockerError({ endpoint, reason: status === 404 ? "not-found" : "failed", status, message })
}

const decodeInspection = Schema.decodeUnknownSync(Inspection)
const decodeImage = Schema.decodeUnknownSync(ImageConfig)

/** What changes the containers of a simulated engine. */
export const layer = (docker: SimDocker): Layer.Layer<ContainerLifecycle> => {
  const call = <A>(endpoint: string, use: () => A): Effect.Effect<A, DockerError> =>
    Effect.try({ try: use, catch: (error) => refusal(endpoint, error) })
  const settled = (ref: string) => Effect.callback<void>((resume) => docker.whenSettled(ref, () => resume(Effect.void)))

  return Layer.succeed(ContainerLifecycle)({
    inspect: (ref) =>
      Effect.andThen(
        settled(ref),
        call("GET /containers/{id}/json", () => decodeInspection(docker.inspection(ref)))
      ),
    imageConfig: (ref) =>
      call("GET /images/{name}/json", () => {
        const image = docker.image(ref)
        if (image === undefined) throw new SimRefusal(404, `No such image: ${ref}`)
        return decodeImage(image.config)
      }),
    create: (name, { body, networks, leave }) =>
      call("POST /containers/create", () => {
        const endpoints = Object.fromEntries(networks.map((network) => [network.name, network.endpoint]))
        const id = docker.createFrom(name, body, endpoints)
        if (leave !== undefined) docker.disconnect(leave, id)
        return id
      }),
    start: (ref) => call("POST /containers/{id}/start", () => docker.isRunning(ref) || docker.start(ref)),
    stop: (ref) => call("POST /containers/{id}/stop", () => docker.stop(ref)),
    restart: (ref) => call("POST /containers/{id}/restart", () => docker.restart(ref)),
    rename: (ref, name) => call("POST /containers/{id}/rename", () => docker.rename(ref, name)),
    remove: (ref) => call("DELETE /containers/{id}", () => docker.removeStopped(ref)),
    setRestartPolicy: (ref, policy) => call("POST /containers/{id}/update", () => docker.setRestartPolicy(ref, policy)),
    connect: (network, ref, endpoint) =>
      call("POST /networks/{id}/connect", () => docker.connect(network, ref, endpoint)),
    disconnect: (network, ref, force) =>
      call("POST /networks/{id}/disconnect", () => docker.disconnect(network, ref, force))
  })
}
