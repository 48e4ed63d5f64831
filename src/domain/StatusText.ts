import { families, familyName, type Family } from "./Address.ts"
import { columns, unpainted, type Cell, type Paint } from "./Columns.ts"
import { containerTable } from "./ProjectPlanText.ts"
import type { NetworkAnchorStatus, RecentLine, ServiceAnchorStatus, Status, StatusDocker } from "./Status.ts"

type Row = ReadonlyArray<Cell>

const row = (name: string, text: string, style?: Cell["style"]): Row => [
  { text: name },
  style === undefined ? { text } : { text, style }
]

/** The two largest units of a duration in milliseconds, `0s` for none. */
const duration = (millis: number): string => {
  const seconds = Math.max(0, Math.round(millis / 1_000))
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "m"],
    [seconds % 60, "s"]
  ] as const
  const first = parts.findIndex(([count]) => count > 0)
  if (first < 0) return "0s"
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count}${unit}`)
    .join(" ")
}

const ago = (time: string, now: number): string => `${duration(now - Date.parse(time))} ago`

const dockerRow = ({ connected, since }: StatusDocker, now: number): Row =>
  connected
    ? row("Docker", `connected for ${duration(now - Date.parse(since))}`, "good")
    : row("Docker", `away for ${duration(now - Date.parse(since))}: what is there stays as it is`, "bad")

const addressText = (family: Family, { leases, external }: NetworkAnchorStatus, now: number): string => {
  const lease = leases.find((one) => one.family === family)
  if (lease === undefined) return external[family] === undefined ? "none" : `${external[family]}, from Docker`
  const from = lease.server === undefined ? "" : ` from ${lease.server}`
  return `${lease.address}, leased${from}, for another ${duration(Date.parse(lease.expires) - now)}`
}

const networkAnchorRows = (told: NetworkAnchorStatus, now: number): ReadonlyArray<Row> => {
  const { docker, external, gateways, shared, lastReconcile } = told
  const network = external.network === undefined ? "" : ` on ${external.network}`
  return [
    dockerRow(docker, now),
    row("external interface", `${external.interface}${network}`),
    ...families.map((family) => row(`address ${familyName[family]}`, addressText(family, told, now))),
    ...gateways.map(({ family, address, why }) =>
      row(`gateway ${familyName[family]}`, address === undefined ? why : `${address}: ${why}`)
    ),
    shared === undefined
      ? row("shared network", "none yet", "warning")
      : row("shared network", `${shared.network}: ${shared.why}${shared.settled ? "" : "; not settled yet"}`),
    lastReconcile === undefined
      ? row("last reconcile", "none yet", "warning")
      : lastReconcile.ok
        ? row("last reconcile", ago(lastReconcile.time, now))
        : row("last reconcile", `failed ${ago(lastReconcile.time, now)}: ${lastReconcile.error ?? "unknown"}`, "bad")
  ]
}

const serviceAnchorRows = ({ hostname, gateways }: ServiceAnchorStatus): ReadonlyArray<Row> => [
  ...(hostname === undefined ? [] : [row("network-anchor", hostname)]),
  ...gateways.map(({ family, address, routed }) => {
    const name = `gateway ${familyName[family]}`
    if (address === undefined) return row(name, "none", "faint")
    return routed
      ? row(name, `${address}, and the default route leads there`, "good")
      : row(name, `${address}, but no default route leads there`, "bad")
  })
]

const count = (number: number, one: string, many: string): string => `${number} ${number === 1 ? one : many}`

const containersText = ({ containers, entries }: NetworkAnchorStatus, paint: Paint): ReadonlyArray<string> =>
  containers.length === 0
    ? ["", paint("warning", "no container is in scope")]
    : ["", ...containerTable(containers, paint), "", `${count(entries, "entry", "entries")} in the DNAT maps`]

const recentText = (recent: ReadonlyArray<RecentLine>, paint: Paint): ReadonlyArray<string> =>
  recent.length === 0
    ? []
    : [
        "",
        ...columns(
          recent.map(({ time, level, message }): Row => [
            { text: time, style: "faint" },
            level === "INFO" ? { text: level } : { text: level, style: level === "WARN" ? "warning" : "bad" },
            { text: message }
          ]),
          paint
        )
      ]

/** The status for a terminal; `now` in Unix milliseconds. */
export const formatStatus = (status: Status, now: number, paint: Paint = unpainted): string => {
  const { mode, version, commit, started, ready, missing, networkAnchor, serviceAnchor, rebinder, recent } = status
  const head = columns(
    [
      row(mode, `${version} (${commit}), started ${ago(started, now)}`),
      ready ? row("ready", "yes", "good") : row("ready", `no: ${missing.join("; ")}`, "bad"),
      ...(networkAnchor === undefined ? [] : networkAnchorRows(networkAnchor, now)),
      ...(serviceAnchor === undefined ? [] : serviceAnchorRows(serviceAnchor)),
      ...(rebinder === undefined ? [] : [dockerRow(rebinder.docker, now)])
    ],
    paint
  )
  return [
    ...head,
    ...(networkAnchor === undefined ? [] : containersText(networkAnchor, paint)),
    ...recentText(recent, paint)
  ].join("\n")
}
