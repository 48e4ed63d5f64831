import * as Result from "effect/Result"
import { describe, expect, it } from "vitest"
import { MAX_TRANSLATED_RANGE, parseExpose, parseExposeV6, printMapping } from "../../src/domain/ExposeLabel.ts"

const FORM = "an entry is tcp|udp/PORT[-PORT][:BACKENDPORT[-BACKENDPORT]]"

const read = (label: string) => Result.getOrThrow(parseExpose(label)).map(printMapping)

const refusal = (label: string) => Result.getOrThrow(Result.flip(parseExpose(label)))

describe("anchord.expose: what is read", () => {
  it("keeps the port where no other is named", () => {
    expect(Result.getOrThrow(parseExpose("tcp/25"))).toEqual([{ protocol: "tcp", from: 25, to: 25, backendFrom: 25 }])
    expect(Result.getOrThrow(parseExpose("udp/4500"))).toEqual([
      { protocol: "udp", from: 4500, to: 4500, backendFrom: 4500 }
    ])
  })

  it("translates the port where another is named", () => {
    expect(Result.getOrThrow(parseExpose("tcp/636:6636"))).toEqual([
      { protocol: "tcp", from: 636, to: 636, backendFrom: 6636 }
    ])
  })

  it("keeps a range as one mapping, however wide", () => {
    expect(Result.getOrThrow(parseExpose("udp/49152-65535"))).toEqual([
      { protocol: "udp", from: 49152, to: 65535, backendFrom: 49152 }
    ])
    expect(read("tcp/1-65535")).toEqual(["tcp/1-65535"])
  })

  it("maps a translated range port by port", () => {
    expect(Result.getOrThrow(parseExpose("tcp/8000-8010:9000-9010"))).toEqual([
      { protocol: "tcp", from: 8000, to: 8010, backendFrom: 9000 }
    ])
  })

  it("takes the lowest and the highest port, and a range of one", () => {
    expect(read("tcp/1,tcp/65535,udp/7-7,udp/9-9:10-10")).toEqual(["tcp/1", "tcp/65535", "udp/7", "udp/9:10"])
  })

  it("reads the protocol in any case", () => {
    expect(read("TCP/25,Udp/53")).toEqual(["tcp/25", "udp/53"])
  })

  it("does not mind blanks around anything", () => {
    expect(read("  tcp / 25 ,\tudp/ 100 - 110 : 200 - 210 \n, tcp/636 :6636")).toEqual([
      "tcp/25",
      "tcp/636:6636",
      "udp/100-110:200-210"
    ])
  })

  it("ignores empty entries", () => {
    expect(read(",tcp/25,, ,udp/53,")).toEqual(["tcp/25", "udp/53"])
    for (const blank of ["", "  ", ",", " , ,"]) expect(read(blank)).toEqual([])
  })

  it("answers in the order of protocols and ports", () => {
    expect(read("udp/53,tcp/443,udp/5,tcp/80")).toEqual(["tcp/80", "tcp/443", "udp/5", "udp/53"])
  })

  it("takes a port that is named twice with one target once", () => {
    expect(read("tcp/25,tcp/25")).toEqual(["tcp/25"])
    expect(read("tcp/25,tcp/25:25")).toEqual(["tcp/25"])
    expect(read("tcp/636:6636,TCP/636:6636")).toEqual(["tcp/636:6636"])
    expect(read("tcp/20-30,tcp/25")).toEqual(["tcp/20-30"])
    expect(read("tcp/20-30,tcp/25-40")).toEqual(["tcp/20-40"])
    expect(read("tcp/20-30:120-130,tcp/25:125")).toEqual(["tcp/20-30:120-130"])
  })

  it("lets both protocols have one port with different targets", () => {
    expect(read("tcp/53,udp/53:5353")).toEqual(["tcp/53", "udp/53:5353"])
  })

  it("translates 1,024 ports and no more", () => {
    expect(MAX_TRANSLATED_RANGE).toBe(1_024)
    expect(read("tcp/1-1024:2001-3024")).toEqual(["tcp/1-1024:2001-3024"])
  })

  it("does not call a range translated whose backend ports are its own", () => {
    expect(read("udp/49152-65535:49152-65535")).toEqual(["udp/49152-65535"])
  })
})

