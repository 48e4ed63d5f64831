import type { CreateRequest } from "./CreateRequest.ts"
import type { ManagedSpec } from "./LifecycleAction.ts"

/** The request that creates a managed service-anchor (SPEC §11.2): what is not named here is the image's or Docker's. */
export const managedRequest = (spec: ManagedSpec): CreateRequest => ({
  body: {
    Image: spec.image,
    Env: spec.environment,
    Labels: spec.labels,
    HostConfig: {
      NetworkMode: spec.networkMode,
      CapAdd: spec.capAdd,
      CapDrop: spec.capDrop,
      SecurityOpt: spec.securityOpt,
      ReadonlyRootfs: spec.readOnly,
      Tmpfs: Object.fromEntries(spec.tmpfs.map((path) => [path, ""])),
      RestartPolicy: { Name: spec.restartPolicy }
    }
  },
  networks: []
})
