import { chmodSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { makeFolder, startNode } from "../layers/process/scripts.ts"

export const entry = fileURLToPath(new URL("../../src/main/anchord.ts", import.meta.url))

/** A service-anchor whose `ip` is a script, in a process that may write no file: it finds nothing that it could change. */
export const serviceAnchor = (
  ip: string,
  env: Readonly<Record<string, string>>,
  options: ReadonlyArray<string> = []
) => {
  const folder = makeFolder()
  const program = join(folder, "ip")
  writeFileSync(program, `#!/bin/sh\n${ip}\n`)
  chmodSync(program, 0o755)
  const permissions = [
    "--permission",
    "--allow-fs-read=*",
    "--allow-child-process",
    "--disable-warning=SecurityWarning"
  ]
  return startNode([...permissions, ...options, entry, "service-anchor"], {
    PATH: folder,
    ANCHORD_METRICS_ADDR: "",
    ANCHORD_GATEWAY_IP: "172.20.0.2",
    ...env
  })
}
