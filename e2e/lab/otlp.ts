import { spawn } from "node:child_process"
import { spansIn, type ReceivedSpan } from "../../test/layers/observability/otlpReceiver.ts"
import { project } from "./folders.ts"
import type { Lab } from "./lab.ts"
import { inNetns } from "./lan.ts"
import { eventually } from "./steps.ts"

const PROTOBUF = "application/x-protobuf"

interface Received {
  readonly type: string
  readonly body: string
}

export interface Otlp {
  /** What came as JSON. */
  readonly spans: () => ReadonlyArray<ReceivedSpan>
  /** What came as protobuf, of which texts can be read. */
  readonly protobuf: () => string
  readonly stop: () => Promise<void>
}

/** A receiver of OTLP over HTTP beside the engine's bridges, which containers reach by the gateway address of a network of theirs. */
export const startOtlp = async (lab: Lab, port: number): Promise<Otlp> => {
  const [program = "", ...args] = inNetns(
    lab.engineNetns,
    process.execPath,
    `${project}/e2e/lab/otlpServer.ts`,
    `${port}`
  )
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] })
  const received: Array<Received> = []
  let ready = false
  let pending = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const lines = (pending + text).split("\n")
    pending = lines.pop() ?? ""
    for (const line of lines) {
      if (ready) received.push(JSON.parse(line))
      else ready = true
    }
  })
  child.stdin.on("error", () => {})
  const ended = new Promise<void>((resolve) => {
    child.on("close", () => resolve())
  })
  const stop = () => {
    child.stdin.end()
    return ended
  }
  await eventually("the receiver of OTLP is there", 30_000, () => {
    if (!ready) throw new Error(child.exitCode === null ? "not yet" : "it ended")
  }).catch(async (error: unknown) => {
    await stop()
    throw error
  })
  const bodies = (isWanted: (type: string) => boolean) =>
    received.filter(({ type }) => isWanted(type)).map(({ body }) => Buffer.from(body, "base64"))
  return {
    spans: () => spansIn(bodies((type) => type !== PROTOBUF).map((body) => body.toString("utf8"))),
    protobuf: () => Buffer.concat(bodies((type) => type === PROTOBUF)).toString("latin1"),
    stop
  }
}
