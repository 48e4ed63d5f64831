// Bundles the program into dist/anchord: anchord.mjs and what it loads when a mode needs it. It needs nothing but Node.
import { build } from "esbuild"
import { readFileSync, rmSync } from "node:fs"

const { version } = JSON.parse(readFileSync("package.json", "utf8"))

/** What dockerode requires for SSH, BuildKit sessions and build contexts, which anchord never uses. */
const unused = /^(ssh2|@grpc\/grpc-js|@grpc\/proto-loader|protobufjs|tar-fs|@balena\/dockerignore)(\/|$)/

const leaveOut = {
  name: "leave-out",
  setup(builder) {
    builder.onResolve({ filter: unused }, ({ path }) => ({ path, namespace: "left-out" }))
    builder.onLoad({ filter: /.*/, namespace: "left-out" }, () => ({ contents: "module.exports = {}" }))
  }
}

rmSync("dist/anchord", { recursive: true, force: true })
await build({
  entryPoints: ["src/main/anchord.ts"],
  outdir: "dist/anchord",
  outExtension: { ".js": ".mjs" },
  bundle: true,
  // One file a mode: what a service-anchor never runs is not in its memory either, and there are many of them.
  splitting: true,
  minify: true,
  platform: "node",
  // OpenTelemetry's packages have modules beside what Node would load, and of modules only what is used is bundled: a quarter.
  mainFields: ["module", "main"],
  format: "esm",
  target: "node24",
  legalComments: "none",
  alias: { "readable-stream": "node:stream" },
  plugins: [leaveOut],
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  define: {
    BUILD_VERSION: JSON.stringify(process.env.ANCHORD_VERSION || version),
    BUILD_COMMIT: JSON.stringify(process.env.ANCHORD_COMMIT || "none")
  }
})
