/** Edits (insert, delete, replace, swap of neighbours) that turn one text into the other. */
const distance = (a: string, b: string): number => {
  let beforeLast: Array<number> = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min((row[j - 1] ?? 0) + 1, (last[j] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1))
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1)
      row.push(cost)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}

const closest = (word: string, candidates: ReadonlyArray<string>) =>
  candidates
    .map((candidate) => ({ candidate, edits: distance(word, candidate) }))
    .reduce<{ candidate: string; edits: number } | undefined>(
      (best, next) => (best === undefined || next.edits < best.edits ? next : best),
      undefined
    )

/** The candidate with the fewest edits from `word`, however many; the first of several. */
export const nearest = (word: string, candidates: ReadonlyArray<string>): string | undefined =>
  closest(word, candidates)?.candidate

/**
 * The {@link nearest} candidate, if `word` may well be a slip for it: at most a third of the longer one's letters are edited, or one of two. With more
 * than that something else was meant, and a guess would mislead: the short names of commands are near to anything.
 */
export const likelyMeant = (word: string, candidates: ReadonlyArray<string>): string | undefined => {
  const best = closest(word, candidates)
  if (best === undefined) return undefined
  const longer = Math.max(word.length, best.candidate.length)
  return best.edits < longer && best.edits <= Math.max(1, Math.floor(longer / 3)) ? best.candidate : undefined
}
