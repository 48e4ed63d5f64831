import { request as httpRequest } from "node:http"
import type { RawEvent } from "../../test/contracts/operatedDocker.ts"

const API = "/v1.45"

export interface Answer {
  readonly status: number
  readonly body: never
}

/** In the place of a status: the engine closed the connection. */
const NO_ANSWER = 0

/** One question to the engine, in its own words. */
export const ask = (socketPath: string, method: string, path: string, body?: unknown): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { "content-type": "application/json" }
    const sent = httpRequest({ socketPath, method, path: `${API}${path}`, headers, agent: false }, (response) => {
      let text = ""
      response.on("data", (chunk: Buffer) => (text += chunk.toString()))
      response.on("error", reject)
      response.on("end", () => {
        const isJson = text.startsWith("{") || text.startsWith("[")
        resolve({ status: response.statusCode ?? 0, body: (isJson ? JSON.parse(text) : text) as never })
      })
    })
    sent.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNRESET") resolve({ status: NO_ANSWER, body: "" as never })
      else reject(error)
    })
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })

interface Line {
  readonly Type: string
  readonly Action: string
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> }
}

/** Follows the engine's events; answers with the way to stop. */
export const follow = (socketPath: string, tell: (event: RawEvent) => void): (() => void) => {
  const filters = encodeURIComponent(JSON.stringify({ type: ["container", "network"] }))
  let rest = ""
  const sent = httpRequest({ socketPath, path: `${API}/events?filters=${filters}` }, (response) => {
    response.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split("\n")
      rest = lines.pop() ?? ""
      for (const line of lines.filter((text) => text !== "")) {
        const { Type, Action, Actor } = JSON.parse(line) as Line
        if (Action.startsWith("exec_")) continue
        const isContainer = Type === "container"
        const containerId = isContainer ? Actor.ID : (Actor.Attributes["container"] ?? "")
        tell({ type: isContainer ? "container" : "network", action: Action, containerId, attributes: Actor.Attributes })
      }
    })
    response.on("error", () => {})
  })
  sent.on("error", () => {})
  sent.end()
  return () => void sent.destroy()
}
