import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { randomBytes } from "node:crypto"
import type { Permission } from "../../domain/DockerFindings.ts"
import { pathOf, type Endpoint } from "../../domain/NeededEndpoints.ts"
import type { DockerError } from "../../services/DockerEngine.ts"
import { DockerPermissions } from "../../services/DockerPermissions.ts"
import { negotiate } from "./ApiVersion.ts"
import type { DockerAddress } from "./DockerAddress.ts"
import { connect, type Question } from "./DockerodeConnection.ts"

/** No container, network or image has this ID: there are 2^256 of them. */
const nobody = (): string => randomBytes(32).toString("hex")

const METHOD = /^(GET|POST|DELETE) /

/** JSON, but nothing that describes a container: every engine refuses it before it does anything. */
const NO_CONTAINER: ReadonlyArray<never> = []

/** What keeps a call that names no object from having an effect, or from taking long. */
const harmless: Readonly<Partial<Record<Endpoint, Partial<Question>>>> = {
  "GET /events": { query: { since: "1", until: "1" } },
  "GET /containers/json": { query: { limit: 1 } },
  "POST /containers/create": { body: NO_CONTAINER },
  "POST /containers/{id}/rename": { query: { name: "nobody" } },
  "POST /containers/{id}/update": { body: { RestartPolicy: { Name: "no" } } },
  "POST /networks/{id}/connect": { body: { Container: nobody() } },
  "POST /networks/{id}/disconnect": { body: { Container: nobody() } }
}

const questionFor = (endpoint: Endpoint): Question => {
  const method = METHOD.exec(endpoint)?.[1] as Question["method"]
  return { method, path: pathOf(endpoint, nobody()), ...harmless[endpoint] }
}

/** An engine that refuses has been asked: the call got through. What forbids says 403, and some proxies 401 or 405. */
const permissionOf = ({ reason, status, message }: DockerError): Permission => {
  if (reason === "forbidden" || status === 401 || status === 405) return { _tag: "Forbidden" }
  const isAnswer = status !== undefined && status >= 400 && reason !== "unreachable"
  return isAnswer ? { _tag: "Allowed" } : { _tag: "Unknown", message }
}

/** Calls that can have no effect, in the API version in which anchord makes them. */
export const layer = (address: DockerAddress): Layer.Layer<DockerPermissions> =>
  Layer.effect(DockerPermissions)(
    Effect.gen(function* () {
      const connection = yield* connect(address)
      const api = yield* negotiate(connection)
      const call = (endpoint: Endpoint) => {
        const made = (version: string) => Effect.scoped(connection.open(questionFor(endpoint), version))
        return endpoint === "GET /_ping" ? made("") : api.speak(made)
      }
      return {
        ask: (endpoint) =>
          call(endpoint).pipe(
            Effect.as<Permission>({ _tag: "Allowed" }),
            Effect.catch((error) => Effect.succeed(permissionOf(error)))
          )
      }
    })
  )
