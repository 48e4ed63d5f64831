import type { Project } from "../e2e/lab/composeProject.ts"
import type { Lab } from "../e2e/lab/lab.ts"

/** What the kernel counts processor time in. */
export const TICKS_PER_SECOND = 100

/** For each process of a container's cgroup: its memory in kB, and its user and system time in ticks. */
const script = `
cgroup=$(cat /proc/$1/cgroup)
for p in /proc/[0-9]*; do
  [ "$(cat $p/cgroup 2>/dev/null)" = "$cgroup" ] || continue
  awk -v stat="$(cat $p/stat)" '
    $1 == "Rss:" { rss = $2 }
    $1 == "Pss:" { pss = $2 }
    END { sub(/^.*\\) /, "", stat); split(stat, f, " "); print rss, pss, f[12] + f[13] }' $p/smaps_rollup
done`

/** Memory in MB, and processor time in ticks, of all processes of a service. */
export const usageOf = async (lab: Lab, project: Project, service: string) => {
  const pid = await project.inspect(service, "{{.State.Pid}}")
  const lines = (await lab.engine.inside(["sh", "-c", script, "sh", pid])).trim().split("\n")
  const [rss = 0, pss = 0, ticks = 0] = [0, 1, 2].map((field) =>
    lines.reduce((sum, line) => sum + Number(line.split(" ")[field]), 0)
  )
  return { rss: rss / 1024, pss: pss / 1024, ticks }
}
