// Bundles the program into dist/anchord.mjs, one file that needs nothing but Node.
import { build } from "esbuild"
import { readFileSync } from "node:fs"

const { version } = JSON.parse(readFileSync("package.json", "utf8"))

/** What dockerode requires for SSH, BuildKit sessions and build contexts, which anchord never uses. */
const unused =
  /^(ssh2|@grpc\/grpc-js|@grpc\/proto-loader|protobufjs|tar-fs|@balena\/dockerignore)(\/|$)/

const leaveOut = {
  name: "leave-out",
  setup(builder) {
    builder.onResolve({ filter: unused }, ({ path }) => ({ path, namespace: "left-out" }))
    builder.onLoad({ filter: /.*/, namespace: "left-out" }, () => ({ contents: "module.exports = {}" }))
  }
}

await build({
  entryPoints: ["src/main/anchord.ts"],
  outfile: "dist/anchord.mjs",
  bundle: true,
  minify: true,
  keepNames: true,
  platform: "node",
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
