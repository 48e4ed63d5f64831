import { archive, buildImage, IMAGE } from "./lab/imageBuild.ts"
import { cannotRun, installPackages } from "./lab/machine.ts"

const say = (text: string) => console.log(text)

const why = cannotRun()
if (why !== undefined) {
  console.error(`npm run image ${why}`)
  process.exit(1)
}
await installPackages(say)
await buildImage(say)
say(`${IMAGE} is built; docker load -i ${archive}`)
