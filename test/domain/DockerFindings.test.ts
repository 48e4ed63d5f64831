import { describe, expect, it } from "vitest"
import { cannotAsk, dockerFindings, endpointFindings, type Permission } from "../../src/domain/DockerFindings.ts"
import { neededEndpoints, type Endpoint } from "../../src/domain/NeededEndpoints.ts"
import { ok, saidIn, settingsOf, verdictsOf, warn } from "./doctorSettings.ts"

const ALLOWED: Permission = { _tag: "Allowed" }
const FORBIDDEN: Permission = { _tag: "Forbidden" }

const tried = (answers: Readonly<Partial<Record<Endpoint, Permission>>>) =>
  neededEndpoints(settingsOf("network-anchor")).map((needed) => ({
    ...needed,
    permission: answers[needed.endpoint] ?? ALLOWED
  }))

describe("the Docker API", () => {
  it("is right when it answers, also through a proxy that forbids to ask whether it does", () => {
    const answers = [ok("docker", "the API answers at tcp://proxy:2375")]
    expect(dockerFindings("tcp://proxy:2375", undefined)).toEqual(answers)
    expect(dockerFindings("tcp://proxy:2375", { reason: "forbidden", message: "HTTP 403" })).toEqual(answers)
  })

  it.each([
    ["unreachable", "DOCKER_HOST says where Docker is"],
    ["not-permitted", "group_add"],
    ["not-found", "DOCKER_HOST has to lead to the Docker API itself"],
    ["failed", "Docker Engine 20.10 or later"]
  ] as const)("fails when it is %s, with what mends that", (reason, fix) => {
    const found = dockerFindings("unix:///docker.sock", { reason, message: "no luck" })
    expect(verdictsOf(found)).toEqual(["fail"])
    expect(saidIn(found)).toMatch(new RegExp(`^the API does not answer: no luck → .*${fix}`))
  })
})

describe("a command that cannot ask Docker", () => {
  it("says where Docker is looked for when nothing answers, as the doctor does", () => {
    const away = { reason: "unreachable", message: "Docker at tcp://proxy:2375: nothing listens there" } as const
    const [found] = dockerFindings("tcp://proxy:2375", away)
    expect(cannotAsk(away)).toBe(`${away.message}; ${found?.fix}`)
    expect(cannotAsk(away)).toMatch(
      /; DOCKER_HOST says where Docker is .*; see that it runs there, .* mount the socket/
    )
  })

  it("adds nothing to an answer that says by itself what to do", () => {
    expect(cannotAsk({ reason: "forbidden", message: "HTTP 403: allow it" })).toBe("HTTP 403: allow it")
  })
})

describe("calls of the Docker API", () => {
  it("are right when all that are needed are let through", () => {
    expect(endpointFindings(tried({}))).toEqual([
      ok("endpoints", "the 12 calls that these settings need are allowed (tried, without effect)")
    ])
  })

  it("fail when one that nothing works without is forbidden, with the setting of the proxy", () => {
    const found = endpointFindings(tried({ "GET /networks/{id}": FORBIDDEN }))
    expect(verdictsOf(found)).toEqual(["fail"])
    expect(saidIn(found)).toBe(
      "GET /networks/{id} is forbidden; anchord reads Docker's state by it → allow GET /networks/{id} in the socket proxy; HAProxy: acl get path_reg ^(/v[0-9]+\\.[0-9]+)?/networks/[a-zA-Z0-9][a-zA-Z0-9_.-]*$; a proxy with switches: NETWORKS=1"
    )
  })

  it("are worth a warning when what they are for can be switched off", () => {
    const found = endpointFindings(tried({ "DELETE /containers/{id}": FORBIDDEN }))
    expect(verdictsOf(found)).toEqual(["warn"])
    expect(saidIn(found)).toContain("→ set ANCHORD_AUTOFIX_DEAD_NETNS=false, or allow DELETE /containers/{id}")
  })

  it("are named each", () => {
    const found = endpointFindings(tried({ "GET /events": FORBIDDEN, "GET /_ping": FORBIDDEN }))
    expect(found.map(({ finding }) => finding.split(" is ")[0])).toEqual(["GET /_ping", "GET /events"])
  })

  it("are worth a warning when it cannot be told", () => {
    expect(endpointFindings(tried({ "GET /events": { _tag: "Unknown", message: "HTTP 502" } }))).toEqual([
      warn("endpoints", "not looked at: whether GET /events is allowed: HTTP 502")
    ])
  })
})
