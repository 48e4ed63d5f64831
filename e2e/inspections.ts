import { mkdirSync, writeFileSync } from "node:fs"
import { project } from "./lab/folders.ts"
import { labOf, openedElsewhere } from "./lab/lab.ts"
import { makeVaried, nameOf, removeVaried, variedContainers } from "./lab/variedContainers.ts"

// Collects what the engine of an open lab says of variously configured containers: the fixtures of test/domain/Recreation.test.ts.
const folder = `${project}/test/domain/inspections`

interface RawInspection {
  readonly State: Readonly<Record<string, unknown>>
  readonly [key: string]: unknown
}

/** What is of this machine or this run alone, and what no decision looks at. */
const withoutNoise = (inspection: RawInspection, hostName: string): RawInspection => {
  const { GraphDriver: _graph, State, ...rest } = inspection
  const { Health: _health, ...state } = State
  const text = JSON.stringify({ ...rest, State: state })
    .replaceAll(/"(ResolvConfPath|HostnamePath|HostsPath|LogPath|SandboxKey)":"[^"]*"/g, '"$1":""')
    .replaceAll("/lab/data/", "/var/lib/docker/")
    .replaceAll("/lab/", "/srv/")
    .replaceAll(`"Hostname":"${hostName}"`, '"Hostname":"docker-host"')
    .replaceAll(/"Pid":[1-9]\d*/g, '"Pid":4711')
  return JSON.parse(text)
}

const state = await openedElsewhere(console.log)
if (state === undefined) throw new Error("no lab is open: npm run lab")
const lab = labOf(state)
await removeVaried(lab)
await makeVaried(lab)
mkdirSync(folder, { recursive: true })
const hostName = (await lab.docker("info", "--format", "{{.Name}}")).trim()
for (const { name } of variedContainers) {
  const [inspection] = JSON.parse(await lab.docker("inspect", nameOf(name)))
  writeFileSync(`${folder}/${name}.json`, `${JSON.stringify(withoutNoise(inspection, hostName), undefined, 2)}\n`)
}
await removeVaried(lab)
