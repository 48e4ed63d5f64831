import * as Equal from "effect/Equal"
import type { ImageConfig, Json, RunConfig } from "./Inspection.ts"

/** The keys of an object whose values are not those of the image. */
const ownKeys = (own: Json | null | undefined, image: Json | null | undefined): Json =>
  Object.fromEntries(Object.entries(own ?? {}).filter(([key, value]) => !Equal.equals(value, image?.[key])))

const scalars = ["User", "WorkingDir", "StopSignal", "Shell"] as const

/**
 * A container's configuration without what it only has from its image, so that another image's takes the place (SPEC §11.3). Docker does
 * not tell the two apart: what a container was given that is the same as in its image counts as the image's.
 */
export const withoutDefaults = (config: RunConfig, image: ImageConfig): Json => {
  const sameEntrypoint = Equal.equals(config.Entrypoint ?? [], image.Entrypoint ?? [])
  // An entrypoint of the container's own makes Docker forget the image's command.
  const sameCommand = sameEntrypoint && Equal.equals(config.Cmd ?? [], image.Cmd ?? [])
  const dropped = new Set<string>([
    ...scalars.filter((key) => Equal.equals(config[key] ?? "", image[key] ?? "")),
    ...(sameEntrypoint ? ["Entrypoint"] : []),
    ...(sameCommand ? ["Cmd"] : [])
  ])
  const kept = Object.fromEntries(Object.entries(config).filter(([key]) => !dropped.has(key)))
  return {
    ...kept,
    ...(sameEntrypoint || (config.Entrypoint ?? []).length > 0 ? {} : { Entrypoint: [""] }),
    Env: (config.Env ?? []).filter((variable) => !(image.Env ?? []).includes(variable)),
    Labels: ownKeys(config.Labels, image.Labels),
    Volumes: ownKeys(config.Volumes, image.Volumes),
    ExposedPorts: ownKeys(config.ExposedPorts, image.ExposedPorts),
    ...(config.Healthcheck ? { Healthcheck: ownKeys(config.Healthcheck, image.Healthcheck) } : {})
  }
}
