/** @file Trained models as ONNX files: raw columns in, the engine's own answers out, whatever the columns are. */
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createReference, decodeOnnx, describeOnnx, type NdArray, openOnnx } from "../../../src/engine/index.ts";
import { loadData } from "../../../src/pipelines/data/load.ts";
import {
  createModel,
  createRegistry,
  exportTraining,
  type ModelRecord,
  parseTrainOptions,
  predict,
  train,
} from "../../../src/pipelines/index.ts";
import { ACTIVATION_NAMES } from "../../../src/pipelines/layers/activations.ts";
import { exportOnnx } from "../../../src/pipelines/model/export.ts";
import { loadModel } from "../../../src/pipelines/model/load.ts";
import { saveModel } from "../../../src/pipelines/model/save.ts";
import { needsOnnxruntime } from "../../engine/onnx/needs-onnxruntime.ts";

const registry = createRegistry();
const executor = createReference();

const spec = (pipeline: string, more = {}) => ({
  pipeline,
  backbone: { type: "mlp", hidden: [6], norm: "batch", activation: "gelu" },
  seed: 3,
  ...more,
});

async function trained(modelSpec: unknown, data: unknown): Promise<ModelRecord> {
  const record = createModel(registry, modelSpec);
  const dataset = await loadData(data as never, { registry, handles: {} });
  const options = parseTrainOptions(registry, record, { epochs: 2, batchSize: 8 });
  const control = new Int32Array(new SharedArrayBuffer(4));
  return train({ registry, executor, record, dataset, options, control, emit() {}, publish() {} }).record;
}

const COLOURS = ["red", "green", "blue", "grün, dunkel"];
const rows = Array.from({ length: 40 }, (_, index) => ({
  length: index % 7 === 0 ? null : Math.sin(index) * 3 + 10,
  width: (index * 37) % 11,
  colour: index % 9 === 0 ? null : COLOURS[index % 4],
  ripe: index % 3 === 0,
  picked: `2024-0${1 + (index % 9)}-1${index % 10}`,
  kind: ["a", "b", "c"][(index * index) % 3],
  weight: index * 1.5 - 4,
}));
const images = {
  x: { dtype: "F32", shape: [12, 2, 3, 3], data: Float32Array.from({ length: 216 }, (_, i) => Math.cos(i)) },
  y: { dtype: "I32", shape: [12], data: Int32Array.from({ length: 12 }, (_, i) => i % 2) },
};

