import { readFileSync } from "node:fs"
import { join } from "node:path"

/** Where the Docker API is, as the variables of SPEC §2 say it. */
export interface DockerAddress {
  /** `DOCKER_HOST`: `unix://`, `tcp://`, `http://` or `https://`. */
  readonly host: string
  /** `DOCKER_TLS_VERIFY`: makes `tcp://` mean TLS. */
  readonly tlsVerify?: boolean
  /** `DOCKER_CERT_PATH`: the folder of `ca.pem`, `cert.pem` and `key.pem`, used with TLS only. */
  readonly certPath?: string
}

/** What dockerode's constructor takes. Every key is there, so that none falls back to this process's environment. */
export interface Endpoint {
  readonly protocol: "http" | "https"
  readonly socketPath: string | undefined
  readonly host: string | undefined
  readonly port: number | undefined
  readonly pathPrefix: string
  readonly ca: Buffer | undefined
  readonly cert: Buffer | undefined
  readonly key: Buffer | undefined
  readonly timeout: undefined
}

const plain = { ca: undefined, cert: undefined, key: undefined }

const certificates = (folder: string | undefined) => {
  if (folder === undefined) return plain
  const read = (name: string) => readFileSync(join(folder, name))
  return { ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem") }
}

/**
 * Takes the address apart, and reads the certificates when it means TLS (`https://`, `tcp://` with verification on, or the port 2376
 * that Docker keeps for it). Throws when it is none of the four kinds or a certificate cannot be read.
 */
export const endpointOf = ({ host, tlsVerify = false, certPath }: DockerAddress): Endpoint => {
  if (host.startsWith("unix://")) {
    const socketPath = host.slice("unix://".length) || "/var/run/docker.sock"
    const nowhere = { host: undefined, port: undefined, pathPrefix: "/", timeout: undefined }
    return { protocol: "http", socketPath, ...nowhere, ...plain }
  }
  const url = new URL(host.replace(/^tcp:/, "http:"))
  if (!["http:", "https:"].includes(url.protocol)) throw new Error(`${host}: only unix, tcp, http and https are known`)
  const tls = url.protocol === "https:" || (host.startsWith("tcp:") && (tlsVerify || url.port === "2376"))
  return {
    protocol: tls ? "https" : "http",
    socketPath: undefined,
    host: url.hostname,
    port: Number(url.port || defaultPort(host, tls)),
    pathPrefix: url.pathname,
    timeout: undefined,
    ...(tls ? certificates(certPath) : plain)
  }
}

const defaultPort = (host: string, tls: boolean): number =>
  host.startsWith("tcp:") ? (tls ? 2376 : 2375) : tls ? 443 : 80
