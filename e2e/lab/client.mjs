// The client of the lab. Prints one JSON object a line. What runs on ends when its standard input does.
//   tcp HOST PORT                     one connection: the greeting
//   udp HOST PORT                     one datagram: the greeting
//   udp-stream HOST PORT SOURCE MS    a numbered datagram every MS milliseconds from one source port: every greeting, with its time
//   tcp-hold HOST PORT MS             one connection, one echo every MS milliseconds: every echo, then how it ended
//   tcp-loop HOST PORT AT_ONCE        connection after connection: at the end how many went well
import { connect } from "node:net"
import { createSocket } from "node:dgram"

const [mode, host, portText, ...rest] = process.argv.slice(2)
const port = Number(portText)
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)
const PATIENCE = 3_000

const greet = () =>
  new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: PATIENCE })
    let text = ""
    socket.setEncoding("utf8")
    socket.on("data", (chunk) => {
      text += chunk
      if (!text.includes("\n")) return
      socket.destroy()
      resolve({ ...JSON.parse(text), localPort: socket.localPort })
    })
    socket.on("timeout", () => socket.destroy(new Error("timeout")))
    socket.on("error", reject)
    socket.on("close", () => reject(new Error("closed without a greeting")))
  })

const untilStdinEnds = (finish) => {
  process.stdin.resume()
  process.stdin.on("end", finish)
}

const udpSocket = () => createSocket(host.includes(":") ? "udp6" : "udp4")

const modes = {
  tcp: () =>
    greet().then(say, (error) => {
      say({ error: error.code ?? error.message })
      process.exitCode = 1
    }),

  udp: () => {
    const socket = udpSocket()
    const timer = setTimeout(() => {
      say({ error: "timeout" })
      process.exitCode = 1
      socket.close()
    }, PATIENCE)
    socket.on("message", (message) => {
      clearTimeout(timer)
      say(JSON.parse(message.toString()))
      socket.close()
    })
    socket.on("error", () => {})
    socket.send("?", port, host)
  },

  "udp-stream": () => {
    const [source, millis] = rest.map(Number)
    const socket = udpSocket()
    socket.on("message", (message) => say({ at: Date.now(), ...JSON.parse(message.toString()) }))
    socket.on("error", () => {})
    let sent = 0
    socket.bind(source, () => {
      const timer = setInterval(() => socket.send(`${(sent += 1)}`, port, host, () => {}), millis)
      untilStdinEnds(() => {
        clearInterval(timer)
        socket.close()
      })
    })
  },

  "tcp-hold": () => {
    const [millis] = rest.map(Number)
    const socket = connect({ host, port })
    let sent = 0
    socket.setEncoding("utf8")
    socket.on("connect", () => {
      const timer = setInterval(() => socket.write(`${(sent += 1)}\n`), millis)
      socket.on("close", () => clearInterval(timer))
    })
    socket.on("data", (text) => say({ at: Date.now(), echo: text.trim().split("\n").at(-1) }))
    socket.on("error", (error) => say({ at: Date.now(), error: error.code }))
    socket.on("close", () => process.exit(0))
    untilStdinEnds(() => socket.destroy())
  },

  "tcp-loop": async () => {
    const [atOnce] = rest.map(Number)
    const outcome = { ok: 0, failed: 0, errors: {} }
    let running = true
    untilStdinEnds(() => (running = false))
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        while (running) {
          try {
            await greet()
            outcome.ok += 1
          } catch (error) {
            outcome.failed += 1
            const why = error.code ?? error.message
            outcome.errors[why] = (outcome.errors[why] ?? 0) + 1
          }
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
      })
    )
    say(outcome)
  }
}

await modes[mode]()
