import type { Family } from "../../domain/Address.ts"
import type { DhcpReport } from "../../domain/DhcpLease.ts"

/** A line of the hook: its event, and its environment as `env -0` prints it, in base64. Any other line is nothing. */
export const parseHookLine = (line: string, family: Family): DhcpReport | undefined => {
  const [, action, encoded] = /^dhcp (\S+) ([A-Za-z0-9+/=]*)$/.exec(line) ?? []
  if (action === undefined || encoded === undefined) return undefined
  const entries = Buffer.from(encoded, "base64")
    .toString("utf8")
    .split("\0")
    .flatMap((entry): ReadonlyArray<readonly [string, string]> => {
      const at = entry.indexOf("=")
      return at < 1 ? [] : [[entry.slice(0, at), entry.slice(at + 1)]]
    })
  return { family, action, parameters: Object.fromEntries(entries) }
}
