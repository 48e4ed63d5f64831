import type { DnatEntry } from "./Dnat.ts"

export type NftCommand = Readonly<Record<string, unknown>>

/** What one of anchord's tables holds in the kernel. `rules` is a fingerprint of the chains (interface, hooks, expressions). */
export interface TableContent {
  readonly entries: ReadonlyArray<DnatEntry>
  readonly rules: string
}
