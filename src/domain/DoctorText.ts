import { columns, unpainted, type Cell, type Paint, type Style } from "./Columns.ts"
import { verdicts, type DoctorReport, type Verdict } from "./Findings.ts"

const styles: Readonly<Record<Verdict, Style>> = { ok: "good", warn: "warning", fail: "bad" }

const summary = ({ findings }: DoctorReport, paint: Paint): string =>
  verdicts
    .flatMap((verdict) => {
      const count = findings.filter((one) => one.verdict === verdict).length
      return count === 0 ? [] : [paint(styles[verdict], `${count} ${verdict}`)]
    })
    .join(", ")

/** The report for a terminal: a line for each finding, and below it what mends it. */
export const formatDoctor = (report: DoctorReport, paint: Paint = unpainted): string => {
  const rows = report.findings.flatMap(({ check, verdict, finding, fix }): ReadonlyArray<ReadonlyArray<Cell>> => [
    [{ text: verdict, style: styles[verdict] }, { text: check }, { text: finding }],
    ...(fix === undefined ? [] : [[{ text: "" }, { text: "" }, { text: `→ ${fix}` }]])
  ])
  return [
    `${report.mode} ${report.version} (${report.commit})`,
    "",
    ...columns(rows, paint),
    "",
    summary(report, paint)
  ].join("\n")
}
