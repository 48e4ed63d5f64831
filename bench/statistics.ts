/** The value below which the given share of the sorted values lies (nearest rank). */
const quantile = (sorted: ReadonlyArray<number>, share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN

export interface Summary {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export const summarise = (values: ReadonlyArray<number>): Summary => {
  const sorted = values.toSorted((a, b) => a - b)
  return { count: sorted.length, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), max: quantile(sorted, 1) }
}

export const printed = ({ count, p50, p99, max }: Summary, unit: string): string =>
  `p50 ${p50.toFixed(1)} ${unit}, p99 ${p99.toFixed(1)} ${unit}, max ${max.toFixed(1)} ${unit} (n = ${count})`
