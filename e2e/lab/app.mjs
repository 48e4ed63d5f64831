// The application of the lab: NAME proto/port… Greets with its name, the port, and who it is talking to; TCP then echoes, UDP
// greets with what it was told as well.
import { createServer } from "node:net"
import { createSocket } from "node:dgram"

const [name, ...ports] = process.argv.slice(2)
const plain = (address) => address.replace(/^::ffff:/, "")
const greeting = (port, client, clientPort, said) =>
  `${JSON.stringify({ name, port, client: plain(client), clientPort, said })}\n`

for (const entry of ports) {
  const [protocol, text] = entry.split("/")
  const port = Number(text)
  if (protocol === "tcp") {
    createServer((socket) => {
      socket.on("error", () => {})
      socket.write(greeting(port, socket.remoteAddress, socket.remotePort))
      socket.pipe(socket)
    }).listen(port, "::", 511)
  } else {
    const socket = createSocket({ type: "udp6", reuseAddr: true })
    socket.on("message", (message, { address, port: clientPort }) =>
      socket.send(greeting(port, address, clientPort, message.toString()), clientPort, address)
    )
    socket.bind(port, "::")
  }
}
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0))
