import { describe, expect, it } from "vitest";
import { createMachine, createReference, type NdArray } from "../../../src/engine/index.ts";
import {
  createModel,
  evaluate,
  type ModelRecord,
  packWeights,
  predict,
  weightArrays,
} from "../../../src/pipelines/index.ts";
import { faultOf } from "../../support/fault.ts";
import { learn, load, matrix, registry, signs } from "../training/rig.ts";

const dataset = await signs(60);
const executor = createMachine();
const { record } = learn({
  dataset,
  executor,
  train: { epochs: 30, batchSize: 8, optimizer: { learningRate: 0.02 } },
}).result;
const context = { registry, executor, record };
const rows = (count: number) =>
  Array.from({ length: count }, (_, row) => [Math.sin(row), Math.cos(row), Math.sin(2 * row)]);
const probabilitiesOf = (inputs: readonly unknown[], of: ModelRecord = record): number[] =>
  Array.from((predict({ ...context, record: of }, inputs).probabilities as NdArray).data, Number);

describe("prediction", () => {
  it("gives each row a label and probabilities that sum to 1", () => {
    const { labels, probabilities } = predict(context, rows(3));
    expect(labels).toHaveLength(3);
    expect((probabilities as NdArray).shape).toEqual([3, 2]);
    const { data } = probabilities as NdArray;
    expect(Number(data[0]) + Number(data[1])).toBeCloseTo(1, 6);
  });

  it("does not depend on how many rows are asked at once", () => {
    const all = probabilitiesOf(rows(1500));
    for (const count of [1, 2, 3, 17, 1024, 1025])
      expect(probabilitiesOf(rows(count))).toEqual(all.slice(0, count * 2));
  });

  it("of no rows is nothing", () => {
    expect(predict(context, { dtype: "F32", shape: [0, 3], data: new Float32Array(0) }).labels).toEqual([]);
  });

  it("uses new weights as soon as they are published", () => {
    const before = probabilitiesOf(rows(1));
    const flipped = Object.fromEntries(
      Object.entries(weightArrays(record.weights!)).map(([path, { data, ...type }]) => [
        path,
        { ...type, data: path.startsWith("head") ? (data as Float32Array).map((value) => -value) : data },
      ]),
    );
    const after = probabilitiesOf(rows(1), { ...record, weights: packWeights(flipped, record.weights) });
    expect(after[0]).toBeCloseTo(before[1]!, 5);
  });

  it("serves more models in turn than it keeps loaded", () => {
    const models = Array.from(
      { length: 10 },
      (_, seed) => learn({ dataset, executor, spec: { seed }, train: { epochs: 1 } }).result.record,
    );
    const first = models.map((model) => probabilitiesOf(rows(2), model));
    expect(models.map((model) => probabilitiesOf(rows(2), model))).toEqual(first);
    expect(new Set(first.map(String)).size).toBe(10);
  });

  it("by a model that has not learned is refused", () => {
    const untrained = createModel(registry, { pipeline: "classification" });
    expect(faultOf(() => predict({ ...context, record: untrained }, rows(1))).reason).toBe("INVALID_STATE");
  });

  it("names the shape it wants when it gets another", () => {
    const fault = faultOf(() => predict(context, [[1, 2]]));
    expect(fault.reason).toBe("SHAPE_MISMATCH");
    expect(fault.violations[0]).toMatchObject({
      expected: expect.stringContaining("3"),
      got: expect.stringContaining("2"),
    });
  });
});

describe("evaluation", () => {
  it("gives loss, metrics, the confusion matrix and its names", () => {
    const { metrics, confusion, classes, samples } = evaluate(context, dataset);
    expect(metrics.loss).toBeCloseTo(metrics.logLoss!, 5);
    expect(metrics.accuracy).toBeGreaterThan(0.9);
    expect(confusion!.flat().reduce((sum, count) => sum + count, 0)).toBe(60);
    expect(classes).toEqual(["0", "1"]);
    expect(samples).toBe(60);
  });

  it("is what the reference computes", () => {
    const [machine, reference] = [executor, createReference()].map((engine) =>
      evaluate({ ...context, executor: engine }, dataset),
    );
    expect(machine!.metrics.loss).toBeCloseTo(reference!.metrics.loss!, 5);
    expect(machine!.confusion).toEqual(reference!.confusion);
  });

  it("refuses labels outside the model's classes", async () => {
    const strange = await load({ x: matrix([[1, 2, 3]]), y: { dtype: "I32", shape: [1], data: Int32Array.of(5) } });
    const fault = faultOf(() => evaluate(context, strange));
    expect(fault.reason).toBe("DATA_INVALID");
    expect(fault.violations[0]!.got).toBe("5");
  });
});

describe("a model too large for memory", () => {
  it("is refused with numbers before it trains", () => {
    const small = createMachine({ memoryLimitBytes: 4 * 2 ** 20 });
    const fault = faultOf(() =>
      learn({ dataset, executor: small, spec: { backbone: { type: "mlp", hidden: [1024, 1024] } } }),
    );
    expect(fault.reason).toBe("OUT_OF_MEMORY");
    expect(fault.message).toMatch(/\d/);
    learn({ dataset, executor: small, train: { epochs: 1 } });
  });
});
