import { nameAway } from "../../src/domain/Recreation.ts"
import { describe, expect, it } from "vitest"
import { staleNetns, type StaleContainer } from "../../src/domain/StaleNetns.ts"
import { warningOf } from "../../src/domain/StaleNetnsAdvice.ts"
import type { LifecycleContainer } from "../../src/domain/LifecycleState.ts"
import { anchord, container, idOf, joins, listing, serviceAnchor, type Given } from "./lifecycleListings.ts"

const app = (given: Given = {}) => container("app", given)
const anew = (given: Given = {}) => app({ nth: 2, startedAt: 30, ...given })
const sa = serviceAnchor("sa", "app")

const found = (containers: ReadonlyArray<LifecycleContainer>, before: ReadonlyArray<LifecycleContainer> = []) =>
  staleNetns(listing(containers, before))

const brief = ({ container: { name }, kind, inherited, dead, target }: StaleContainer) =>
  [
    `${name}: ${inherited ? "inherited " : ""}${kind} ${dead.name ?? "?"}`,
    ...(target === undefined ? [] : [target.id === idOf(target.name) ? target.name : `new ${target.name}`])
  ].join(" -> ")

const briefly = (containers: ReadonlyArray<LifecycleContainer>, before: ReadonlyArray<LifecycleContainer> = []) =>
  found(containers, before).map(brief)

describe("a namespace", () => {
  it("is in use where its owner runs and was started before", () => {
    expect(found([app(), sa, container("db"), container("host", { networkMode: "host" })])).toEqual([])
    expect(found([app({ startedAt: 20 }), sa])).toEqual([])
  })

  it("is dead when the reference leads to nothing, and belongs to who has the name of what was there", () => {
    expect(briefly([sa, anew()], [app(), sa])).toEqual(["sa: gone app -> new app"])
    expect(briefly([sa, anew({ status: "created" })], [app()])).toEqual(["sa: gone app -> new app"])
    expect(briefly([sa], [app()])).toEqual(["sa: gone app"])
    expect(briefly([sa, anew()])).toEqual(["sa: gone ?"])
  })

  it("is dead when the owner was restarted, by ID, short ID or name", () => {
    for (const ref of [idOf("app"), idOf("app").slice(0, 12), "app", "/app"]) {
      const dependent = { ...sa, networkMode: `container:${ref}` }
      expect(briefly([app({ startedAt: 21 }), dependent])).toEqual(["sa: restarted app -> app"])
      expect(found([app({ startedAt: 19 }), dependent])).toEqual([])
    }
  })

  it("is dead when the old owner was put aside, stopped, and another one has its name", () => {
    const old = app({ status: "exited" })
    const aside = { ...old, name: "app-old" }
    expect(briefly([sa, aside, anew()], [app(), sa])).toEqual(["sa: replaced app -> new app"])
    expect(found([sa, { ...aside, status: "running" }, anew()], [app(), sa])).toEqual([])
  })

  it("is left alone while the owner is stopped: it still exists", () => {
    for (const status of ["exited", "created", "dead", "removing", "restarting", "paused"] as const)
      expect(found([app({ status, startedAt: 50 }), sa])).toEqual([])
  })

  it("is left alone below an owner that runs, too, while the one is stopped that this lives in", () => {
    const web = container("web", { networkMode: joins("sa"), startedAt: 25 })
    for (const status of ["exited", "paused", "restarting"] as const)
      expect(found([app({ status, startedAt: 30 }), sa, web])).toEqual([])
  })

  it("is left alone below a stopped owner also where the one was restarted that this lives in", () => {
    const web = container("web", { networkMode: joins("sa"), startedAt: 25 })
    const stopped = serviceAnchor("sa", "app", { status: "exited" })
    expect(found([app({ startedAt: 30 }), stopped, web])).toEqual([])
  })

  it("is nobody's who does not run, but for who missed it at its start", () => {
    for (const status of ["created", "exited", "removing", "dead"] as const)
      expect(found([{ ...sa, status }])).toEqual([])
    const missed = serviceAnchor("sa", "app", { status: "exited", startError: `No such container: ${idOf("app")}` })
    expect(briefly([missed, anew()], [app()])).toEqual(["sa: gone app -> new app"])
    expect(found([missed, app()])).toEqual([])
    for (const status of ["paused", "restarting"] as const) expect(found([{ ...sa, status }])).toHaveLength(1)
  })

  it("is dead for who was created to join what was replaced before it was ever started", () => {
    const late = serviceAnchor("sa", "app", { status: "created" })
    expect(briefly([late, anew()], [app(), late])).toEqual(["sa: gone app -> new app"])
    for (const [now, before] of [
      [[late], [app(), late]],
      [[late, app()], []],
      [[late, anew()], []],
      [
        [serviceAnchor("sa", "app", { status: "exited" }), anew()],
        [app(), late]
      ]
    ] as const)
      expect(found(now, before)).toEqual([])
  })

  it("is not called dead while nobody knows when one of them was started", () => {
    const { inspected: _, ...unseen } = app({ startedAt: 50 })
    expect(found([unseen, sa])).toEqual([])
    const { inspected: _other, ...dependent } = sa
    expect(found([app({ startedAt: 50 }), dependent])).toEqual([])
  })

  it("is dead for all that hang on the dependent, which come after it", () => {
    const web = container("a-web", { networkMode: joins("sa"), startedAt: 25 })
    const sidecar = container("a-sidecar", { networkMode: joins("a-web"), startedAt: 26 })
    expect(briefly([sidecar, web, sa, app({ startedAt: 30 })])).toEqual([
      "sa: restarted app -> app",
      "a-web: restarted app -> sa",
      "a-sidecar: restarted app -> a-web"
    ])
    expect(briefly([web, sa, anew()], [app()])).toEqual(["sa: gone app -> new app", "a-web: inherited gone app -> sa"])
  })

  it("is not a new one when only an owner was restarted that lives in a third one's namespace", () => {
    const web = container("web", { networkMode: joins("sa"), startedAt: 25 })
    expect(found([app(), serviceAnchor("sa", "app", { startedAt: 30 }), web])).toEqual([])
  })

  it("comes after the one that it belongs into, when that is stale itself", () => {
    const web = container("a-web", { networkMode: joins("sa"), startedAt: 25 })
    const anchorAnew = serviceAnchor("sa", "app", { nth: 2 })
    expect(briefly([app({ startedAt: 30 }), anchorAnew, web], [sa, web])).toEqual([
      "sa: restarted app -> app",
      "a-web: gone sa -> new sa"
    ])
  })

  it("is as dead for who joined a container that was in a dead one", () => {
    const web = container("web", { networkMode: joins("sa"), startedAt: 40 })
    expect(briefly([app({ startedAt: 30 }), sa, web])).toEqual([
      "sa: restarted app -> app",
      "web: inherited restarted app -> sa"
    ])
  })

  it("is not found in a circle, nor in a container that refers to itself", () => {
    const x = container("x", { networkMode: "container:y", startedAt: 30 })
    const y = container("y", { networkMode: "container:x" })
    expect(found([x, y, container("z", { networkMode: "container:z" })])).toEqual([])
  })

  it("is never looked for in the dependent itself, though that has the name by now", () => {
    expect(briefly([{ ...sa, name: "app" }], [app()])).toEqual(["app: gone app"])
  })

  it("is never looked for below the dependent itself", () => {
    const inside = container("app", { nth: 2, networkMode: joins("sa"), startedAt: 30 })
    expect(briefly([sa, inside], [app(), sa])).toEqual(["sa: gone app", "app: inherited gone app -> sa"])
  })
})

