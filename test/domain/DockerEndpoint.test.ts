import { expect, it } from "vitest"
import { endpointPattern } from "../../src/domain/DockerEndpoint.ts"

const id = "0d1fa2b4c6e8".repeat(5) + "abcd"

it.each([
  [`POST /containers/${id}/start`, "POST /containers/{id}/start"],
  ["POST /containers/web-1/restart", "POST /containers/{id}/restart"],
  [`DELETE /containers/${id}`, "DELETE /containers/{id}"],
  ["DELETE /containers/create", "DELETE /containers/{id}"],
  ["GET /containers/create/json", "GET /containers/{id}/json"],
  ["GET /containers/json/json", "GET /containers/{id}/json"],
  ["POST /networks/mail_transit/connect", "POST /networks/{id}/connect"],
  [`GET /networks/${id}`, "GET /networks/{id}"],
  [`GET /images/sha256%3A${id}/json`, "GET /images/{id}/json"],
  ["POST /containers/create", "POST /containers/create"],
  ["GET /containers/json", "GET /containers/json"],
  ["GET /_ping", "GET /_ping"],
  ["GET /events", "GET /events"]
])("%s is written %s", (endpoint, pattern) => {
  expect(endpointPattern(endpoint)).toBe(pattern)
})
