import * as Schema from "effect/Schema"
import { execFile } from "node:child_process"
import { DoctorReport, type Check } from "../../src/domain/Findings.ts"
import type { Project } from "./composeProject.ts"
import type { Lab } from "./lab.ts"

export interface Ended {
  readonly status: number | string | null | undefined
  readonly stdout: string
  readonly stderr: string
}

/** A command, whatever it ends with, with its two outputs apart. */
export const ended = (command: ReadonlyArray<string>, env: NodeJS.ProcessEnv = process.env): Promise<Ended> =>
  new Promise((resolve) => {
    const [program = "", ...args] = command
    execFile(program, args, { env }, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : error.code, stdout, stderr })
    )
  })

/** A container that may do nothing but what its user may with the files that are mounted into it. */
const powerless = ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--read-only", "--network", "none"]

export interface Asked {
  /** As the container sees it. */
  readonly host?: string
  readonly options?: ReadonlyArray<string>
}

/** `anchord doctor stale-netns`, as its README has it run, with less than anybody would allow it. */
export const staleNetns = (lab: Lab, args: ReadonlyArray<string> = [], { host, options = [] }: Asked = {}) =>
  ended(
    lab.engine.within([
      ...[
        "docker",
        "run",
        "--rm",
        "-v",
        "/lab/sock:/docker:ro",
        "-e",
        `DOCKER_HOST=${host ?? "unix:///docker/docker.sock"}`
      ],
      ...[...powerless, ...options, lab.image, "doctor", "stale-netns", ...args]
    ])
  )

/** What was printed for an operator to type, and where; nothing else of it is known. */
export interface Printed {
  readonly command: string
  readonly folder: string
}

/** Types it. */
export const type = (lab: Lab, { command, folder }: Printed) =>
  lab.engine.inside(["sh", "-c", `cd "$1" && exec sh -c "$2"`, "sh", folder, command])

/** The commands of a report for people, from top to bottom. */
export const commandsOf = (report: string): ReadonlyArray<Printed> =>
  [...report.matchAll(/^ {4}→ (docker .*?)(?: {3}\(in (.*)\))?$/gm)].map(([, command = "", folder = "/"]) => ({
    command,
    folder
  }))

/** `anchord doctor` in the container of an anchor that runs. */
export const examine = (lab: Lab, project: Project, service: string, args: ReadonlyArray<string> = []) =>
  ended(lab.engine.within(["docker", "exec", project.container(service), "anchord", "doctor", ...args]))

/** The same with a service's settings and without it, as before a start. */
export const examineBefore = (
  lab: Lab,
  project: Project,
  service: string,
  args: ReadonlyArray<string> = [],
  env: Readonly<Record<string, string>> = {},
  volumes: ReadonlyArray<string> = []
) => {
  const more = [
    ...Object.entries(env).flatMap(([name, value]) => ["-e", `${name}=${value}`]),
    ...volumes.flatMap((volume) => ["-v", volume])
  ]
  return ended(
    lab.engine.within([
      ...["docker", "compose", "-f", `/lab/projects/${project.name}.json`, "--ansi=never"],
      ...["run", "--rm", "-T", "--no-deps", ...more, service, "doctor", ...args]
    ])
  )
}

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(DoctorReport))

/** What a report says of each check: `verdict finding → fix`. */
export const foundIn = ({ status, stdout, stderr }: Ended) => {
  if (!stdout.startsWith("{")) throw new Error(`no report: ${stdout}${stderr}`)
  const { findings } = decode(stdout)
  const shown = findings.map(({ check, verdict, finding, fix }) => ({
    check,
    text: `${verdict} ${finding}${fix === undefined ? "" : ` → ${fix}`}`
  }))
  const wrong = shown.filter(({ text }) => !text.startsWith("ok "))
  return {
    status,
    of: (check: Check) => shown.filter((one) => one.check === check).map(({ text }) => text),
    /** The checks that fail or warn, with what they say. */
    wrong: wrong.map(({ check, text }) => `${check}: ${text}`)
  }
}
