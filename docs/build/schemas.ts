import * as Schema from "effect/Schema"
import { fileURLToPath } from "node:url"
import { DoctorReport } from "../../src/domain/Findings.ts"
import { ProjectPlan } from "../../src/domain/ProjectPlan.ts"
import { StaleReport } from "../../src/domain/StaleReport.ts"
import { Status } from "../../src/domain/Status.ts"

/** What the commands print with `--json`, by the name of the file that publishes its form. */
const answers: Readonly<Record<string, { readonly title: string; readonly schema: Schema.Constraint }>> = {
  "status.json": { title: "anchord status --json", schema: Status },
  "plan.json": { title: "anchord plan --json", schema: Schema.Array(ProjectPlan) },
  "doctor.json": { title: "anchord doctor --json", schema: DoctorReport },
  "stale-netns.json": { title: "anchord doctor stale-netns --json", schema: StaleReport }
}

export interface PublishedSchema {
  readonly path: string
  readonly text: string
}

/** JSON Schemas of everything that is printed with `--json`, as files. */
export const publishedSchemas = (): ReadonlyArray<PublishedSchema> =>
  Object.entries(answers).map(([name, { title, schema: answer }]) => {
    const { schema, definitions } = Schema.toJsonSchemaDocument(answer)
    const named = Object.keys(definitions).length === 0 ? {} : { $defs: definitions }
    const document = { $schema: "https://json-schema.org/draft/2020-12/schema", title, ...schema, ...named }
    return {
      path: fileURLToPath(new URL(`../schemas/${name}`, import.meta.url)),
      text: `${JSON.stringify(document, undefined, 2)}\n`
    }
  })
