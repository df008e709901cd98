/** @file Builds dist/: the machine's two WebAssembly modules, the bundled entry points, and with --types their declarations. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir } from "node:fs/promises";
import { build } from "esbuild";
import { engineIn } from "./engine/bundle.mjs";

const entryPoints = {
  main: "src/sidecar/main.ts",
  worker: "src/sidecar/worker.ts",
  runner: "src/sidecar/runner.ts",
  trial: "src/sidecar/trial.ts",
  prefetch: "src/pipelines/training/prefetch.ts",
  client: "clients/typescript/index.ts",
  plugin: "src/pipelines/plugin.ts",
  engine: "src/engine/index.ts",
};

await mkdir("dist", { recursive: true });
if (existsSync("src/engine/executors/machine/kernels/index.ts")) {
  const { buildKernels } = await import("./build-kernels.mjs");
  await buildKernels("dist");
}
const engine = await engineIn("dist/chunks");
await build({
  entryPoints: Object.fromEntries(Object.entries(entryPoints).filter(([, path]) => existsSync(path))),
  outdir: "dist",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  chunkNames: "chunks/[name]-[hash]",
  external: ["onnxruntime-node", "fast-png", "jpeg-js", "pino", "execa"],
  sourcemap: "linked",
  logLevel: "warning",
  plugins: [engine.plugin],
});
await engine.keepCode();
if (existsSync("dist/main.js")) await chmod("dist/main.js", 0o755);

// Slow, and of use to importers only: `npm ci` makes them, a rebuild does not.
if (process.argv.includes("--types")) {
  execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "--project", "tsconfig.types.json"], {
    stdio: "inherit",
  });
}
