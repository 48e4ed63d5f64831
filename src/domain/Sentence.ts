import type * as Brand from "effect/Brand"

/**
 * What is logged as a WARN or an ERROR, or told as long as it lasts: in the operator's words, without its end. It is made by {@link sentence} alone, so
 * that all of them can be found in the sources and held against docs/messages.md.
 */
export type Sentence = string & Brand.Brand<"Sentence">

/** Tags a template: each template with this tag has an entry in docs/messages.md, with its cause and what mends it. */
export const sentence = (texts: TemplateStringsArray, ...values: ReadonlyArray<string | number>): Sentence =>
  String.raw({ raw: texts }, ...values) as Sentence

/** A sentence, and after a colon what somebody else says of it: the kernel, Docker, a tool. */
export const withReason = (what: Sentence, reason: string): Sentence => `${what}: ${reason}` as Sentence

/** A sentence, and after a semicolon what mends that. */
export const withFix = (what: Sentence, fix: string): Sentence => `${what}; ${fix}` as Sentence

/** What a sentence is about, and after a colon the sentence. */
export const about = (subject: string, what: Sentence): Sentence => `${subject}: ${what}` as Sentence
