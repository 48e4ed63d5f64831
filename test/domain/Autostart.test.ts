import { describe, expect, it } from "vitest"
import { autostart } from "../../src/domain/Autostart.ts"
import type { LifecycleContainer } from "../../src/domain/LifecycleState.ts"
import { container, EPOCH, idOf, joins, listing, NOW, scope, selector, type Given } from "./lifecycleListings.ts"

const target = container("app", { project: "shop" })

const waiting = (given: Given = {}) => container("sa", { status: "created", networkMode: joins("app"), ...given })

const started = (containers: ReadonlyArray<LifecycleContainer>, of = scope, now = NOW) =>
  autostart(listing(containers), of, now).map(({ name }) => name)

describe("autostart", () => {
  it("starts what was created before the owner of its namespace ran, by any form of reference", () => {
    for (const ref of [idOf("app"), idOf("app").slice(0, 12), "app", "/app", `/${idOf("app")}`])
      expect(autostart(listing([target, waiting({ networkMode: `container:${ref}` })]), scope, NOW)).toEqual([
        {
          _tag: "Start",
          id: idOf("sa"),
          name: "sa",
          reason: "sa joins the network of app, which runs; it was created and never started"
        }
      ])
  })

  it("waits for the owner", () => {
    for (const status of ["created", "exited", "paused", "restarting", "removing", "dead"] as const)
      expect(started([{ ...target, status }, waiting()])).toEqual([])
    expect(started([waiting()])).toEqual([])
  })

  it("leaves alone what runs, what was stopped, and what has a namespace of its own", () => {
    for (const status of ["running", "exited", "paused", "restarting", "dead"] as const)
      for (const startError of ["", "No such container: 0123"].slice(0, status === "exited" ? 1 : 2))
        expect(started([target, waiting({ status, startError })])).toEqual([])
    expect(started([waiting({ networkMode: "mail_transit" })])).toEqual([])
  })

  it("starts what the engine could not start because the namespace was not there", () => {
    const failed = (startError: string) => started([target, waiting({ status: "exited", startError })])
    for (const error of [
      `cannot join network of a non running container: ${idOf("app")}`,
      "cannot join network of a container which is restarting",
      "joining network namespace of container: No such container: 0123"
    ])
      expect(failed(error)).toEqual(["sa"])
    expect(failed('exec: "nginx": executable file not found in $PATH')).toEqual([])
    expect(failed("")).toEqual([])
    const { inspected: _, ...unseen } = waiting({ status: "exited" })
    expect(started([target, unseen])).toEqual([])
  })

  it("is for siblings only: in scope, or of anchord's own project", () => {
    expect(started([target, waiting({ project: "shop" })])).toEqual([])
    expect(started([target, waiting({ project: "" })])).toEqual([])
    expect(started([target, waiting({ project: "", labels: { role: "mail" } })], selector)).toEqual(["sa"])
    expect(started([target, waiting()], selector)).toEqual(["sa"])
  })

  it("does not start the new container while Compose or anchord is putting it into the old one's place", () => {
    const interim = container(`${idOf("sa").slice(0, 12)}_sa`, { status: "created", networkMode: joins("app") })
    expect(started([target, waiting({ status: "running" }), interim])).toEqual([])
    expect(started([target, interim], scope, EPOCH + 1e9)).toEqual([])
    const aside = container(`sa-anchord-old-${idOf("sa").slice(0, 12)}`, { networkMode: joins("app") })
    expect(started([target, waiting({ nth: 2 }), aside])).toEqual([])
  })

  it("leaves what docker compose run made to who typed that", () => {
    const oneOff = (value: string) => waiting({ labels: { "com.docker.compose.oneoff": value } })
    expect(started([target, oneOff("True")])).toEqual([])
    expect(started([target, oneOff("true")])).toEqual([])
    expect(started([target, oneOff("False")])).toEqual(["sa"])
  })

  it("never starts what refers to itself", () => {
    expect(started([waiting({ networkMode: joins("sa") })])).toEqual([])
  })

  it("starts several, by name, whatever the order of the listing", () => {
    const many = ["sb", "sa", "sc"].map((name) => container(name, { status: "created", networkMode: joins("app") }))
    expect(started([target, ...many])).toEqual(["sa", "sb", "sc"])
    expect(started([...many.toReversed(), target])).toEqual(["sa", "sb", "sc"])
  })
})
