import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, relative } from "node:path"
import { README, withMadeParts } from "./readme.ts"
import { publishedSchemas } from "./schemas.ts"

const made = [{ path: README, text: withMadeParts(readFileSync(README, "utf8")) }, ...publishedSchemas()]
for (const { path, text } of made) {
  const isCurrent = existsSync(path) && readFileSync(path, "utf8") === text
  mkdirSync(dirname(path), { recursive: true })
  if (!isCurrent) writeFileSync(path, text)
  console.log(`${relative(process.cwd(), path)} is ${isCurrent ? "current" : "made anew"}`)
}
