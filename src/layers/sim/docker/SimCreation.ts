import type { Json } from "../../../domain/Inspection.ts"
import { configure, missingKey } from "./SimAttachments.ts"
import { joinedRef, makeContainer } from "./SimContainer.ts"
import { refuseConflicts, type SimImage, type SimVolumes } from "./SimContainerConfig.ts"
import { makeFiles, type SimFiles } from "./SimFiles.ts"
import { SimRefusal } from "./SimRefusal.ts"
import { endpointFor, requestOf, type SimContainerSpec } from "./SimSpec.ts"
import type { SimSurroundings } from "./SimSurroundings.ts"

/** Creates containers of images, with their volumes. */
export class SimCreation {
  readonly files: SimFiles = makeFiles()
  readonly #images = new Map<string, SimImage>()
  readonly #in: SimSurroundings
  readonly #volumes: SimVolumes

  constructor(surroundings: SimSurroundings) {
    this.#in = surroundings
    this.#volumes = {
      anonymous: () => {
        const volume = surroundings.newId()
        this.files.make(volume)
        return volume
      },
      named: (volume) => this.files.make(volume),
      from: (ref) => surroundings.containers.get(ref).mounts
    }
  }

  addImage(name: string, config: Json, id: string): void {
    this.#images.set(name, { id: `sha256:${id}`, config })
  }

  image(name: string): SimImage | undefined {
    return this.#images.get(name) ?? [...this.#images.values()].find(({ id }) => id === name)
  }

  /** `docker create`; an image that is not there is made. */
  create(spec: SimContainerSpec): string {
    const { networks } = this.#in
    const request = requestOf(spec)
    const image = String(request["Image"])
    if (!this.#images.has(image)) this.addImage(image, {}, image)
    const mode = spec.network ?? "bridge"
    const names = joinedRef(mode) === undefined ? [mode, ...(spec.also ?? [])] : []
    for (const network of names) networks.get(network)
    const asked = names.map((name) => [name, endpointFor(spec.addresses?.[networks.get(name).name])] as const)
    return this.from(spec.name, request, Object.fromEntries(asked))
  }

  /**
   * `POST /containers/create`, with what it asks for on its networks. A `container:<ref>` becomes the ID of what it names now; one that
   * names nothing stays as it is.
   */
  from(name: string, request: Json, endpoints: Readonly<Record<string, Json>>): string {
    const { containers, networks, events, newId, stamp } = this.#in
    const image = this.image(String(request["Image"]))
    if (image === undefined) throw new SimRefusal(404, `No such image: ${String(request["Image"])}`)
    refuseConflicts(request)
    containers.refuseName(name)
    const id = newId()
    const mode = String((request["HostConfig"] as Json | undefined)?.["NetworkMode"] ?? "bridge")
    const joined = joinedRef(mode)
    const resolved = joined === undefined ? mode : `container:${containers.find(joined)?.id ?? joined}`
    const birth = { id, name, image, request, networkMode: resolved, created: stamp() }
    const container = makeContainer(birth, this.#volumes)
    for (const [network, wanted] of joined === undefined ? Object.entries({ [mode]: {}, ...endpoints }) : []) {
      configure(container, networks.find(network)?.id ?? missingKey(network), wanted)
    }
    containers.add(container)
    events.container("create", container)
    return id
  }
}
