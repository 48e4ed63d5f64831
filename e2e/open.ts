import { attachEngine } from "./lab/engine.ts"
import { onSignal } from "./lab/interruption.ts"
import { announce, openLab } from "./lab/lab.ts"

// Keeps a lab open until it is told to end: scenarios then start at once, and one can look around in it.
const { state, close } = await openLab((text) => console.log(text))
const forget = announce(state)
console.log(`open; docker -H unix://${attachEngine(state.engine).socket} works from here; Ctrl-C closes it`)
const waiting = setInterval(() => {}, 2 ** 31 - 1)
onSignal(() => {
  clearInterval(waiting)
  forget()
  void close()
})
