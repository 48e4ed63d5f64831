import { expect, it } from "vitest"
import { managedSpec } from "../../src/domain/ManagedAnchor.ts"
import { managedRequest } from "../../src/domain/ManagedRequest.ts"

const settings = {
  target: "ldap",
  name: "ldap-service-anchor",
  image: undefined,
  gateway: undefined,
  environment: { TZ: "UTC", ANCHORD_LOG_LEVEL: "warn" },
  labels: { "anchord.expose": "tcp/636:6636" }
}
const made = { target: "ldap", image: "sha256:anchord-1", gateway: "172.20.0.2,fd20::2", logLevel: "info" }

it("a managed service-anchor is asked for with one capability, a read-only root, and nothing that a namespace of another's forbids", () => {
  expect(managedRequest(managedSpec(settings, made))).toEqual({
    body: {
      Image: "sha256:anchord-1",
      Env: ["ANCHORD_GATEWAY_IP=172.20.0.2,fd20::2", "ANCHORD_LOG_LEVEL=warn", "ANCHORD_MODE=service-anchor", "TZ=UTC"],
      Labels: { "anchord.expose": "tcp/636:6636", "anchord.managed-by": "f45" },
      HostConfig: {
        NetworkMode: "container:ldap",
        CapAdd: ["NET_ADMIN"],
        CapDrop: ["ALL"],
        SecurityOpt: ["no-new-privileges"],
        ReadonlyRootfs: true,
        Tmpfs: { "/run": "" },
        RestartPolicy: { Name: "unless-stopped" }
      }
    },
    networks: []
  })
})

it("an image that is pinned is the one that is asked for", () => {
  const { body } = managedRequest(managedSpec({ ...settings, image: "anchord:1.2" }, made))
  expect(body["Image"]).toBe("anchord:1.2")
})
