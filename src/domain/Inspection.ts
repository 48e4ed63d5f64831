import * as Schema from "effect/Schema"

/** A piece of Docker's JSON that is passed on as it is. */
export type Json = Readonly<Record<string, unknown>>

/** Absent, null and empty are one: which of them an engine writes has changed with its versions. */
const maybe = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))
const text = maybe(Schema.String)
const texts = maybe(Schema.Array(Schema.String))

/** An object of which these keys are read, and every other one is kept. */
const open = <F extends Schema.Struct.Fields>(fields: F) =>
  Schema.StructWithRest(Schema.Struct(fields), [Schema.Record(Schema.String, Schema.Unknown)])
const anything = open({})

/** What an image or a container is configured to run. */
const runFields = {
  Hostname: text,
  Image: text,
  Env: texts,
  Entrypoint: texts,
  Cmd: texts,
  Labels: maybe(Schema.Record(Schema.String, Schema.String)),
  Volumes: maybe(anything),
  ExposedPorts: maybe(anything),
  Healthcheck: maybe(anything),
  MacAddress: text,
  StopTimeout: maybe(Schema.Number)
}

const RestartPolicy = open({ Name: text })

const TypedMount = open({ Type: Schema.String, Source: text, Target: Schema.String, VolumeOptions: maybe(anything) })

const PortBinding = open({ HostIp: text, HostPort: text })

const HostConfig = open({
  AutoRemove: maybe(Schema.Boolean),
  PortBindings: maybe(Schema.Record(Schema.String, Schema.NullOr(Schema.Array(PortBinding)))),
  PublishAllPorts: maybe(Schema.Boolean),
  Binds: texts,
  Mounts: maybe(Schema.Array(TypedMount)),
  Tmpfs: maybe(anything),
  VolumesFrom: texts,
  NetworkMode: text,
  PidMode: text,
  IpcMode: text,
  RestartPolicy: maybe(RestartPolicy)
})

const MountPoint = open({
  Type: Schema.String,
  Name: text,
  Source: text,
  Destination: Schema.String,
  Mode: text,
  RW: maybe(Schema.Boolean)
})

const Endpoint = open({
  Aliases: texts,
  IPAMConfig: maybe(open({ IPv4Address: text, IPv6Address: text })),
  NetworkID: text,
  IPAddress: text,
  MacAddress: text
})

/**
 * What `GET /containers/{id}/json` says of a container, in full: nothing that an engine tells is dropped, because re-creating the container
 * must not lose it (SPEC §11).
 */
export const Inspection = open({
  Id: Schema.String,
  Name: Schema.String,
  Created: Schema.String,
  /** The ID of the image, not its name. */
  Image: Schema.String,
  State: open({ Status: Schema.String, StartedAt: text, FinishedAt: text }),
  Config: open(runFields),
  HostConfig,
  Mounts: maybe(Schema.Array(MountPoint)),
  NetworkSettings: open({ Networks: maybe(Schema.Record(Schema.String, Schema.NullOr(Endpoint))) }),
  ImageManifestDescriptor: maybe(
    open({ platform: maybe(open({ os: Schema.String, architecture: Schema.String, variant: text })) })
  )
})
export type Inspection = typeof Inspection.Type

/** `Config` of `GET /images/{name}/json`: what a container of that image gets unless it says otherwise. */
export const ImageConfig = open(runFields)
export type ImageConfig = typeof ImageConfig.Type

export type RunConfig = Inspection["Config"]
export type TypedMount = typeof TypedMount.Type
export type MountPoint = typeof MountPoint.Type
export type Endpoint = typeof Endpoint.Type
export type RestartPolicy = typeof RestartPolicy.Type

/** The ID as Docker shows it, and as it names the host of a container that was given no name. */
export const shortId = (id: string): string => id.slice(0, 12)

/** Without the leading slash. */
export const nameOf = ({ Name }: Inspection): string => Name.replace(/^\//, "")

/** Whether its process was ever there; Docker writes the year 1 when it was not. */
export const wasStarted = ({ State }: Inspection): boolean => (State.StartedAt ?? "0001") > "0002"

/** Running, or about to be again by itself. */
export const runs = ({ State }: Inspection): boolean => ["running", "paused", "restarting"].includes(State.Status)

/** A time as Docker tells it (RFC 3339 in UTC, with up to nine digits of a second) in nanoseconds since the epoch. */
export const nanosOf = (time: string): bigint => {
  const [, second = "", digits = ""] = /^([^.Z]*)(?:\.(\d+))?/.exec(time) ?? []
  const millis = Date.parse(`${second}Z`)
  return Number.isNaN(millis) ? 0n : BigInt(millis) * 1_000_000n + BigInt(digits.padEnd(9, "0").slice(0, 9))
}
