/**
 * HAProxy in front of the Docker socket, for an anchord that also acts: what `examples/docker-proxy/haproxy-lifecycle.cfg` lets through, and nothing
 * else. Listens on port 2375.
 */
export const socketProxyConfig = String.raw`global
    log stdout format raw daemon
    maxconn 64

defaults
    mode http
    log global
    log-format "%HM %HU -> %ST"
    option abortonclose
    timeout connect 5s
    timeout http-request 5s
    timeout client 30s
    # anchord waits for 60 s at most, and hangs up when it has waited long enough.
    timeout server 70s

frontend docker_api
    bind *:2375

    # An API call may carry a version: /v1.41/containers/json.
    # An ID or a name begins with a letter or a digit, so "." and ".." never match.
    acl get    path_reg ^(/v[0-9]+\.[0-9]+)?/_ping$
    acl get    path_reg ^(/v[0-9]+\.[0-9]+)?/events$
    acl get    path_reg ^(/v[0-9]+\.[0-9]+)?/containers/json$
    acl get    path_reg ^(/v[0-9]+\.[0-9]+)?/containers/[a-zA-Z0-9][a-zA-Z0-9_.-]*/json$
    acl get    path_reg ^(/v[0-9]+\.[0-9]+)?/networks/[a-zA-Z0-9][a-zA-Z0-9_.-]*$
    # What a container only has from its image, when it is made anew with another one. The image is named by its ID.
    acl get    path_reg ^(/v[0-9]+\.[0-9]+)?/images/sha256%3A[0-9a-f]{64}/json$

    acl post   path_reg ^(/v[0-9]+\.[0-9]+)?/containers/create$
    acl post   path_reg ^(/v[0-9]+\.[0-9]+)?/containers/[a-zA-Z0-9][a-zA-Z0-9_.-]*/start$
    acl post   path_reg ^(/v[0-9]+\.[0-9]+)?/containers/[a-zA-Z0-9][a-zA-Z0-9_.-]*/stop$
    acl post   path_reg ^(/v[0-9]+\.[0-9]+)?/containers/[a-zA-Z0-9][a-zA-Z0-9_.-]*/restart$
    acl post   path_reg ^(/v[0-9]+\.[0-9]+)?/containers/[a-zA-Z0-9][a-zA-Z0-9_.-]*/rename$
    acl post   path_reg ^(/v[0-9]+\.[0-9]+)?/containers/[a-zA-Z0-9][a-zA-Z0-9_.-]*/update$
    # An external-rebinder needs these, and so does what is on several networks before Docker Engine 25.
    acl post   path_reg ^(/v[0-9]+\.[0-9]+)?/networks/[a-zA-Z0-9][a-zA-Z0-9_.-]*/connect$
    acl post   path_reg ^(/v[0-9]+\.[0-9]+)?/networks/[a-zA-Z0-9][a-zA-Z0-9_.-]*/disconnect$

    acl delete path_reg ^(/v[0-9]+\.[0-9]+)?/containers/[a-zA-Z0-9][a-zA-Z0-9_.-]*$

    http-request deny deny_status 403 if { req.hdr(Upgrade) -m found }
    http-request deny deny_status 403 unless { method GET } get or { method POST } post or { method DELETE } delete
    # What was let through is not worth a line: only refusals and failures are logged.
    http-request set-log-level silent

    use_backend docker_patient if { path_end /events /stop /restart }
    default_backend docker

backend docker
    server docker unix@/var/run/docker.sock

backend docker_patient
    # The stream may be silent for days, and an event must not wait for the next one to fill a packet. A container that is
    # stopped has the time that its stop_grace_period says.
    timeout server 24d
    option http-no-delay
    server docker unix@/var/run/docker.sock
`
