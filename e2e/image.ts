import { anchordImage, IMAGE, makeArchive } from "./lab/imageBuild.ts"
import { interruptible } from "./lab/interruption.ts"
import { cannotRun, installPackages } from "./lab/machine.ts"

const say = (text: string) => console.log(text)

const why = cannotRun()
if (why !== undefined) {
  console.error(`npm run image ${why}`)
  process.exit(1)
}
await installPackages(say)
await interruptible(() => makeArchive(anchordImage, say))
say(`${IMAGE} is in ${anchordImage.path}: docker load -i ${anchordImage.path}`)
