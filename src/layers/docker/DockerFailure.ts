import type { IncomingHttpHeaders, IncomingMessage } from "node:http"
import { DockerError } from "../../services/DockerEngine.ts"
import { sentence } from "../../domain/Sentence.ts"

const UNREACHABLE = new Set([
  "ENOENT",
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
  "EHOSTDOWN",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ERR_STREAM_PREMATURE_CLOSE"
])

/** What the system calls of a connection mean here; an operator searches for their codes, too. */
const plainly: Readonly<Record<string, string>> = {
  "connect ENOENT": "there is no such socket (ENOENT)",
  "connect ECONNREFUSED": "nothing listens there (ECONNREFUSED)",
  "getaddrinfo ENOTFOUND": "no such host name is known (ENOTFOUND)"
}

const textOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const call =
    "syscall" in error && "code" in error ? plainly[`${String(error.syscall)} ${String(error.code)}`] : undefined
  if (call !== undefined) return call
  return error.message || ("code" in error ? String(error.code) : error.name)
}

/** The engine or what is in front of it hung up: what was asked may simply be asked again. */
export const isReset = (error: DockerError): boolean =>
  error.reason === "unreachable" && /ECONNRESET|EPIPE|hang up/.test(error.message)

/** What went wrong before there was a whole answer: the connection itself, or something that is not HTTP. */
export const connectionFailure = (endpoint: string, host: string, error: unknown): DockerError => {
  const code = error instanceof Error && "code" in error ? String(error.code) : ""
  const text = textOf(error)
  if (code === "EACCES" || code === "EPERM") {
    return new DockerError({
      endpoint,
      reason: "not-permitted",
      message: sentence`Docker at ${host}: ${text}; give this container's user the group that owns the socket`
    })
  }
  const reason = UNREACHABLE.has(code) ? "unreachable" : "failed"
  return new DockerError({ endpoint, reason, message: sentence`Docker at ${host}: ${text}` })
}

export const noAnswer = (endpoint: string, host: string, seconds: number): DockerError =>
  new DockerError({
    endpoint,
    reason: "unreachable",
    message: sentence`Docker at ${host}: no answer within ${seconds} s`
  })

/** The answer is there, but it is not what the Docker API says it is. */
export const notUnderstood = (endpoint: string, why: string): DockerError =>
  new DockerError({
    endpoint,
    reason: "failed",
    message: sentence`${endpoint}: cannot understand the answer: ${why.slice(0, 300)}`
  })

const reasons: Readonly<Record<number, DockerError["reason"]>> = {
  403: "forbidden",
  404: "not-found",
  502: "unreachable",
  503: "unreachable",
  504: "unreachable"
}

/** Docker's own `{"message": …}`, or the beginning of whatever else came. */
const complaint = (body: string): string => {
  const said = /^\s*\{.*"message"\s*:\s*("(?:[^"\\]|\\.)*")/s.exec(body)?.[1]
  return (said === undefined ? body.replaceAll(/<[^>]*>|\s+/g, " ").trim() : String(JSON.parse(said))).slice(0, 300)
}

/** Docker forbids things of its own accord, such as an address that is in use; it signs what it says with its API version. */
const isOwnRefusal = (headers: IncomingHttpHeaders, said: string): boolean =>
  headers["api-version"] !== undefined && !said.startsWith("authorization denied")

/** An answer with a status that is not a success. What 502 to 504 come from is a proxy whose engine is away. */
export const refusal = (
  endpoint: string,
  { statusCode: status = 0, headers }: Pick<IncomingMessage, "statusCode" | "headers">,
  body: string
): DockerError => {
  const said = complaint(body)
  const known = reasons[status] ?? "failed"
  const reason = known === "forbidden" && isOwnRefusal(headers, said) ? "failed" : known
  const answer = `${endpoint}: HTTP ${status}: ${said || "no explanation"}`
  const message =
    reason === "forbidden"
      ? sentence`${answer}; a socket proxy or an authorization plugin forbids this endpoint: allow it there`
      : answer
  return new DockerError({ endpoint, reason, status, message })
}