const CASES: Record<string, { spec: unknown; data: unknown; inputs: number; outputs: string[]; tolerance?: number }> = {
  "a classifier of mixed columns": {
    spec: spec("classification"),
    data: { rows, target: "kind" },
    inputs: 6,
    outputs: ["label", "probabilities"],
  },
  "a classifier whose rare categories share a bucket, with logs, clips and ranges": {
    spec: spec("classification", {
      preprocess: {
        maxCategories: 2,
        columns: { width: ["log", "minMax"], length: ["impute", { type: "clip", low: 8, high: 12 }] },
      },
    }),
    data: { rows, target: "kind" },
    inputs: 6,
    outputs: ["label", "probabilities"],
  },
  "a regressor of mixed columns": {
    spec: spec("regression"),
    data: { rows, target: "weight" },
    inputs: 6,
    outputs: ["values"],
    tolerance: 5e-4, // of weights from -4 to 56, in float32
  },
  "a multilabel classifier": {
    spec: spec("multilabel"),
    data: { rows: rows.map((row) => ({ ...row, kind: `${row.kind};${row.ripe ? "ripe" : "raw"}` })), target: "kind" },
    inputs: 6,
    outputs: ["probabilities"],
  },
  "a classifier of arrays": {
    spec: spec("classification"),
    data: images,
    inputs: 1,
    outputs: ["label", "probabilities"],
  },
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "export-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe.each(Object.entries(CASES))("%s", (name, { spec: modelSpec, data, inputs, outputs, tolerance = 1e-5 }) => {
  const path = () => join(folder, `${name}.onnx`);
  let record: ModelRecord;
  let result: Awaited<ReturnType<typeof exportOnnx>>;
  beforeAll(async () => {
    record = await trained(modelSpec, data);
    result = await exportOnnx({ registry, executor, record }, path());
  });

  it("becomes a file that says what it takes and gives", async () => {
    const bytes = await readFile(path());
    const description = describeOnnx(decodeOnnx(bytes));
    expect(description.inputs).toHaveLength(inputs);
    expect(description.inputs.map(({ shape }) => shape?.[0])).toEqual(new Array(inputs).fill("batch"));
    expect(description.outputs.map((output) => output.name)).toEqual(outputs);
    expect(result).toMatchObject({
      sha256: createHash("sha256").update(bytes).digest("hex"),
      bytes: bytes.byteLength,
      opset: 17,
    });
  });

  it("has a card beside it and inside it", async () => {
    const card = JSON.parse(await readFile(result.card, "utf8"));
    const inside = JSON.parse(describeOnnx(decodeOnnx(await readFile(path()))).metadata.card!);
    const { file, verification, ...rest } = card;
    expect(rest).toEqual(inside);
    expect(file.sha256).toBe(result.sha256);
    expect(verification).toEqual(result.verification);
  });

  it("answers in onnxruntime as in our engine", (context) => {
    needsOnnxruntime(context);
    expect(result.note).toBeNull();
    expect(result.verification?.samples).toBe(64);
    expect(result.verification?.maxAbsDiff).toBeLessThan(tolerance);
  });

  it.for([1, 7, 64])("takes a batch of %i", async (batch, context) => {
    needsOnnxruntime(context);
    const card = JSON.parse(await readFile(result.card, "utf8"));
    const session = await openOnnx(path());
    const feeds = Object.fromEntries(
      card.inputs.map(({ name: input, dtype, shape }: { name: string; dtype: string; shape: (number | string)[] }) => {
        const own = shape.map((size) => (size === "batch" ? batch : Number(size)));
        const sample = card.sample.inputs[input] as (number | string)[];
        const repeated = Array.from({ length: batch }, () => sample).flat();
        const values = dtype === "STRING" ? repeated : Float32Array.from(repeated.map(Number));
        return [input, { dtype, shape: own, data: values } as NdArray];
      }),
    );
    const results = await session.run(feeds);
    await session.close();
    for (const output of outputs) {
      expect(results[output]!.shape[0]).toBe(batch);
      const expected = card.sample.outputs[output] as number[];
      const last = Array.from(results[output]!.data.slice(-expected.length) as ArrayLike<number>, Number);
      last.forEach((value, index) => {
        expect(Math.abs(value - expected[index]!)).toBeLessThan(1e-4);
      });
    }
  });
});

describe("an exported network", () => {
  const NORMS = ["none", "batch", "layer"];
  it.for(
    ACTIVATION_NAMES.map((activation, index) => ({ activation, norm: NORMS[index % 3], residual: index % 2 === 0 })),
  )(
    "of $activation, norm $norm, residual $residual, answers in onnxruntime as in our engine",
    async (options, context) => {
      needsOnnxruntime(context);
      const backbone = { type: "mlp", hidden: [5, 5], dropout: 0.2, ...options };
      const record = await trained(spec("classification", { backbone }), images);
      const { verification } = await exportOnnx(
        { registry, executor, record },
        join(folder, `${options.activation}.onnx`),
      );
      expect(verification!.maxAbsDiff).toBeLessThan(1e-6);
    },
  );
});

