import { get } from "node:http"
import type { Lab } from "./lab.ts"
import { eventually } from "./steps.ts"

interface Told {
  readonly Type: string
  readonly Action: string
  readonly Actor: { readonly ID: string; readonly Attributes: { readonly name?: string } }
}

const event = ["create", "start", "restart", "kill", "stop", "die", "destroy", "rename"]

/** Notes what happens to the containers of the engine from now on. (Asked afterwards, Docker tells the last 256 events only.) */
export const watchContainers = async (lab: Lab) => {
  const since = Date.parse((await lab.docker("info", "-f", "{{.SystemTime}}")).trim()) / 1_000
  const query = new URLSearchParams({ since: `${since}`, filters: JSON.stringify({ event }) })
  let output = ""
  const request = get({ socketPath: lab.socket, path: `/events?${query}` }, (response) => {
    response.setEncoding("utf8").on("data", (text: string) => (output += text))
    response.on("error", () => {})
  })
  request.on("error", () => {})
  const told = () =>
    output
      .split("\n")
      .slice(0, -1)
      .map((line): Told => JSON.parse(line))
  return {
    /** Ends it, and answers with everything that had happened by then: `action name`. */
    finish: async (): Promise<ReadonlyArray<string>> => {
      const marker = (await lab.docker("volume", "create")).trim()
      await lab.docker("volume", "rm", marker)
      await eventually("the last event has arrived", 20_000, () => {
        if (!told().some(({ Actor }) => Actor.ID === marker)) throw new Error("not yet")
      })
      request.destroy()
      return told()
        .filter(({ Type }) => Type === "container")
        .map(({ Action, Actor }) => `${Action} ${Actor.Attributes.name}`)
    }
  }
}