describe("the owner that Compose knows of", () => {
  const dependent = (dependsOn: string) =>
    container("web", { networkMode: joins("sa"), labels: { "com.docker.compose.depends_on": dependsOn } })
  const anchorAnew = serviceAnchor("sa", "app", { nth: 2, service: "web-anchor" })

  it("is the one service that it restarts with, when nobody saw what was there", () => {
    const target = (dependsOn: string, ...others: ReadonlyArray<LifecycleContainer>) =>
      found([app(), anchorAnew, dependent(dependsOn), ...others]).map((stale) => stale.target?.id)
    expect(target("web-anchor:service_started:true")).toEqual([anchorAnew.id])
    expect(target("db:service_healthy:false,web-anchor:service_started:true")).toEqual([anchorAnew.id])
    expect(target("web-anchor:service_started:false")).toEqual([undefined])
    expect(target("web-anchor:service_started:true,db:service_healthy:true")).toEqual([undefined])
    expect(target("")).toEqual([undefined])
    expect(target("other:service_started:true")).toEqual([undefined])
    expect(target("db:service_healthy:false, web-anchor:service_started:true")).toEqual([anchorAnew.id])
    const once = container("run", { service: "run", labels: { "com.docker.compose.oneoff": "True" } })
    expect(target("", once)).toEqual([undefined])
    const second = container("sa-2", { service: "web-anchor" })
    expect(target("web-anchor:service_started:true", second)).toEqual([undefined])
    const old = container("sa", { nth: 3, service: "web-anchor", status: "exited" })
    expect(target("web-anchor:service_started:true", { ...old, name: nameAway("sa", old.id) })).toEqual([anchorAnew.id])
    const elsewhere = container("sa-3", { service: "web-anchor", project: "shop" })
    expect(target("web-anchor:service_started:true", elsewhere)).toEqual([anchorAnew.id])
  })

  it("is never an anchord that is no service-anchor, whatever depends on it: its own routes would be replaced", () => {
    const wrapping = (service: string) =>
      serviceAnchor("sa", "gone", { labels: { "com.docker.compose.depends_on": `${service}:service_started:true` } })
    const target = (service: string, ...others: ReadonlyArray<LifecycleContainer>) =>
      found([wrapping(service), ...others]).map((stale) => stale.target?.id)
    expect(target("anchord")).toEqual([undefined])
    const { inspected: _, ...unseen } = anchord
    expect(found([unseen, wrapping("anchord")]).map((stale) => stale.target?.id)).toEqual([undefined])
    const second = container("second", { service: "second", words: ["tini", "--", "anchord"] })
    expect(target("second", second)).toEqual([undefined])
    expect(target("second", container("second", { service: "second" }))).toEqual([idOf("second")])
  })

  it("does not count when the name was seen", () => {
    const old = serviceAnchor("old-name", "app", { id: idOf("sa") })
    expect(
      found([app(), anchorAnew, dependent("web-anchor:service_started:true")], [old]).map(({ target }) => target)
    ).toEqual([undefined])
  })
})

