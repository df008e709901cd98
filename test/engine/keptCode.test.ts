/** @file The built engine's compiled code, which stands beside it: V8 takes it, and without it all goes on as before. */
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, it, onTestFinished } from "vitest";

const CHUNKS = resolve("dist/chunks");
const THIS_NODE = `.js.${process.version}-${process.platform}-${process.arch}.code`;

async function print(script: string): Promise<string> {
  const { NODE_V8_COVERAGE: _, ...env } = process.env;
  const args = ["--input-type=module", "--eval", script];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  return stdout.trim();
}

it("V8 accepts the code that the build has kept of the engine", async () => {
  const kept = (await readdir(CHUNKS)).filter((name) => name.endsWith(THIS_NODE));
  expect(kept).not.toHaveLength(0);
  const code = join(CHUNKS, kept[0]!);
  const rejected = await print(`
    import { readFileSync } from "node:fs";
    import { Script } from "node:vm";
    import ${JSON.stringify(resolve("dist/engine.js"))}; // sets V8's flags
    const script = readFileSync(${JSON.stringify(join(CHUNKS, basename(code, THIS_NODE)))} + ".js", "utf8");
    console.log(new Script(script, { cachedData: readFileSync(${JSON.stringify(code)}) }).cachedDataRejected);`);
  expect(rejected).toBe("false");
});

const WITHOUT: [string, (chunks: string) => Promise<void>][] = [
  ["was not kept", async () => {}],
  [
    "cannot be read",
    async (chunks) => {
      const script = (await readdir(chunks)).find((name) => /^engine-\w+\.js$/.test(name))!;
      await mkdir(join(chunks, script.replace(/\.js$/, THIS_NODE)));
    },
  ],
];
it.each(WITHOUT)("an engine whose code %s computes the same", async (_what, spoil) => {
  const folder = await mkdtemp(join(tmpdir(), "no-code-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
  await cp("dist/engine.js", join(folder, "engine.js"));
  await cp(CHUNKS, join(folder, "chunks"), { recursive: true, filter: (path) => !path.endsWith(".code") });
  await spoil(join(folder, "chunks"));
  for (const name of await readdir("dist")) {
    if (name.endsWith(".wasm")) await cp(join("dist", name), join(folder, name));
  }
  const product = await print(`
    import { createMachine, trace } from ${JSON.stringify(join(folder, "engine.js"))};
    const machine = createMachine();
    const traced = trace((t) => ({ outputs: { y: t.constant(6).mul(t.input("x", { dtype: "F32", shape: [] })) } }));
    const { inputs, outputs, run } = machine.compile(traced, machine.createState({}));
    inputs.x[0] = 7;
    run();
    console.log(outputs.y[0]);`);
  expect(product).toBe("42");
});
