/** @file A script as one file of plain JavaScript, as users run the engine: what loads TypeScript would count as compile time. */
import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { build } from "esbuild";
// @ts-expect-error: plain JavaScript
import { buildKernels } from "../scripts/build-kernels.mjs";
// @ts-expect-error: plain JavaScript
import { engineIn } from "../scripts/engine/bundle.mjs";

const FOLDER = ".cache/bench";

/** @returns the path of the bundle, beside which the machine's kernels stand */
export async function bundled(script: string): Promise<string> {
  await mkdir(FOLDER, { recursive: true });
  await buildKernels(FOLDER);
  const engine = await engineIn(FOLDER);
  const outfile = join(FOLDER, `${basename(script, ".ts")}.mjs`);
  await build({
    entryPoints: [script],
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    outfile,
    external: ["onnxruntime-node", "assemblyscript"],
    logLevel: "error",
    plugins: [engine.plugin],
  });
  await engine.keepCode();
  return outfile;
}
