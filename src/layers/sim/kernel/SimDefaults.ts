import type { Family } from "../../../domain/Address.ts"
import { isSameRoute, metricOf } from "../../../domain/DefaultRoute.ts"
import type { DefaultRoute, RouteStep } from "../../../domain/Routing.ts"

export const REFUSED = "Error: Nexthop has invalid gateway."
const NO_SUCH_SOURCE = "Error: Invalid source address."
const EXISTS = "RTNETLINK answers: File exists"
const GONE = "RTNETLINK answers: No such process"

/** What a deletion names must hold; the metric 0 of IPv4 names none, an absent protocol is `boot`, and IPv6 looks at no attributes. */
const deletes = (wanted: DefaultRoute, route: DefaultRoute): boolean =>
  (wanted.gateway === undefined || wanted.gateway === route.gateway) &&
  (wanted.link === undefined || wanted.link === route.link) &&
  (wanted.family === "v6" || wanted.source === undefined || wanted.source === route.source) &&
  (wanted.family === "v6" || wanted.mtu === undefined || wanted.mtu === route.mtu) &&
  (wanted.metric === undefined || wanted.metric === 0 || wanted.metric === metricOf(route)) &&
  (wanted.protocol ?? "boot") === (route.protocol ?? "boot")

/** Whether two routes of one metric cannot both be there: the very same one, for IPv6 any to the same next hop. */
const isDuplicate = (a: DefaultRoute, b: DefaultRoute): boolean =>
  a.family === "v4" ? isSameRoute(a, b) : a.gateway === b.gateway && a.link === b.link

/** What a default route depends on in its namespace. */
export interface Surroundings {
  /** The link by which the kernel reaches a route's next hop, or nothing when it refuses the route. */
  readonly nextHop: (route: DefaultRoute) => string | undefined
  /** Whether the route's source, if it names one, is an address of the namespace. */
  readonly hasSource: (route: DefaultRoute) => boolean
  readonly changed: () => void
}

/** The default routes of all tables of a namespace. Answers are the kernel's error texts, or nothing when it agreed. */
export class SimDefaults {
  /** In the order of the tables: by metric, then as they came. */
  #routes: ReadonlyArray<DefaultRoute> = []
  readonly #surroundings: Surroundings

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings
  }

  /** Each next hop of an IPv6 route as a route of its own, with what it says itself (`ip` shows what the first says, for all). */
  of(family: Family, table?: number): ReadonlyArray<DefaultRoute> {
    return this.#routes.filter((route) => route.family === family && route.table === table)
  }

  /** The routes of a link go, of one family or of both. */
  leave(link: string, family?: Family): void {
    this.#routes = this.#routes.filter((route) => route.link !== link || (family ?? route.family) !== route.family)
  }

  /** Routes whose source is no address any more: those of IPv4 go, unless they are in a table of their own; those of IPv6 are without one from then on. */
  loseSources(): void {
    this.#routes = this.#routes.flatMap((route) => {
      const isApart = route.family === "v4" && route.table !== undefined
      if (isApart || this.#surroundings.hasSource(route)) return [route]
      const { source: _source, ...without } = route
      return route.family === "v4" ? [] : [without]
    })
  }

  /** `ip route add`: refuses an IPv4 route of a metric that there is already, and an IPv6 one that is a duplicate. */
  add(route: DefaultRoute): string | undefined {
    return this.#insert(route, (other, whole) => route.family === "v4" || isDuplicate(other, whole))
  }

  /** `ip route append`: goes behind those of its metric. */
  append(route: DefaultRoute): string | undefined {
    return this.#insert(route, isDuplicate)
  }

  /** `ip route replace` and `ip route del`. */
  apply(step: RouteStep): string | undefined {
    if (step._tag === "Append") return this.append(step.route)
    return step._tag === "Replace" ? this.#replace(step.route) : this.#delete(step.route)
  }

  #insert(route: DefaultRoute, collides: (other: DefaultRoute, whole: DefaultRoute) => boolean): string | undefined {
    const link = this.#surroundings.nextHop(route)
    if (link === undefined) return REFUSED
    if (!this.#surroundings.hasSource(route)) return NO_SUCH_SOURCE
    const whole = this.#whole(route, link)
    if (this.#alike(whole).some((other) => collides(other, whole))) return EXISTS
    this.#put(whole, [])
    return undefined
  }

  #replace(route: DefaultRoute): string | undefined {
    const link = this.#surroundings.nextHop(route)
    if (link === undefined) return REFUSED
    if (!this.#surroundings.hasSource(route)) return NO_SUCH_SOURCE
    const whole = this.#whole(route, link)
    const alike = this.#alike(whole)
    const [first] = alike
    if (whole.family === "v4" && first !== undefined && alike.some((other) => isSameRoute(other, whole))) {
      return isSameRoute(first, whole) ? undefined : EXISTS
    }
    const manual = alike.filter(({ protocol }) => protocol !== "ra")
    const displaced = whole.family === "v4" ? alike.slice(0, 1) : manual.length > 0 ? manual : alike.slice(0, 1)
    this.#put(whole, displaced)
    return undefined
  }

  #delete(route: DefaultRoute): string | undefined {
    const found = this.of(route.family, route.table).find((one) => deletes(route, one))
    if (found === undefined) return GONE
    this.#routes = this.#routes.filter((one) => one !== found)
    this.#surroundings.changed()
    return undefined
  }

  #alike(route: DefaultRoute): ReadonlyArray<DefaultRoute> {
    return this.of(route.family, route.table).filter((other) => metricOf(other) === metricOf(route))
  }

  /** As `ip -j route` would show it: with its link, the metric where it is not 0, and no protocol for `boot`. */
  #whole(route: DefaultRoute, link: string): DefaultRoute {
    const { metric: _metric, protocol, ...rest } = route
    const metric = metricOf(route)
    return {
      ...rest,
      link,
      ...(metric === 0 ? {} : { metric }),
      ...(protocol === undefined || protocol === "boot" ? {} : { protocol })
    }
  }

  /** Puts a route in the place of the first that it displaces, else behind those of its metric. */
  #put(route: DefaultRoute, displaced: ReadonlyArray<DefaultRoute>): void {
    const [first] = displaced
    const routes = this.#routes.flatMap((one) => (one === first ? [route] : displaced.includes(one) ? [] : [one]))
    this.#routes = (first === undefined ? [...routes, route] : routes).toSorted((a, b) => metricOf(a) - metricOf(b))
    this.#surroundings.changed()
  }
}
