import { describe, expect, it } from "vitest";
import { createReference } from "../../../src/engine/index.ts";
import { type ModelRecord, packWeights, predict, weightArrays } from "../../../src/pipelines/index.ts";
import { expectClose, VECTORS } from "../vectors.ts";
import { learn, load, lossCurve, matrix, registry } from "./rig.ts";

const { x, y, batchSize, epochs, cases } = VECTORS.trainings;
const rows = y.map((_, row) => x.slice(row * 3, row * 3 + 3));
const dataset = await load({ x: matrix(rows), y: { dtype: "I32", shape: [y.length], data: Int32Array.from(y) } });

describe.each(Object.entries(cases))("a training as in PyTorch: %s", (_name, vector) => {
  const spec = {
    pipeline: "classification",
    backbone: { type: "mlp", ...vector.backbone },
    preprocess: "none",
  };
  const shared = { epochs, batchSize, shuffle: false };
  const fitted = learn({ dataset, spec, train: { epochs: 1, batchSize } }).result.record;
  const initial = Object.fromEntries(
    Object.entries(vector.initial).map(([path, { shape, values }]) => [
      path,
      { dtype: "F32" as const, shape, data: Float32Array.from(values) },
    ]),
  );
  const record: ModelRecord = { ...fitted, weights: packWeights(initial) };
  const { result, events } = learn({ dataset, record, train: { ...shared, ...vector.options } });

  it("declares the same parameters and buffers", () => {
    expect(Object.keys(weightArrays(fitted.weights!)).sort()).toEqual(Object.keys(initial).sort());
  });
  it("has the same loss in every epoch", () => expectClose(lossCurve(events), vector.losses, 1e-6));
  it.each(Object.keys(vector.final))("ends with the same %s", (path) => {
    expectClose(Array.from(weightArrays(result.record.weights!)[path]!.data, Number), vector.final[path]!.values, 1e-5);
  });
  it("predicts the same", () => {
    const { probabilities } = predict({ registry, executor: createReference(), record: result.record }, matrix(rows));
    expectClose(Array.from((probabilities as { data: Float32Array }).data), vector.probabilities, 1e-6);
  });
});