describe("an export", () => {
  it("is refused for a model without weights", async () => {
    const record = createModel(registry, spec("classification"));
    await expect(exportOnnx({ registry, executor, record }, join(folder, "new.onnx"))).rejects.toMatchObject({
      reason: "INVALID_STATE",
    });
  });

  it("says why there is no verification when none is asked for", async () => {
    const record = await trained(spec("regression"), { rows, target: "weight" });
    const result = await exportOnnx({ registry, executor, record }, join(folder, "quick.onnx"), { verify: false });
    expect(result).toMatchObject({ verification: null, note: "not asked for" });
  });

  it("never puts its card over a file that is not a card", async () => {
    const record = await trained(spec("regression"), { rows, target: "weight" });
    const saved = join(folder, "saved");
    await saveModel(record, saved);
    const before = await readFile(join(saved, "model.json"), "utf8");
    const attempt = exportOnnx({ registry, executor, record }, join(saved, "model.onnx"));
    await expect(attempt).rejects.toMatchObject({ reason: "ALREADY_EXISTS" });
    expect(await readFile(join(saved, "model.json"), "utf8")).toBe(before);
  });

  it("of a training step never replaces files that no export of one wrote", async () => {
    const record = await trained(spec("regression"), { rows, target: "weight" });
    const saved = join(folder, "kept");
    await saveModel(record, saved);
    const export_ = (name: string) =>
      exportTraining({ registry, record }, join(saved, name), { training: { batchSize: 4 }, steps: 2 });
    await expect(export_("model.onnx")).rejects.toMatchObject({ reason: "ALREADY_EXISTS" });
    await expect(export_("weights.onnx")).rejects.toMatchObject({ reason: "ALREADY_EXISTS" });
    expect(await loadModel(registry, saved)).toMatchObject({ parameters: record.parameters });
    await export_("step.onnx");
    await export_("step.onnx");
  });

  it("never puts its tensors over a file that is not its own", async () => {
    const record = await trained(spec("regression"), { rows, target: "weight" });
    const path = join(folder, "beside.onnx");
    await writeFile(`${path}.data`, "somebody's");
    const beside = (options = {}) =>
      exportOnnx({ registry, executor, record }, path, { verify: false, externalData: true, ...options });
    await expect(beside()).rejects.toMatchObject({ reason: "ALREADY_EXISTS" });
    expect(await readFile(`${path}.data`, "utf8")).toBe("somebody's");
    await rm(`${path}.data`);
    await beside();
    await beside();
  });

  it("takes away what an earlier export of the same name kept beside it, and nothing else", async () => {
    const spec_ = { ...spec("regression"), backbone: { type: "mlp", hidden: [40, 40] } };
    const record = await trained(spec_, { rows, target: "weight" });
    const path = join(folder, "apart.onnx");
    const write = (externalData?: boolean) =>
      exportOnnx({ registry, executor, record }, path, { verify: false, externalData });
    expect(await write(true)).toMatchObject({ data: { path: `${path}.data` } });
    await write();
    await expect(readFile(`${path}.data`)).rejects.toThrow("ENOENT");

    await write(true);
    await writeFile(`${path}.data`, "somebody's");
    await write();
    expect(await readFile(`${path}.data`, "utf8")).toBe("somebody's");
  });

  it("replaces an earlier export of the same name, card and all", async () => {
    const record = await trained(spec("regression"), { rows, target: "weight" });
    const path = join(folder, "again.onnx");
    const first = await exportOnnx({ registry, executor, record }, path);
    expect(await exportOnnx({ registry, executor, record }, path)).toMatchObject({ sha256: first.sha256 });
  });

  it("to a path that is a folder is denied", async () => {
    const record = await trained(spec("regression"), { rows, target: "weight" });
    await expect(exportOnnx({ registry, executor, record }, folder)).rejects.toMatchObject({ reason: "PATH_DENIED" });
  });

  it("of opset 21 carries IR 8, as all do, so that older hosts read it", async () => {
    const record = await trained(spec("regression"), { rows, target: "weight" });
    const path = join(folder, "new-opset.onnx");
    await exportOnnx({ registry, executor, record }, path, { opset: 21 });
    expect(describeOnnx(decodeOnnx(await readFile(path)))).toMatchObject({ opset: 21, irVersion: 8 });
  });

  it("treats an unknown category and an empty string as our own encoder does", async (context) => {
    needsOnnxruntime(context);
    const record = await trained(spec("classification"), { rows, target: "kind" });
    const path = join(folder, "strange.onnx");
    await exportOnnx({ registry, executor, record }, path);
    const strange = [
      { ...rows[1]!, colour: "ultraviolet" },
      { ...rows[1]!, colour: null },
    ];
    const own = predict(
      { registry, executor, record },
      strange.map((row) => ({ ...row, picked: 19000 })),
    );
    const session = await openOnnx(path);
    const number = (value: number) => ({ dtype: "F32", shape: [2, 1], data: Float32Array.of(value, value) }) as NdArray;
    const results = await session.run({
      length: number(rows[1]!.length!),
      width: number(rows[1]!.width),
      ripe: number(0),
      picked: number(19000),
      weight: number(rows[1]!.weight),
      colour: { dtype: "STRING", shape: [2, 1], data: ["ultraviolet", ""] },
    });
    await session.close();
    const [got, expected] = [results.probabilities!.data, (own.probabilities as NdArray).data].map((data) =>
      Array.from(data as Float32Array),
    );
    got!.forEach((value, index) => {
      expect(value).toBeCloseTo(expected![index]!, 5);
    });
  });
});
