# Needs BuildKit 0.12 or later: build secrets, COPY --chmod, HEALTHCHECK --start-interval.
# The version is that of package.json; the commit is what the builder says that this was made of.
ARG ANCHORD_VERSION=3.0.0
ARG ANCHORD_COMMIT=none

# The program, bundled, and the Node it runs on. Node comes from npm, as in development.
FROM debian:trixie-slim AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends binutils ca-certificates npm \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# A network that inspects TLS gives its own certificates as the build secret "ca".
RUN --mount=type=secret,id=ca \
    if [ -s /run/secrets/ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca; fi; \
    npm ci
COPY tsconfig.json build.mjs ./
COPY src src
ARG ANCHORD_VERSION
ARG ANCHORD_COMMIT
RUN npm run build && strip -o dist/node node_modules/node/bin/node

FROM debian:trixie-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends nftables iproute2 conntrack busybox udhcpc tini \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* /usr/share/doc /usr/share/man /usr/share/locale
COPY --from=build /build/dist/node /usr/local/bin/node
COPY --from=build /build/dist/anchord /usr/local/lib/anchord
COPY --chmod=755 image/anchord image/anchord-health image/dhcp-hook image/advertise-neighbour /usr/local/bin/
ARG ANCHORD_VERSION
ARG ANCHORD_COMMIT
LABEL org.opencontainers.image.title="anchord" \
      org.opencontainers.image.description="Makes a Docker Compose project look like one real server on the LAN" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${ANCHORD_VERSION}" \
      org.opencontainers.image.revision="${ANCHORD_COMMIT}"
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --start-interval=1s CMD ["anchord-health"]
ENTRYPOINT ["tini", "--", "anchord"]
