import { readFileSync, writeFileSync } from "node:fs"
import { README, withMadeParts } from "./readme.ts"

const before = readFileSync(README, "utf8")
const now = withMadeParts(before)
writeFileSync(README, now)
console.log(now === before ? "README.md is current" : "README.md is made anew")
