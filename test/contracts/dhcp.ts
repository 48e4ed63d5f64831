import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { families, type Family } from "../../src/domain/Address.ts"
import { decodeReport, type DhcpEvent } from "../../src/domain/DhcpLease.ts"
import { DhcpClient, type DhcpSession } from "../../src/services/DhcpClient.ts"

/** The server on the client's link, and what others do. */
export interface DhcpWorld {
  /** The client's link. */
  readonly link: string
  /** From now on the server gives this address of the family, up to `last` when that is given, for 120 s; a client that has another is refused. */
  readonly offer: (family: Family, address: string, last?: string) => Promise<void>
  readonly silence: () => Promise<void>
  /** Puts an address on the link, as whoever uses the client does. */
  readonly configure: (family: Family, address: string) => Promise<void>
  /** Kills the client. */
  readonly kill: () => Promise<void>
  /** What the server has given and not got back. */
  readonly leases: () => Promise<ReadonlyArray<{ readonly address: string; readonly hostname?: string }>>
}

export interface DhcpSetup {
  readonly layer: Layer.Layer<DhcpClient>
  readonly world: DhcpWorld
  /** Two addresses of each family that the server may give. */
  readonly pool: Readonly<Record<Family, readonly [string, string]>>
  readonly router: string
  readonly dispose: () => Promise<void>
}

const patience = { timeout: 15_000, interval: 50 }

/** The contract of {@link DhcpClient}: what holds for busybox's clients with a real server, and for what stands in for both. */
export const dhcpContract = (title: string, setUp: () => Promise<DhcpSetup>): void => {
  describe(`${title}: the contract of DhcpClient`, () => {
    let setup: DhcpSetup
    let world: DhcpWorld
    beforeEach(async () => {
      setup = await setUp()
      world = setup.world
    })
    afterEach(() => setup.dispose())

    /** Runs a client for as long as the body does. */
    const withClient = <A>(
      family: Family,
      body: (session: DhcpSession) => Effect.Effect<A, unknown, Scope.Scope>,
      wanted: { readonly wanted?: string } = {}
    ): Promise<A> =>
      Effect.runPromise(
        Effect.scoped(
          Effect.flatMap(DhcpClient, (client) =>
            Effect.flatMap(client.start({ family, link: world.link, hostname: "mail", ...wanted }), body)
          )
        ).pipe(Effect.provide(setup.layer))
      )

    /** The next event of that kind; what comes before it does not count. */
    const until = Effect.fnUntraced(function* (session: DhcpSession, tag: DhcpEvent["_tag"]) {
      while (true) {
        const event = decodeReport(yield* session.next)
        if (Result.isFailure(event)) throw new Error(event.failure)
        if (event.success._tag === tag) return event.success
      }
    })

    const leased = Effect.fnUntraced(function* (session: DhcpSession) {
      const event = yield* until(session, "Leased")
      return event._tag === "Leased" ? event : expect.unreachable()
    })

    const at = (promise: () => Promise<void>) => Effect.promise(promise)

    for (const family of families) {
      it(`${family}: begins without an address, and then reports the lease with what the server says of it`, async () => {
        const [address] = setup.pool[family]
        await world.offer(family, address)
        await withClient(family, (session) =>
          Effect.gen(function* () {
            expect(decodeReport(yield* session.next)).toEqual(Result.succeed({ _tag: "Deconfigured", family }))
            const { lease, renewed } = yield* leased(session)
            expect({ renewed, address: lease.address, leaseSeconds: lease.leaseSeconds }).toEqual({
              renewed: false,
              address,
              leaseSeconds: 120
            })
            expect(lease.router).toBe(family === "v4" ? setup.router : undefined)
          })
        )
      })

      it(`${family}: renews when it is asked to, and keeps the address`, async () => {
        const [address] = setup.pool[family]
        await world.offer(family, address)
        await withClient(family, (session) =>
          Effect.gen(function* () {
            yield* leased(session)
            yield* at(() => world.configure(family, address))
            yield* session.renew
            const { lease, renewed } = yield* leased(session)
            expect({ renewed, address: lease.address }).toEqual({ renewed: true, address })
          })
        )
      })

      it(`${family}: gives its lease up when it is asked to renew and nobody answers`, async () => {
        const [address] = setup.pool[family]
        await world.offer(family, address)
        await withClient(family, (session) =>
          Effect.gen(function* () {
            yield* leased(session)
            yield* at(() => world.configure(family, address))
            yield* at(world.silence)
            yield* session.renew
            yield* until(session, "Deconfigured")
          })
        )
      })

      it(`${family}: gets the address that it asks for, when it is free`, async () => {
        const [first, second] = setup.pool[family]
        await world.offer(family, first, second)
        const address = await withClient(
          family,
          (session) => Effect.map(leased(session), ({ lease }) => lease.address),
          { wanted: second }
        )
        expect(address).toBe(second)
      })

      it(`${family}: does not release the lease when it is abandoned`, async () => {
        const [address] = setup.pool[family]
        await world.offer(family, address)
        await withClient(family, (session) =>
          Effect.gen(function* () {
            yield* leased(session)
            yield* at(() => world.configure(family, address))
            yield* session.abandon
          })
        )
        expect((await world.leases()).map((one) => one.address)).toEqual([address])
      })

      it(`${family}: says that nobody answers`, async () => {
        await world.silence()
        await withClient(family, (session) => until(session, "Unanswered"))
      })

      it(`${family}: releases the lease when its scope closes`, async () => {
        const [address] = setup.pool[family]
        await world.offer(family, address)
        await withClient(family, (session) =>
          Effect.gen(function* () {
            yield* leased(session)
            yield* at(() => world.configure(family, address))
            expect((yield* Effect.promise(world.leases)).map((one) => one.address)).toEqual([address])
          })
        )
        await vi.waitFor(async () => expect(await world.leases()).toEqual([]), patience)
      })

      it(`${family}: fails when the client is killed, and the server keeps the lease`, async () => {
        const [address] = setup.pool[family]
        await world.offer(family, address)
        const failure = await withClient(family, (session) =>
          Effect.gen(function* () {
            yield* leased(session)
            yield* at(world.kill)
            return yield* Effect.flip(Effect.forever(session.next))
          })
        )
        expect(failure).toMatchObject({ _tag: "DhcpClientEnded", family })
        expect((await world.leases()).map((one) => one.address)).toEqual([address])
      })
    }

    it("v4: tells the server its host name", async () => {
      await world.offer("v4", setup.pool.v4[0])
      await withClient("v4", (session) =>
        Effect.gen(function* () {
          yield* leased(session)
          expect(yield* Effect.promise(world.leases)).toMatchObject([{ hostname: "mail" }])
        })
      )
    })

    it("v4: reports that the server refuses what it has, and gets another by itself", async () => {
      const [first, second] = setup.pool.v4
      await world.offer("v4", first)
      await withClient("v4", (session) =>
        Effect.gen(function* () {
          yield* leased(session)
          yield* at(() => world.configure("v4", first))
          yield* at(() => world.offer("v4", second))
          yield* session.renew
          yield* until(session, "Refused")
          expect((yield* leased(session)).lease.address).toBe(second)
        })
      )
    })
  })
}
