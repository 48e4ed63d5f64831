import { run } from "./command.ts"
import type { Lab } from "./lab.ts"
import { inNetns, type Host } from "./lan.ts"

/** Docker Compose on files of an example as they stand, or of the lab by absolute path, with variables as its reader would set them. */
export const composeExample = (
  lab: Lab,
  folder: string,
  names: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>
) => {
  const files = names.flatMap((name) => ["-f", name.startsWith("/") ? name : `/project/examples/${folder}/${name}`])
  const variables = Object.entries(env).map(([key, value]) => `${key}=${value}`)
  return (...args: ReadonlyArray<string>) =>
    lab.engine.inside(["env", ...variables, "docker", "compose", "--ansi=never", ...files, ...args])
}

/** The first line that a TCP service says, by bash alone. */
export const firstLine = ({ netns }: Host, host: string, port: number) =>
  run(inNetns(netns, "timeout", "5", "bash", "-c", `exec 3<>/dev/tcp/${host}/${port} && head -n 1 <&3`))

/** The first line that a UDP service answers, the same way. */
export const firstDatagram = ({ netns }: Host, host: string, port: number) =>
  run(
    inNetns(netns, "timeout", "1", "bash", "-c", `exec 3<>/dev/udp/${host}/${port} && echo hello >&3 && head -n 1 <&3`)
  )
