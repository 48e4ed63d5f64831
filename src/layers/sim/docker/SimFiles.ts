import type { SimContainer } from "./SimContainer.ts"

/** The volumes of a simulated engine, with what is in them by path, and the files of its containers. */
export interface SimFiles {
  /** Makes a volume, unless there is one of that name. */
  readonly make: (name: string) => void
  readonly names: () => ReadonlyArray<string>
  readonly remove: (name: string) => void
  readonly write: (container: SimContainer, path: string, text: string) => void
  readonly read: (container: SimContainer, path: string) => string | undefined
}

export const makeFiles = (): SimFiles => {
  const volumes = new Map<string, Map<string, string>>()

  /** The files that a path is among, and what it is called there: the deepest mount has it, or the container's own layer. */
  const at = ({ mounts, files }: SimContainer, path: string): readonly [Map<string, string>, string] => {
    const [mount] = mounts
      .filter(({ Destination }) => path.startsWith(`${Destination}/`))
      .toSorted((a, b) => b.Destination.length - a.Destination.length)
    const volume = mount?.Name === undefined ? undefined : volumes.get(mount.Name)
    return mount === undefined || volume === undefined ? [files, path] : [volume, path.slice(mount.Destination.length)]
  }

  return {
    make: (name) => void (volumes.has(name) || volumes.set(name, new Map())),
    names: () => [...volumes.keys()],
    remove: (name) => void volumes.delete(name),
    write: (container, path, text) => {
      const [files, name] = at(container, path)
      files.set(name, text)
    },
    read: (container, path) => {
      const [files, name] = at(container, path)
      return files.get(name)
    }
  }
}
