// One host of the packet lab: PORTS ADDRESSES, both with commas. Listens on every port of every address with UDP and TCP, and answers with what it got.
// A line {"id", "protocol", "source", "sourcePort", "destination", "destinationPort"} on standard input sends a packet. Says, one JSON object a line:
//   {"ready": true}, {"event": "arrived" | "answered", "id", "at": [address, port], "from": [address, port]}
import { createSocket } from "node:dgram"
import { connect, createServer } from "node:net"
import { createInterface } from "node:readline"

const [portText = "", addressText = ""] = process.argv.slice(2)
const ports = portText.split(",").map(Number)
const addresses = addressText.split(",")
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)
const typeOf = (address) => (address.includes(":") ? "udp6" : "udp4")

const listen = (address, port) => {
  const udp = createSocket(typeOf(address))
  udp.on("message", (message, { address: from, port: fromPort }) => {
    say({ event: "arrived", id: Number(message), at: [address, port], from: [from, fromPort] })
    udp.send(message, fromPort, from)
  })
  udp.on("error", () => {})
  const tcp = createServer((socket) => {
    socket.on("error", () => {})
    socket.on("data", (data) => {
      const from = [socket.remoteAddress, socket.remotePort]
      say({ event: "arrived", id: Number(data), at: [socket.localAddress, socket.localPort], from })
      socket.write(data)
    })
  })
  return Promise.all([
    new Promise((resolve) => udp.bind(port, address, resolve)),
    new Promise((resolve) => tcp.listen(port, address, resolve))
  ])
}

const senders = new Map()
const senderAt = async (address, port) => {
  const key = `${address} ${port}`
  if (!senders.has(key)) {
    const socket = createSocket(typeOf(address))
    socket.on("error", () => {})
    socket.on("message", (message, { address: from, port: fromPort }) =>
      say({ event: "answered", id: Number(message), at: [address, port], from: [from, fromPort] })
    )
    senders.set(key, socket)
    await new Promise((resolve) => socket.bind(port, address, resolve))
  }
  return senders.get(key)
}

const PATIENCE = 900

const send = async ({ id, protocol, source, sourcePort, destination, destinationPort }) => {
  if (protocol === "udp") {
    const socket = await senderAt(source, sourcePort)
    socket.send(String(id), destinationPort, destination, () => {})
    return
  }
  const socket = connect({ host: destination, port: destinationPort, localAddress: source, localPort: sourcePort })
  // A lost connection must not be tried again by the kernel: that would be another packet.
  const timer = setTimeout(() => socket.destroy(), PATIENCE)
  socket.on("error", () => clearTimeout(timer))
  socket.on("connect", () => {
    clearTimeout(timer)
    socket.write(String(id))
  })
  socket.on("data", () =>
    say({ event: "answered", id, at: [source, sourcePort], from: [socket.remoteAddress, socket.remotePort] })
  )
}

await Promise.all(addresses.flatMap((address) => ports.map((port) => listen(address, port))))
say({ ready: true })
const lines = createInterface({ input: process.stdin })
lines.on("line", (line) => void send(JSON.parse(line)))
lines.on("close", () => process.exit(0))
