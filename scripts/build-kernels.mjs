/**
 * @file Compiles the machine's kernels three times: without relaxed SIMD, with it, and with it in pairs of vectors (`width.ts`);
 * skips what was made of the sources as they are.
 */
import { mkdir, readdir, readFile, rename, stat, utimes } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const kernels = fileURLToPath(new URL("../src/engine/executors/machine/kernels", import.meta.url));

const modules = [
  { name: "machine.wasm", features: ["simd", "threads"] },
  { name: "machine.relaxed.wasm", features: ["simd", "threads", "relaxed-simd"] },
  { name: "machine.wide.wasm", features: ["simd", "threads", "relaxed-simd"], pairs: true },
];

/** In whole seconds, which every file system keeps. */
async function modified(path) {
  return Math.floor((await stat(path).catch(() => ({ mtimeMs: 0 }))).mtimeMs / 1000) * 1000;
}

/** How the compiler reads a source: as it stands, but for the one constant that tells the modules apart. */
const reading = (pairs) => async (name, folder) => {
  const text = await readFile(resolve(folder, name), "utf8").catch(() => null);
  return pairs && basename(name) === "width.ts" ? text?.replace("PAIRS: bool = false", "PAIRS: bool = true") : text;
};

/** Writes the modules to `outdir`. */
export async function buildKernels(outdir) {
  await mkdir(outdir, { recursive: true });
  const sources = (await readdir(kernels)).filter((name) => name.endsWith(".ts")).map((name) => join(kernels, name));
  const newest = Math.max(...(await Promise.all([...sources, fileURLToPath(import.meta.url)].map(modified))));
  for (const { name, features, pairs = false } of modules) {
    const outFile = join(outdir, name);
    if ((await modified(outFile)) === newest) continue;
    const draft = `${outFile}.${process.pid}`;
    const { error, stderr } = await asc.main(
      [
        join(kernels, "index.ts"),
        ...[
          "--outFile",
          draft,
          "--optimizeLevel",
          "3",
          "--noAssert",
          "--runtime",
          "stub",
          "--uncheckedBehavior",
          "always",
        ],
        ...["--importMemory", "--sharedMemory", "--initialMemory", "2", "--maximumMemory", "65536"],
        ...["--memoryBase", "4096", "--use", "abort="],
        ...features.flatMap((feature) => ["--enable", feature]),
      ],
      { readFile: reading(pairs) },
    );
    if (error) throw new Error(`the kernels did not compile:\n${stderr}`);
    // The module carries its sources' time, so that a build of older sources that ends later is not taken for fresh.
    await utimes(draft, newest / 1000, newest / 1000);
    await rename(draft, outFile);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildKernels(process.argv[2] ?? "dist");
