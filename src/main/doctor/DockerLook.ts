import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { dockerFindings, endpointFindings } from "../../domain/DockerFindings.ts"
import { notLookedAt, type Finding } from "../../domain/Findings.ts"
import { neededEndpoints } from "../../domain/NeededEndpoints.ts"
import type { DockerSettings, Settings } from "../../domain/Settings.ts"
import { DockerEngine } from "../../services/DockerEngine.ts"
import { DockerPermissions } from "../../services/DockerPermissions.ts"

const AT_ONCE = 4

const tryEndpoints = Effect.fnUntraced(function* (settings: Settings) {
  const permissions = yield* DockerPermissions
  const tried = yield* Effect.forEach(
    neededEndpoints(settings),
    (needed) => Effect.map(permissions.ask(needed.endpoint), (permission) => ({ ...needed, permission })),
    { concurrency: AT_ONCE }
  )
  return endpointFindings(tried)
})

/** Whether the Docker API answers, and lets through what the settings need. */
export const lookAtDocker = Effect.fnUntraced(function* (settings: Settings & { readonly docker: DockerSettings }) {
  const pinged = yield* Effect.result((yield* DockerEngine).ping)
  const problem = Result.isFailure(pinged) ? pinged.failure : undefined
  const findings = dockerFindings(settings.docker.host, problem)
  const answers = problem === undefined || problem.reason === "forbidden"
  const endpoints: ReadonlyArray<Finding> = answers
    ? yield* tryEndpoints(settings)
    : [notLookedAt("endpoints", "the Docker API does not answer")]
  return {
    apiVersion: Result.isSuccess(pinged) ? pinged.success : undefined,
    findings: [...findings, ...endpoints]
  }
})
