import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { Fault } from "../../../src/engine/index.ts";
import { catalog, createRegistry, KINDS } from "../../../src/pipelines/index.ts";
import { checkPlugin, loadPlugin } from "../../../src/pipelines/registry/load.ts";
import { startSidecar } from "../../support/sidecar.ts";

const EXAMPLE = resolve(import.meta.dirname, "../../../examples/plugins/spirals.mjs");

const folder = mkdtempSync(join(tmpdir(), "ml-sidecar-plugin-"));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, source: string): string {
  const path = join(folder, name);
  writeFileSync(path, source);
  return path;
}

async function refusalOf(action: () => unknown): Promise<Fault> {
  try {
    await action();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("the catalog", () => {
  const { plugins: _, ...kinds } = catalog(createRegistry());

  it("has something of every kind", () => {
    for (const kind of KINDS) expect(kinds[kind].length, kind).toBeGreaterThan(0);
  });

  const entries = Object.entries(kinds).flatMap(([kind, all]) =>
    all.map((entry) => [`${kind}.${entry.type}`, entry] as const),
  );
  it.each(entries)("describes %s and each of its options", (_name, { description, options }) => {
    expect(description).toMatch(/\w/);
    for (const [name, option] of Object.entries(
      (options.properties ?? {}) as Record<string, { description?: string }>,
    )) {
      expect(option.description, name).toMatch(/\w/);
    }
  });
});

describe("a plugin", () => {
  it("adds to the registry and to the catalog", async () => {
    const registry = createRegistry([await loadPlugin(EXAMPLE)]);
    expect(registry.plugins).toEqual([{ name: "spirals", version: "1.0.0" }]);
    const { backbones, losses, datasets } = catalog(registry);
    expect(backbones.at(-1)).toMatchObject({ type: "fourier", options: { properties: { waves: { default: 32 } } } });
    expect(losses.at(-1)!.type).toBe("focal");
    expect(datasets.at(-1)!.type).toBe("spirals");
  });

  it("cannot take a name that is taken", async () => {
    const plugin = await loadPlugin(EXAMPLE);
    const refusal = await refusalOf(() => createRegistry([plugin, { ...plugin, name: "other" }]));
    expect(refusal.reason).toBe("ALREADY_EXISTS");
    expect(refusal.message).toContain("`backbones.fourier`");
  });

  const field = z.number().describe("x");
  const good = { type: "x", description: "x", options: z.object({ field }), build: () => null };
  it.each([
    ["default export", undefined],
    ["version", { name: "x" }],
    ["backbone", { name: "x", version: "1", backbone: [] }],
    ["backbones", { name: "x", version: "1", backbones: {} }],
    ["backbones[0]", { name: "x", version: "1", backbones: [null] }],
    ["backbones[1].type", { name: "x", version: "1", backbones: [good, { ...good, type: "" }] }],
    ["backbones[0].options", { name: "x", version: "1", backbones: [{ ...good, options: {} }] }],
    [
      "backbones[0].options.bare",
      { name: "x", version: "1", backbones: [{ ...good, options: z.object({ bare: z.number() }) }] },
    ],
    ["backbones[0].build", { name: "x", version: "1", backbones: [{ ...good, build: 7 }] }],
    ["optimizers[0].options.learningRate", { name: "x", version: "1", optimizers: [good] }],
    ["losses[0].targets", { name: "x", version: "1", losses: [{ ...good, perRow: () => null, targets: [] }] }],
  ])("is refused at `%s`, by file and field", async (place, exported) => {
    const refusal = await refusalOf(() => checkPlugin(exported, "./mine.mjs"));
    expect(refusal.reason).toBe("INVALID_PARAMS");
    expect(refusal.violations[0]!.path).toBe(`./mine.mjs: ${place}`);
  });

  it("that is not there is not found", async () => {
    expect((await refusalOf(() => loadPlugin("./nowhere.mjs"))).reason).toBe("NOT_FOUND");
    expect((await refusalOf(() => loadPlugin("no-such-package-at-all"))).reason).toBe("NOT_FOUND");
  });

  it("that throws is reported with its own words", async () => {
    const path = write("throws.mjs", 'throw new Error("my mistake");');
    const refusal = await refusalOf(() => loadPlugin(path));
    expect(refusal.message).toContain("my mistake");
    expect(refusal.message).toContain(path);
  });
});

describe("over the wire", () => {
  it("a plugin outside the package trains, beside a broken one", async () => {
    const elsewhere = write("spirals.mjs", readFileSync(EXAMPLE, "utf8"));
    const broken = write("broken.mjs", "export default { name: 'broken', version: '1', backbones: [{ type: 'b' }] };");
    const sidecar = startSidecar({ parameters: ["--plugin", broken, "--plugin", elsewhere] });
    await sidecar.call("runtime.initialize", { limits: { maxLineBytes: 2 ** 22 } });
    const listed = await sidecar.call("runtime.catalog");
    expect(listed.backbones.map(({ type }: { type: string }) => type)).toContain("fourier");
    expect(sidecar.errors()).toContain("broken.mjs");
    expect(sidecar.errors()).toContain("backbones[0].description");

    const { model } = await sidecar.call("models.create", {
      pipeline: "classification",
      backbone: { type: "fourier" },
      seed: 1,
    });
    const { job } = await sidecar.call("train.start", {
      model: model.id,
      data: { builtin: { type: "spirals", rows: 400 } },
      validation: 0.25,
      epochs: 30,
      loss: { type: "focal", gamma: 1 },
    });
    const ended = await sidecar.call("jobs.wait", { jobId: job.id, timeoutMs: 20_000 });
    expect(ended.job.state).toBe("completed");
    expect(ended.job.result.validation.metrics.accuracy).toBeGreaterThan(0.9);
    sidecar.endInput();
    expect((await sidecar.exit).code).toBe(0);
  });

  it("defines heads with several answers, and losses that judge them", async () => {
    const file = write(
      "mixture.mjs",
      `import { definePlugin, defineHead, defineLoss, definePipeline, dense, z } from "ml-sidecar/plugin";
       const head = defineHead({
         type: "spread", description: "A value and how far it may be off", options: z.object({}), target: "values",
         judged: () => "spreads",
         build: (scope, x, _options, { outputs }) => ({
           output: dense(scope.child("value"), x, { units: outputs }),
           width: dense(scope.child("width"), x, { units: outputs }).softplus(),
         }),
         results: (value, _options, { raw, units }) => ({ values: units.value(value), width: units.spread(raw.width) }),
       });
       const loss = defineLoss({
         type: "spreadLoss", description: "Squared error", options: z.object({}), targets: ["spreads"],
         perRow: (_t, value, target) => value.sub(target).square().mean(-1),
       });
       const pipeline = definePipeline({
         type: "spreads", description: "Values and widths", options: z.object({}), head: "spread",
         defaults: { backbone: { type: "mlp" }, loss: "spreadLoss", optimizer: "adam", schedule: "constant", epochs: 2, batchSize: 8 },
         metrics: ({ loss }) => ({ metrics: { squared: loss } }),
       });
       export default definePlugin({ name: "spread", version: "1", heads: [head], losses: [loss], pipelines: [pipeline] });`,
    );
    const sidecar = startSidecar({ parameters: ["--plugin", file] });
    const { model } = await sidecar.call("models.create", { pipeline: "spreads", backbone: { type: "mlp" } });
    const data = { x: [[1], [2], [3], [4]], y: [10, 20, 30, 40] };
    const { job } = await sidecar.call("train.start", { model: model.id, data, epochs: 2 });
    expect((await sidecar.call("jobs.wait", { jobId: job.id })).job).toMatchObject({ state: "completed" });
    const { outputs } = await sidecar.call("predict", { model: model.id, inputs: [[1], [2]] });
    expect(outputs).toMatchObject({ values: { shape: [2, 1] }, width: { shape: [2, 1] } });
    const { metrics } = await sidecar.call("evaluate", { model: model.id, data });
    expect(metrics.squared).toBe(metrics.loss);
  });
});
