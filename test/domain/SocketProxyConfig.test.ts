import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { socketProxyConfig } from "../../src/domain/SocketProxyConfig.ts"

const example = new URL("../../examples/docker-proxy/haproxy-lifecycle.cfg", import.meta.url)

/** Without comments, and with the example's variables at their defaults. */
const meaning = (text: string): ReadonlyArray<string> =>
  text
    .replaceAll('"${LISTEN}"', "*:2375")
    .replaceAll('"unix@${DOCKER_SOCKET}"', "unix@/var/run/docker.sock")
    .replace(" unless { env(LOG_PERMITTED) -m str yes }", "")
    .split("\n")
    .map((line) => line.trim().replaceAll(/ +/g, " "))
    .filter((line) => line !== "" && !line.startsWith("#") && !line.startsWith("presetenv"))

describe("the socket proxy that anchord wrap prints", () => {
  it("lets through what the example's lets through, and nothing else", () => {
    expect(meaning(socketProxyConfig)).toEqual(meaning(readFileSync(example, "utf8")))
    expect(socketProxyConfig).not.toContain("${")
  })
})
