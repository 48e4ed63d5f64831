declare const BUILD_VERSION: string | undefined
declare const BUILD_COMMIT: string | undefined

/** What the bundler wrote into this program; run from source it is a development build. */
export const version = typeof BUILD_VERSION === "string" ? BUILD_VERSION : "development"
export const commit = typeof BUILD_COMMIT === "string" ? BUILD_COMMIT : "none"
