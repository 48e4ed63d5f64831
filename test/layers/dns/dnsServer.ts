import { createSocket, type RemoteInfo } from "node:dgram"
import { onTestFinished } from "vitest"

/** Record types and response codes of RFC 1035 and RFC 3596. */
export const A = 1
export const CNAME = 5
export const AAAA = 28
export const NXDOMAIN = 3
export const SERVFAIL = 2
export const REFUSED = 5

export interface Question {
  readonly name: string
  readonly type: number
}

export interface DnsRecord {
  readonly name?: string
  readonly type: number
  readonly data: Buffer
}

export interface DnsAnswer {
  readonly code?: number
  readonly records?: ReadonlyArray<DnsRecord>
}

export const v4 = (address: string): DnsRecord => ({ type: A, data: Buffer.from(address.split(".").map(Number)) })

/** An IPv6 address written out in all of its eight groups. */
export const v6 = (groups: string): DnsRecord => ({
  type: AAAA,
  data: Buffer.from(
    groups
      .split(":")
      .map((group) => group.padStart(4, "0"))
      .join(""),
    "hex"
  )
})

export const encodedName = (name: string): Buffer =>
  Buffer.concat([
    ...name.split(".").flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]),
    Buffer.from([0])
  ])

/** The question of a query, and where it ends. */
const questionOf = (query: Buffer): Question & { readonly end: number } => {
  const labels: Array<string> = []
  let at = 12
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString("ascii", at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join("."), type: query.readUInt16BE(at + 1), end: at + 5 }
}

const encoded = ({ name, type, data }: DnsRecord, asked: string): Buffer => {
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(type, 0)
  fixed.writeUInt16BE(1, 2)
  fixed.writeUInt32BE(600, 4)
  fixed.writeUInt16BE(data.length, 8)
  return Buffer.concat([encodedName(name ?? asked), fixed, data])
}

const response = (query: Buffer, { code = 0, records = [] }: DnsAnswer): Buffer => {
  const { name, end } = questionOf(query)
  const head = Buffer.from(query.subarray(0, 12))
  head.writeUInt16BE(0x8180 | code, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(records.length, 6)
  head.writeUInt32BE(0, 8)
  return Buffer.concat([head, query.subarray(12, end), ...records.map((record) => encoded(record, name))])
}

/** A name server on loopback; it says nothing where the answer is nothing. */
export const serving = async (answer: (question: Question) => DnsAnswer | undefined) => {
  const questions: Array<Question> = []
  const socket = createSocket("udp4")
  socket.on("message", (query: Buffer, { port, address }: RemoteInfo) => {
    const { name, type } = questionOf(query)
    questions.push({ name, type })
    const answered = answer({ name, type })
    if (answered !== undefined) socket.send(response(query, answered), port, address)
  })
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve))
  onTestFinished(() => new Promise<void>((resolve) => socket.close(() => resolve())))
  return { server: `127.0.0.1:${socket.address().port}`, questions }
}
