import { describe, expect, it } from "vitest"
import { connectionFailure } from "../../../src/layers/docker/DockerFailure.ts"

const failing = (code: string, message = `connect ${code} /var/run/docker.sock`) =>
  connectionFailure("GET /_ping", "unix:///var/run/docker.sock", Object.assign(new Error(message), { code }))

describe("connectionFailure", () => {
  it("tells a socket that may not be used from one that is not there", () => {
    expect(failing("EACCES").reason).toBe("not-permitted")
    expect(failing("EACCES").message).toContain("the group that owns the socket")
    for (const code of ["ENOENT", "ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT"])
      expect(failing(code).reason, code).toBe("unreachable")
  })

  it("does not call a certificate that is refused unreachable", () => {
    for (const code of ["DEPTH_ZERO_SELF_SIGNED_CERT", "ERR_TLS_CERT_ALTNAME_INVALID", "EPROTO"])
      expect(failing(code).reason, code).toBe("failed")
  })

  it.each([
    ["connect", "ENOENT", "there is no such socket (ENOENT)"],
    ["connect", "ECONNREFUSED", "nothing listens there (ECONNREFUSED)"],
    ["getaddrinfo", "ENOTFOUND", "no such host name is known (ENOTFOUND)"],
    ["open", "ENOENT", "ENOENT: no such file or directory, open '/certs/ca.pem'"]
  ])("says in plain words what %s %s means", (syscall, code, said) => {
    const error = Object.assign(new Error("ENOENT: no such file or directory, open '/certs/ca.pem'"), { syscall, code })
    expect(connectionFailure("GET /_ping", "tcp://proxy:2375", error)).toMatchObject({
      reason: "unreachable",
      message: `Docker at tcp://proxy:2375: ${said}`
    })
  })

  it("says something even when the cause has no message", () => {
    expect(failing("ECONNREFUSED", "").message).toBe("Docker at unix:///var/run/docker.sock: ECONNREFUSED")
  })
})
