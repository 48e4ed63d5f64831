import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { ImageConfig, Inspection, type Json } from "../../../domain/Inspection.ts"
import { ContainerLifecycle } from "../../../services/ContainerLifecycle.ts"
import type { DockerError } from "../../../services/DockerEngine.ts"
import type { SimDocker } from "./SimDocker.ts"
import { type Answer, SimDockerClient, SimRefused } from "./SimDockerClient.ts"
import type { SimCall } from "./SimDockerFaults.ts"
import type { Then } from "./SimLifeCycles.ts"
import { SimRefusal } from "./SimRefusal.ts"

/** Decoded once, as the engine makes it once: until something changes. */
const decoded = new WeakMap<Json, Inspection>()

const decode = Schema.decodeUnknownSync(Inspection)
const decodeInspection = (json: Json): Inspection => {
  const known = decoded.get(json) ?? decode(json)
  decoded.set(json, known)
  return known
}
const decodeImage = Schema.decodeUnknownSync(ImageConfig)

/** Answers when it is done: without a word, or with what it was refused for. */
const thenTo =
  (answer: Answer<void>): Then =>
  (refused) =>
    answer(refused === undefined ? undefined : new SimRefused(refused))

/** What changes the containers of a simulated engine, with the faults of the client that asks for it. */
export const layer = (docker: SimDocker, client = new SimDockerClient(docker)): Layer.Layer<ContainerLifecycle> => {
  /** The engine takes a container's calls one after the other: none is looked at while it is being started. */
  const about = <A>(endpoint: SimCall, ref: string, use: (answer: Answer<A>) => void): Effect.Effect<A, DockerError> =>
    client.tell(endpoint, (answer) => docker.whenSettled(ref, () => client.answering(answer, use)))
  const change = <A>(endpoint: SimCall, ref: string, use: () => A) => about<A>(endpoint, ref, (answer) => answer(use()))

  const start = (ref: string, answer: Answer<boolean>): void => {
    try {
      docker.start(ref)
    } catch (error) {
      if (!(error instanceof SimRefusal && error.status === 304)) throw error
      return answer(false)
    }
    docker.whenSettled(ref, () => {
      const why = docker.startError(ref)
      answer(why === "" ? true : new SimRefused(new SimRefusal(500, why)))
    })
  }

  return Layer.succeed(ContainerLifecycle)({
    inspect: (ref) => change("GET /containers/{id}/json", ref, () => decodeInspection(docker.inspection(ref))),
    imageConfig: (ref) =>
      client.ask("GET /images/{name}/json", () => {
        const image = docker.image(ref)
        if (image === undefined) throw new SimRefusal(404, `No such image: ${ref}`)
        return decodeImage(image.config)
      }),
    create: (name, { body, networks, leave }) =>
      client.ask("POST /containers/create", () => {
        const endpoints = Object.fromEntries(networks.map((network) => [network.name, network.endpoint]))
        const id = docker.createFrom(name, body, endpoints)
        if (leave !== undefined) docker.disconnect(leave, id)
        return id
      }),
    start: (ref) => about("POST /containers/{id}/start", ref, (answer) => start(ref, answer)),
    stop: (ref, grace) => about("POST /containers/{id}/stop", ref, (answer) => docker.stop(ref, grace, thenTo(answer))),
    restart: (ref, grace) =>
      about("POST /containers/{id}/restart", ref, (answer) => docker.restart(ref, grace, thenTo(answer))),
    rename: (ref, name) => change("POST /containers/{id}/rename", ref, () => docker.rename(ref, name)),
    remove: (ref) => change("DELETE /containers/{id}", ref, () => docker.removeStopped(ref)),
    setRestartPolicy: (ref, policy) =>
      change("POST /containers/{id}/update", ref, () => docker.setRestartPolicy(ref, policy)),
    connect: (network, ref, endpoint) =>
      change("POST /networks/{id}/connect", ref, () => docker.connect(network, ref, endpoint)),
    disconnect: (network, ref, force) =>
      change("POST /networks/{id}/disconnect", ref, () => docker.disconnect(network, ref, force))
  })
}
