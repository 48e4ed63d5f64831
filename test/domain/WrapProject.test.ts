import { describe, expect, it } from "vitest"
import { container, port, wrap } from "./projectsToWrap.ts"

describe("names", () => {
  const named = (...containers: ReadonlyArray<readonly [name: string, service: string]>) =>
    wrap(containers.map(([name, service], index) => container(service, [port(`${index + 1}`)], { name }))).wrapped.map(
      ({ anchor }) => anchor
    )

  it("of the project, and of anchord on its network, are made of the project's", () => {
    expect(wrap([container("web", [port("80")])])).toMatchObject({
      upstream: "cloud",
      project: "cloud-wrap",
      gatewayName: "cloud-wrap-anchord"
    })
  })

  it("of service-anchors are those of the services", () => {
    expect(named(["cloud-a-1", "a"], ["other", "b"])).toEqual(["a-anchor", "b-anchor"])
  })

  it("are those of the containers where a service has several of them", () => {
    expect(named(["cloud-a-1", "a"], ["cloud-a-2", "a"], ["cloud-b-1", "b"])).toEqual([
      "cloud-a-1-anchor",
      "cloud-a-2-anchor",
      "cloud-b-1-anchor"
    ])
  })
})

describe("the override", () => {
  it("is for services with a port on the LAN, and keeps what is not on it", () => {
    const web = container("web", [port("80"), port(":81"), port("9000", "tcp", "127.0.0.1")])
    const { unpublished } = wrap([web, container("mail", [port("25")]), container("odd", [port(":1")])])
    expect(unpublished).toEqual([
      { service: "mail", expose: "tcp/25", kept: [] },
      { service: "web", expose: "tcp/80", kept: [port(":81"), port("9000", "tcp", "127.0.0.1")] }
    ])
  })

  it("has nothing for a container of no service", () => {
    expect(wrap([container("web", [port("80")], { service: undefined })]).unpublished).toEqual([])
  })
})
