/** A property that did not hold, in words for a person. */
export class Violation extends Error {}
