import { onSignal } from "../e2e/lab/interruption.ts"
import { labOf, openedElsewhere, openLab } from "../e2e/lab/lab.ts"
import { compare } from "./compare.ts"
import { eventToMap } from "./eventToMap.ts"
import { footprint } from "./footprint.ts"

const benches = { "event-to-map": eventToMap, footprint, compare }

const [wanted, argument] = process.argv.slice(2)
const bench = Object.entries(benches).find(([name]) => name === wanted)?.[1]
if (bench === undefined || (bench === compare) !== (argument !== undefined)) {
  console.error("npm run bench -- NAME, where NAME is one of: event-to-map, footprint, compare COMMIT")
  process.exit(2)
}

const say = (text: string) => console.log(text)
const open = await openedElsewhere(say)
const { state, close } = open === undefined ? await openLab(say) : { state: open, close: async () => {} }
onSignal(() => void close().then(() => process.exit(1)))
try {
  await bench(labOf(state), argument ?? "")
} finally {
  await close()
}
