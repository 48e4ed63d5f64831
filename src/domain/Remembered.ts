/** Far more than are asked for at a time, and little enough to keep. */
const LIMIT = 2_000

/**
 * A plain function that keeps its answers, for one that is asked for the same few things over and over and is expensive. What it has no answer to
 * is worked out each time; when it knows too many it forgets all.
 */
export const remembered = <Question, Answer>(
  keyOf: (question: Question) => string,
  answer: (question: Question) => Answer,
  limit = LIMIT
): ((question: Question) => Answer) => {
  const known = new Map<string, Answer>()
  return (question) => {
    const key = keyOf(question)
    const found = known.get(key)
    if (found !== undefined) return found
    if (known.size >= limit) known.clear()
    const worked = answer(question)
    known.set(key, worked)
    return worked
  }
}
