import type { Project, Service } from "../e2e/lab/composeProject.ts"
import { composeProject, externalDmz, idle, networkAnchor, transit } from "../e2e/lab/composeProject.ts"
import type { Lab } from "../e2e/lab/lab.ts"

/** What is compared: an image and its settings, by name; the first one is what the others are held against. */
export interface Variant {
  readonly name: string
  readonly image: string
  readonly env: Readonly<Record<string, string>>
  /** Its metrics are scraped and its status is asked for, each once a second. */
  readonly watched: boolean
}

/** The network on which the anchors reach their backends, by its number in the lab. */
export const TRANSIT = 72
const BACKENDS = 10

/** A project whose network-anchors are variants, each with an address of its own; all of them serve the same containers. */
export const projectOf = (
  lab: Lab,
  anchors: ReadonlyArray<Variant & { readonly service: string }>,
  more: Readonly<Record<string, Service>> = {}
): Project =>
  composeProject(lab, "compare", {
    services: {
      ...Object.fromEntries(
        anchors.map(({ service, image, env }, index) => [
          service,
          {
            ...networkAnchor(lab, {
              v4: `10.99.0.${150 + index}`,
              v6: `fd99::${150 + index}`,
              env: { ANCHORD_LOG_LEVEL: "info", ...env }
            }),
            image,
            healthcheck: { disable: true }
          }
        ])
      ),
      ...Object.fromEntries(
        Array.from({ length: BACKENDS }, (_, index) => [
          `backend${index}`,
          idle(lab, { labels: { "anchord.expose": `tcp/${1000 + index}` } })
        ])
      ),
      ...more
    },
    networks: { dmz: externalDmz, transit: transit(TRANSIT), aside: {} }
  })
