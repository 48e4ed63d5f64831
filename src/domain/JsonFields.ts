import * as Schema from "effect/Schema"

/** Fields of what is printed with `--json`: `docs/schemas` has them with these descriptions. */

export const text = (description: string) => Schema.String.annotate({ description })

export const flag = (description: string) => Schema.Boolean.annotate({ description })

export const count = (description: string) => Schema.Int.annotate({ description })

export const familyField = Schema.Literals(["v4", "v6"]).annotate({ description: "IPv4 or IPv6" })