describe("anchord.expose: what is refused, with the entry and the rule", () => {
  const cases: ReadonlyArray<readonly [entry: string, rule: string]> = [
    ["tcp/0", "port 0 is out of range: ports are 1 to 65535"],
    ["tcp/65536", "port 65536 is out of range: ports are 1 to 65535"],
    ["tcp/99999999999999999999", "port 99999999999999999999 is out of range: ports are 1 to 65535"],
    ["tcp/25:0", "port 0 is out of range: ports are 1 to 65535"],
    ["tcp/25:70000", "port 70000 is out of range: ports are 1 to 65535"],
    ["udp/65000-65536", "port 65536 is out of range: ports are 1 to 65535"],
    ["udp/60000-60010:65530-65540", "port 65540 is out of range: ports are 1 to 65535"],
    ["sctp/25", '"sctp" is not a protocol that can be exposed: use tcp or udp'],
    ["/25", '"" is not a protocol that can be exposed: use tcp or udp'],
    ["25", `there is no protocol: ${FORM}`],
    ["tcp", `there is no protocol: ${FORM}`],
    ["tcp/", `a port is missing: ${FORM}`],
    ["tcp/:25", `a port is missing: ${FORM}`],
    ["tcp/25-", `a port is missing: ${FORM}`],
    ["tcp/-25", `a port is missing: ${FORM}`],
    ["tcp/636:", "there is nothing after the colon: name the backend's port, or leave the colon out"],
    ["tcp/636: ", "there is nothing after the colon: name the backend's port, or leave the colon out"],
    ["tcp/636:6636:7", `there is more than one colon: ${FORM}`],
    ["tcp/http", `"http" is not a port: ${FORM}`],
    ["tcp/+25", `"+25" is not a port: ${FORM}`],
    ["tcp/2.5", `"2.5" is not a port: ${FORM}`],
    ["tcp/0x19", `"0x19" is not a port: ${FORM}`],
    ["tcp/2 5", `"2 5" is not a port: ${FORM}`],
    ["tcp/٢٥", `"٢٥" is not a port: ${FORM}`],
    ["tcp/25/udp", `"25/udp" is not a port: ${FORM}`],
    ["tcp/1-2-3", `"1-2-3" is not a port or a range: ${FORM}`],
    ["tcp/30-20", "the range 30-20 is reversed: the lower port comes first"],
    ["tcp/20-30:130-120", "the range 130-120 is reversed: the lower port comes first"],
    ["tcp/20-30:120-129", "11 external ports cannot go to 10: both ranges must be of one width"],
    ["tcp/20-30:120", "11 external ports cannot go to 1: both ranges must be of one width"],
    ["tcp/20:120-130", "1 external ports cannot go to 11: both ranges must be of one width"],
    [
      "tcp/1-1025:2001-3025",
      "a translated range is at most 1024 ports wide, this one is 1025; keep the ports, or split it"
    ]
  ]

  it.each(cases)("%s", (entry, rule) => {
    expect(refusal(entry)).toEqual({ entry: entry.trim(), rule })
  })

  it.each(cases)("the whole label, when %s is one entry of it", (entry, rule) => {
    expect(refusal(`tcp/25, ${entry},udp/53`)).toEqual({ entry: entry.trim(), rule })
  })

  it("a port that is named twice with different targets", () => {
    expect(refusal("tcp/25:2525,udp/25,tcp/25").rule).toBe(
      'port 25 has another target in "tcp/25:2525": within one container a port has one target'
    )
    expect(refusal("tcp/636:6636,tcp/636:6637")).toEqual({
      entry: "tcp/636:6637",
      rule: 'port 636 has another target in "tcp/636:6636": within one container a port has one target'
    })
  })

  it("a port that a range of the same container sends elsewhere", () => {
    expect(refusal("tcp/20-30,tcp/25:2525")).toEqual({
      entry: "tcp/25:2525",
      rule: 'port 25 has another target in "tcp/20-30": within one container a port has one target'
    })
    expect(Result.isFailure(parseExpose("tcp/20-30:120-130,tcp/25-40:225-240"))).toBe(true)
    expect(Result.isFailure(parseExpose("tcp/1-9,tcp/20-30,tcp/30:31"))).toBe(true)
  })

  it("translated ranges that are too wide together", () => {
    expect(refusal("tcp/1-1000:2001-3000,tcp/900-1100:2900-3100")).toEqual({
      entry: "tcp/1-1100:2001-3100",
      rule: "a translated range is at most 1024 ports wide, together these are 1100"
    })
  })
})

describe("anchord.expose.v6", () => {
  it("is auto when it is absent or blank", () => {
    for (const label of [undefined, "", "  ", "auto", " Auto "])
      expect(Result.getOrThrow(parseExposeV6(label))).toBe("auto")
  })

  it("is off in any case", () => {
    for (const label of ["off", " OFF "]) expect(Result.getOrThrow(parseExposeV6(label))).toBe("off")
  })

  it("is nothing else", () => {
    for (const label of ["on", "false", "no", "0", "auto,off"])
      expect(parseExposeV6(` ${label} `)).toEqual(Result.fail({ entry: label, rule: "it is auto or off" }))
  })
})
