import { spawn } from "node:child_process"
import { CommandFailed, run } from "./command.ts"
import { project } from "./folders.ts"
import { inNetns, type Host } from "./lan.ts"

const script = `${project}/e2e/lab/client.mjs`

/** What the application of the lab answers: its name, the port it was reached on, and the client as it sees it. */
export interface Greeting {
  readonly name: string
  readonly port: number
  readonly client: string
  readonly clientPort: number
}

const command = (netns: string, ...args: ReadonlyArray<string | number>) =>
  inNetns(netns, process.execPath, script, ...args.map(String))

/** One connection or datagram from a namespace; what does not answer is an error that says how it failed. */
export const ask = async (
  { netns }: Pick<Host, "netns">,
  protocol: "tcp" | "udp",
  host: string,
  port: number
): Promise<Greeting> => {
  try {
    return JSON.parse(await run(command(netns, protocol, host, port)))
  } catch (error) {
    const said = error instanceof CommandFailed ? error.output.trim() : String(error)
    throw new Error(`${protocol} ${host} ${port}: ${said}`, { cause: error })
  }
}

export interface Continuous<A> {
  /** What it has printed so far. */
  readonly lines: ReadonlyArray<A>
  /** Ends it, and answers with everything that it printed. */
  readonly finish: () => Promise<ReadonlyArray<A>>
}

const continuous = <A>({ netns }: Pick<Host, "netns">, ...args: ReadonlyArray<string | number>): Continuous<A> => {
  const [program = "", ...rest] = command(netns, ...args)
  const child = spawn(program, rest, { stdio: ["pipe", "pipe", "inherit"] })
  const lines: Array<A> = []
  let pending = ""
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const parts = (pending + text).split("\n")
    pending = parts.pop() ?? ""
    lines.push(...parts.map((part): A => JSON.parse(part)))
  })
  const ended = new Promise<void>((resolve) => {
    child.on("close", () => resolve())
  })
  child.stdin.on("error", () => {})
  return {
    lines,
    finish: async () => {
      child.stdin.end()
      await ended
      return lines
    }
  }
}

/** Datagrams from one source port, numbered from 1 on; every answer with the number and the time it came. */
export const udpStream = (from: Pick<Host, "netns">, host: string, port: number, sourcePort: number, millis = 50) =>
  continuous<Greeting & { readonly at: number; readonly said: string }>(
    from,
    "udp-stream",
    host,
    port,
    sourcePort,
    millis
  )

/** One connection that is kept and used. */
export const tcpHold = (from: Pick<Host, "netns">, host: string, port: number, millis = 50) =>
  continuous<{ readonly at: number; readonly echo?: string; readonly error?: string }>(
    from,
    "tcp-hold",
    host,
    port,
    millis
  )

/** Connection after connection, several at once; the only line is the count. */
export const tcpLoop = (from: Pick<Host, "netns">, host: string, port: number, atOnce = 4) =>
  continuous<{ readonly ok: number; readonly failed: number; readonly errors: Record<string, number> }>(
    from,
    "tcp-loop",
    host,
    port,
    atOnce
  )