describe("the warning", () => {
  const warnings = (containers: ReadonlyArray<LifecycleContainer>, before: ReadonlyArray<LifecycleContainer> = []) =>
    found(containers, before).map(warningOf)
  const short = idOf("app").slice(0, 12)

  it("has the command of Compose, and where to type it", () => {
    expect(warnings([sa], [app()])).toEqual([
      `container sa has no network: it is in a namespace of app (${short}), which does not exist any more; repair it with: docker compose -p mail up -d --no-deps --force-recreate sa`
    ])
    const placed = { ...sa, labels: { ...sa.labels, "com.docker.compose.project.working_dir": "/srv/mail" } }
    expect(warnings([placed])).toEqual([
      `container sa has no network: it is in a namespace of ${short}, which does not exist any more; repair it, in /srv/mail, with: docker compose -p mail up -d --no-deps --force-recreate sa`
    ])
  })

  it("starts the owner's service first while there is none to join", () => {
    const labels = {
      "com.docker.compose.depends_on": "web-anchor:service_started:true",
      "com.docker.compose.project.working_dir": "/srv/mail",
      "com.docker.compose.project.config_files": "/srv/mail/my mail.yaml"
    }
    const web = container("web", { networkMode: joins("web-anchor"), labels })
    const call = "docker compose -p mail -f 'my mail.yaml' up -d --no-deps"
    const both = `in /srv/mail, with: ${call} web-anchor && ${call} --force-recreate web`
    const next = (given: Given) => container("web-anchor", { nth: 2, ...given })
    expect(warnings([web])).toEqual([expect.stringContaining(both)])
    for (const status of ["created", "exited"] as const)
      expect(warnings([web, next({ status })])).toEqual([expect.stringContaining(both)])
    const aside = container("aside", { id: idOf("web-anchor"), status: "exited", service: "web-anchor" })
    expect(warnings([web, aside, next({ status: "exited" })], [container("web-anchor")])).toEqual([
      expect.stringContaining(both)
    ])
    const itself = expect.stringMatching(
      /with: \S+ compose -p mail -f 'my mail\.yaml' up -d --no-deps --force-recreate web$/
    )
    expect(warnings([web, next({})])).toEqual([itself])
    expect(warnings([web, next({}), container("second", { service: "web-anchor" })])).toEqual([itself])
  })

  it("has a restart where that is enough", () => {
    expect(warnings([app({ startedAt: 30 }), sa])).toEqual([
      `container sa has no network: it is in a namespace of app (${short}), which has been restarted since; repair it with: docker restart sa`
    ])
  })

  it("has no command for what Compose did not make, or made for one run", () => {
    const anyhow = /; make it anew with the command that made it$/
    expect(warnings([serviceAnchor("sa", "app", { project: "" })])).toEqual([expect.stringMatching(anyhow)])
    const once = serviceAnchor("sa", "app", { labels: { "com.docker.compose.oneoff": "True" } })
    expect(warnings([once])).toEqual([expect.stringMatching(anyhow)])
    const piped = serviceAnchor("sa", "app", { labels: { "com.docker.compose.project.config_files": "-" } })
    expect(warnings([piped])).toEqual([expect.stringMatching(anyhow)])
  })
})
