interface Lag {
  readonly until: number
  readonly millis: number
  /** Whether each change is late by so much, or everything that changes is seen only so long after the end. */
  readonly each: boolean
}

/** The subject of the routes of one namespace. */
export const routesOf = ({ name }: { readonly name: string }): string => `routes:${name}`

/**
 * What may be wrong at this moment, and until when. A fault excuses no more than it reaches: an event that was lost excuses the ports of the
 * container that it told of, and until the next poll. What nothing excuses has to be right, after every single step.
 */
export class Excuses {
  readonly #now: () => number
  readonly #until = new Map<string, number>()
  /** Until when something that changes is seen late, and how late. */
  #lags: ReadonlyArray<Lag> = []

  constructor(now: () => number) {
    this.#now = now
  }

  /** Excuses a subject for so long from now on. */
  for(subject: string, millis: number): void {
    this.#until.set(subject, Math.max(this.#until.get(subject) ?? 0, this.#now() + millis))
  }

  /** For so long from now on, what is touched is excused, and for `millis` after that; so is what is excused already. */
  lag(forMillis: number, millis: number): void {
    this.#add({ until: this.#now() + forMillis, millis, each: false })
  }

  /** For so long from now on, what is touched is excused for `millis` from that moment on; so is what is excused already. */
  lagEach(forMillis: number, millis: number): void {
    this.#add({ until: this.#now() + forMillis, millis, each: true })
  }

  #add(lag: Lag): void {
    const now = this.#now()
    this.#lags = [...this.#lags.filter(({ until }) => until >= now), lag]
    for (const [subject, until] of this.#until) if (until >= now) this.touched(subject)
  }

  /** Something about a subject has changed: what that means may be seen late. */
  touched(subject: string): void {
    const now = this.#now()
    for (const { until, millis, each } of this.#lags) {
      if (until >= now) this.for(subject, each ? millis : until - now + millis)
    }
  }

  /** Whether what changes now may be seen late. */
  isLate(): boolean {
    const now = this.#now()
    return this.#lags.some(({ until }) => until >= now)
  }

  covers(subject: string): boolean {
    return (this.#until.get(subject) ?? Number.NEGATIVE_INFINITY) >= this.#now()
  }

  /** Whether a subject was excused at any time since then. */
  coveredSince(subject: string, time: number): boolean {
    return (this.#until.get(subject) ?? Number.NEGATIVE_INFINITY) >= time
  }

  /** For how many milliseconds from now on anything is excused. */
  longest(): number {
    return Math.max(0, ...[...this.#until.values()].map((until) => until - this.#now()))
  }
}
