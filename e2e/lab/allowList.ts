import { readFileSync } from "node:fs"
import { project } from "./folders.ts"

/** The two configurations of the examples' socket proxy. */
export const proxyConfigs = ["haproxy.cfg", "haproxy-lifecycle.cfg"] as const
export type ProxyConfig = (typeof proxyConfigs)[number]

export const proxyConfig = (name: ProxyConfig): string => `${project}/examples/docker-proxy/${name}`

/** A call that the proxy lets through. */
export interface Permission {
  readonly method: string
  readonly path: RegExp
}

/** What a configuration permits: its lines `acl get path_reg …`, one for each call. */
export const allowListOf = (name: ProxyConfig): ReadonlyArray<Permission> =>
  [...readFileSync(proxyConfig(name), "utf8").matchAll(/^ +acl (get|post|delete) +path_reg (\S+)$/gm)].map(
    ([, method = "", path = ""]) => ({ method: method.toUpperCase(), path: new RegExp(path) })
  )

/** How a permission is written in a list: without version, and with one word for whatever ID or name. */
export const wordsOf = ({ method, path }: Permission): string =>
  `${method} ${path.source
    .replace(/^\^\(.*?\)\?/, "")
    .replace("[a-zA-Z0-9][a-zA-Z0-9_.-]*", "{id}")
    .replace("[0-9a-f]{64}", "{id}")
    .replaceAll("\\/", "/")
    .replace(/\$$/, "")}`

/** The permissions that a proxy with `LOG_PERMITTED: "yes"` says were used, and the calls that it refused. */
export const usedOf = (log: string, permissions: ReadonlyArray<Permission>) => {
  const calls = [...log.matchAll(/^(?:\S+ +\| )?([A-Z]+) ([^\s?]+)\S* -> (\d+)$/gm)].map(
    ([, method, path, status]) => ({
      method: method ?? "",
      path: path ?? "",
      status: Number(status)
    })
  )
  const isUsed = (one: Permission) =>
    calls.some(({ method, path, status }) => status !== 403 && method === one.method && one.path.test(path))
  return {
    used: permissions.filter(isUsed).map(wordsOf).toSorted(),
    refused: calls.filter(({ status }) => status === 403).map(({ method, path }) => `${method} ${path}`)
  }
}
