/** @file A script as one file of plain JavaScript, as users run the engine: what loads TypeScript would count as compile time. */
import { copyFile, mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { build } from "esbuild";

const FOLDER = ".cache/bench";

/** @returns the path of the bundle, beside which the machine's kernels stand */
export async function bundled(script: string): Promise<string> {
  await mkdir(FOLDER, { recursive: true });
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
  });
  for (const kernels of ["machine.wasm", "machine.relaxed.wasm"])
    await copyFile(join("dist", kernels), join(FOLDER, kernels));
  return outfile;
}
