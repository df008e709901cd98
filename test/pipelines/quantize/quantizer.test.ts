/** @file Models as files in integers: what is asked, what is refused, and what the report says of it. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createExecutor, decodeOnnx } from "../../../src/engine/index.ts";
import type { Dataset } from "../../../src/pipelines/data/dataset.ts";
import { createModel, createRegistry, loadData, parseTrainOptions, train } from "../../../src/pipelines/index.ts";
import { exportOnnx } from "../../../src/pipelines/model/export.ts";
import type { PredictionContext } from "../../../src/pipelines/model/loaded.ts";
import { type QuantizeRequest, quantizeChoice } from "../../../src/pipelines/quantize/options.ts";
import { createQuantizer } from "../../../src/pipelines/quantize/quantizer.ts";

const registry = createRegistry();
const executor = createExecutor({ threads: 1 });
const rows = Array.from({ length: 90 }, (_, index) => ({
  size: index % 8 === 0 ? null : Math.sin(index) * 3,
  colour: index % 7 === 0 ? null : ["red", "green", "blue"][index % 3],
  kind: Math.sin(index) > 0 ? "big" : "small",
}));

let folder: string;
let context: PredictionContext;
let dataset: Dataset;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "quantize-"));
  dataset = await loadData({ rows, target: "kind" }, { registry, handles: {} });
  const blank = createModel(registry, {
    pipeline: "classification",
    backbone: { type: "mlp", hidden: [24, 12], norm: "batch" },
    seed: 1,
  });
  const options = parseTrainOptions(registry, blank, { epochs: 30, batchSize: 16 });
  const control = new Int32Array(new SharedArrayBuffer(4));
  const { record } = train({
    ...{ registry, executor, record: blank, dataset, options, control },
    emit() {},
    publish() {},
  });
  context = { registry, executor, record };
});

afterAll(async () => {
  executor.close();
  await rm(folder, { recursive: true });
});

async function exported(request: QuantizeRequest, data: Dataset | null = dataset) {
  const path = join(folder, "model.onnx");
  const quantize = createQuantizer(context, quantizeChoice(request), data);
  const { quantization } = await exportOnnx(context, path, { verify: false, quantize });
  const card = JSON.parse(await readFile(join(folder, "model.json"), "utf8"));
  return { report: quantization!, card, model: decodeOnnx(await readFile(path)) };
}

describe.each(["int8-dynamic", "int8-static"] as const)("%s", (mode) => {
  it("tells of every layer what became of it, and of the answers", async () => {
    const { report } = await exported(mode);
    expect(report.layers.map(({ path, how }) => [path, how])).toEqual([
      ["backbone.layers.0", "integers"],
      ["backbone.layers.1", "integers"],
      ["head", "integers"],
    ]);
    for (const { sqnr, maxAbsDiff } of report.layers) {
      expect(sqnr).toBeGreaterThan(25);
      expect(maxAbsDiff).toBeGreaterThan(0);
    }
    expect(report.outputs.map(({ name }) => name)).toEqual(["label", "probabilities"]);
    expect(report.outputs[0]).toMatchObject({ sqnr: null, agreement: expect.closeTo(1, 1) });
  });

  it("judges the model before and after, on data with a target", async () => {
    const { metrics } = (await exported(mode)).report;
    expect(metrics).toMatchObject({ rows: 90, before: { accuracy: expect.any(Number) } });
    expect(Math.abs(metrics!.before.accuracy! - metrics!.after.accuracy!)).toBeLessThan(0.03);
  });

  it("leaves preprocessing as it was: strings to codes, gaps filled", async () => {
    const { model } = await exported(mode);
    const kinds = model.graph!.node!.map(({ opType }) => opType);
    expect(kinds).toContain("LabelEncoder");
    expect(kinds).not.toContain("BatchNormalization");
  });

  it("puts the report into the card, which shows no answers of the real model", async () => {
    const { card, report } = await exported(mode);
    expect(card.quantization.bytes).toEqual(report.bytes);
    expect(card.file.weights).toBe("int8");
    expect(card).not.toHaveProperty("sample");
  });
});

describe("int8-dynamic without data", () => {
  it("measures the damage on made-up rows, and judges nothing", async () => {
    const { report } = await exported("int8-dynamic", null);
    expect(report).toMatchObject({ rows: "invented", metrics: null, calibration: null });
    expect(report.layers.every(({ sqnr }) => sqnr! > 20)).toBe(true);
  });
});

describe("what is measured", () => {
  it("covers more of the outermost the higher the percentile", async () => {
    const scaleAt = async (percentile: number) => {
      const { report } = await exported({ mode: "int8-static", calibration: { method: "percentile", percentile } });
      return report.layers[1]!.input!.scale;
    };
    expect(await scaleAt(80)).toBeLessThan(await scaleAt(99.9));
  });

  it("is as many rows as asked", async () => {
    const { report } = await exported({ mode: "int8-static", calibration: { samples: 12 } });
    expect(report).toMatchObject({ samples: 12, calibration: { method: "minmax", samples: 12 } });
  });
});

describe("what is refused", () => {
  const refused = async (request: QuantizeRequest, data?: Dataset | null) =>
    exported(request, data).then(
      () => null,
      ({ reason, violations }) => [reason, violations[0].path],
    );

  it("is int8-static without data", async () => {
    expect(await refused("int8-static", null)).toEqual(["INVALID_PARAMS", "data"]);
  });

  it("is a pattern that no layer has, and one that leaves none", async () => {
    expect(await refused({ mode: "int8-dynamic", exclude: ["head", "no.such"] })).toEqual([
      "INVALID_PARAMS",
      "quantize.exclude[1]",
    ]);
    expect(await refused({ mode: "int8-dynamic", exclude: ["**"] })).toEqual(["INVALID_PARAMS", "quantize.mode"]);
  });

  it("is a setting that the mode has no use for", () => {
    expect(() => quantizeChoice({ mode: "int8-dynamic", calibration: { method: "entropy" } })).toThrow(/method/);
    expect(() => quantizeChoice({ mode: "int8-dynamic", activations: "int8" })).toThrow(/activations/);
    expect(() => quantizeChoice({ mode: "int8-static", calibration: { method: "entropy", numBins: 64 } })).toThrow(
      /numQuantizedBins/,
    );
  });
});
