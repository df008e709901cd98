/** @file The engine in bundles: as a script of its own whose compiled code can be kept, which modules' cannot in Node 20. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Script } from "node:vm";
import { build } from "esbuild";
import { codeOf } from "./names.mjs";

const FACE = fileURLToPath(new URL("../../src/engine/index.ts", import.meta.url));
const LOADER = fileURLToPath(new URL("load.ts", import.meta.url));
const WARM = fileURLToPath(new URL("warm.ts", import.meta.url));
const COMMON = {
  bundle: true,
  platform: "node",
  target: "node20",
  external: ["onnxruntime-node"],
  logLevel: "warning",
};

async function write(path, contents) {
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, contents);
  await rename(draft, path);
}

/** Writes the script, and its source map, to `folder`. @returns its name, and the names of what it gives */
async function makeScript(folder) {
  const { outputFiles } = await build({
    ...COMMON,
    entryPoints: [FACE],
    format: "cjs",
    write: false,
    sourcemap: "external",
    outfile: join(folder, "engine.js"),
    define: { "import.meta.url": "url" },
    banner: { js: "(function (module, exports, require, url) {" },
    footer: { js: "})" },
  });
  const [map, { contents, text }] = outputFiles.sort((a, b) => b.path.length - a.path.length);
  const name = `engine-${createHash("sha256").update(contents).digest("hex").slice(0, 12)}.js`;
  if (!existsSync(join(folder, name))) {
    await mkdir(folder, { recursive: true });
    await write(join(folder, `${name}.map`), map.contents);
    await write(join(folder, name), `${text}//# sourceMappingURL=${name}.map\n`);
  }
  const module = { exports: {} };
  new Script(text).runInThisContext()(module, module.exports, createRequire(FACE), import.meta.url);
  return { name, gives: Object.keys(module.exports) };
}

/**
 * For esbuild: who imports the engine's face loads it from a script in `folder`, where the importing bundle must end up too.
 * @returns the plugin, and what keeps V8's code beside the script unless it is there: it uses the engine in a process of its own
 */
export async function engineIn(folder) {
  const { name, gives } = await makeScript(folder);
  const contents = `import { loadEngine } from ${JSON.stringify(LOADER)};
    export const { ${gives.join(", ")} } = loadEngine("./${name}", import.meta.url);`;
  const plugin = {
    name: "engine",
    setup({ onLoad }) {
      onLoad({ filter: /[\\/]engine[\\/]index\.ts$/ }, ({ path }) =>
        path === FACE ? { contents, resolveDir: dirname(LOADER) } : null,
      );
    },
  };
  async function keepCode() {
    if (existsSync(join(folder, codeOf(name)))) return;
    const outfile = join(folder, `warm.${process.pid}.mjs`);
    await build({ ...COMMON, entryPoints: [WARM], format: "esm", outfile, plugins: [plugin] });
    try {
      execFileSync(process.execPath, [outfile], { stdio: "inherit" });
    } finally {
      await rm(outfile, { force: true });
    }
  }
  return { plugin, keepCode };
}
