/** What must hold before the program is ready, by name; a value is what is missing, `undefined` once it holds. */
export interface Readiness {
  readonly set: (condition: string, missing: string | undefined) => void
  /** `key: value` lines of what is missing; empty when ready (SPEC §12). */
  readonly missing: () => ReadonlyArray<string>
}

export const make = (conditions: Readonly<Record<string, string>>): Readiness => {
  const missing = new Map<string, string>(Object.entries(conditions))
  return {
    set: (condition, why) => {
      if (why === undefined) missing.delete(condition)
      else missing.set(condition, why)
    },
    missing: () => [...missing].map(([condition, why]) => `${condition}: ${why}`)
  }
}
