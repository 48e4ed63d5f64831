// Receives OTLP until its standard input ends; prints each export as a JSON line.
import { startReceiver } from "../../test/layers/observability/otlpReceiver.ts"

const receiver = await startReceiver(Number(process.argv[2]), "::", ({ headers, body }) => {
  process.stdout.write(`${JSON.stringify({ type: headers["content-type"], body: body.toString("base64") })}\n`)
})
console.log(JSON.stringify({ ready: true }))
process.stdin.on("end", () => void receiver.close().then(() => process.exit(0))).resume()
