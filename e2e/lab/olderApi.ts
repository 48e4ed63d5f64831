import { createServer, request } from "node:http"
import type { Lab } from "./lab.ts"

/** A way to the lab's engine on which that says it speaks an older version of its API, so that it is spoken to in that. */
export const openOlderApi = async (lab: Lab, version: string) => {
  const name = `api-${version}.sock`
  const path = `${lab.engine.work}/sock/${name}`
  const server = createServer((asked, answer) => {
    const { method, url, headers } = asked
    const passed = request({ socketPath: lab.socket, method, path: url, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, { ...response.headers, "api-version": version })
      response.pipe(answer)
    })
    passed.on("error", () => answer.destroy())
    asked.pipe(passed)
  })
  await new Promise<void>((resolve) => {
    server.listen(path, resolve)
  })
  return {
    host: `unix://${path}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}
