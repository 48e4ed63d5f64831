import type { Inspection, Json, MountPoint, TypedMount } from "./Inspection.ts"

/** As Docker writes a path within a container: absolute, without a slash at the end. */
const clean = (path: string): string =>
  `/${path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/")}`

/** The path in the container that a bind names: `volume:/data`, `/host:/data:ro`; a lone `/data` is an anonymous volume. */
const targetOf = (bind: string): string | undefined => {
  const target = bind.split(":")[1]
  return target === undefined ? undefined : clean(target)
}

/** A volume by its name. Nothing of the image is copied into it, even when it is empty: it was filled, or emptied, before. */
const volumeMount = ({ Name, Destination, RW }: MountPoint): Json => ({
  Type: "volume",
  Source: Name,
  Target: Destination,
  ...(RW === false ? { ReadOnly: true } : {}),
  VolumeOptions: { NoCopy: true }
})

/** `--mount type=volume` without a source is an anonymous volume, and shows as that for ever. */
const naming = (mount: TypedMount, mounted: ReadonlyArray<MountPoint>): TypedMount => {
  const volume = mounted.find(({ Destination }) => Destination === clean(mount.Target))
  if (mount.Type !== "volume" || mount.Source || !volume?.Name) return mount
  return { ...mount, Source: volume.Name, VolumeOptions: { ...mount.VolumeOptions, NoCopy: true } }
}

const bindOf = ({ Source, Destination, Mode, RW }: MountPoint): string => {
  const mode = Mode || (RW === false ? "ro" : "")
  return `${Source}:${Destination}${mode === "" ? "" : `:${mode}`}`
}

/**
 * Where a container's data is, as the `Binds`, `Mounts` and `VolumesFrom` of its successor (SPEC §11). What is mounted without a name in the
 * container's configuration is named, so that the successor gets the same: anonymous volumes, whether asked for by the container or
 * its image, and what came by `VolumesFrom`, since the container that names may be another by now, or gone.
 */
export const containerMounts = ({ HostConfig, Mounts }: Inspection): Json => {
  const mounted = Mounts ?? []
  const binds = (HostConfig.Binds ?? []).filter((bind) => targetOf(bind) !== undefined)
  const typed = (HostConfig.Mounts ?? []).map((mount) => naming(mount, mounted))
  const named = new Set([
    ...binds.map(targetOf),
    ...typed.map(({ Target }) => clean(Target)),
    ...Object.keys(HostConfig.Tmpfs ?? {}).map(clean)
  ])
  // Docker tells them in a different order each time.
  const unnamed = mounted
    .filter(({ Destination }) => !named.has(Destination))
    .toSorted((a, b) => (a.Destination < b.Destination ? -1 : 1))
  const newBinds = unnamed.filter(({ Type }) => Type === "bind").map(bindOf)
  const newMounts = unnamed.filter(({ Type, Name }) => Type === "volume" && Name).map(volumeMount)
  return {
    ...(newBinds.length === 0 && binds.length === (HostConfig.Binds ?? []).length
      ? {}
      : { Binds: [...binds, ...newBinds] }),
    ...(typed.length + newMounts.length === 0 ? {} : { Mounts: [...typed, ...newMounts] }),
    ...((HostConfig.VolumesFrom ?? []).length === 0 ? {} : { VolumesFrom: null })
  }
}
