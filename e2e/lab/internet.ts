import { spawn } from "node:child_process"
import { project as repository } from "./folders.ts"
import { inNetns } from "./lan.ts"
import type { Lab } from "./lab.ts"

export const INTERNET_PORT = 7_000

/** The lab's application on the router, where the documentation addresses are: what it greets is how the internet sees a project. */
export const startInternet = (lab: Lab) => {
  const ports = [`tcp/${INTERNET_PORT}`, `udp/${INTERNET_PORT}`]
  const [program = "", ...args] = [
    ...["setpriv", "--pdeathsig", "KILL"],
    ...inNetns(lab.router.netns, process.execPath, `${repository}/e2e/lab/app.mjs`, "internet", ...ports)
  ]
  const child = spawn(program, args, { stdio: "ignore" })
  return { stop: () => child.kill("SIGTERM") }
}
