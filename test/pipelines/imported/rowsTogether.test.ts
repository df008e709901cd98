/** @file A backbone from a file that normalises by the batch that it is given: its rows look at each other. */
import { describe, expect, it } from "vitest";
import { createMachine, encodeOnnx, type NdArray } from "../../../src/engine/index.ts";
import { tensorProtoOf, valueInfoOf } from "../../../src/engine/onnx/tensors.ts";
import { importOnnx } from "../../../src/pipelines/imported/importOnnx.ts";
import {
  createModel,
  createRegistry,
  type Dataset,
  evaluate,
  loadData,
  type ModelRecord,
  parseTrainOptions,
  predict,
  train,
} from "../../../src/pipelines/index.ts";

const registry = createRegistry();
const executor = createMachine({ threads: 1 });
const nowhere = () => {
  throw new Error("there is nothing beside the file");
};

describe("a backbone whose rows look at each other", () => {
  const vector = (name: string, ...values: number[]) =>
    tensorProtoOf(name, { dtype: "F32", shape: [2], data: Float32Array.from(values) });
  const file = encodeOnnx({
    irVersion: 8n,
    opsetImport: [{ domain: "", version: 17n }],
    graph: {
      name: "g",
      node: [
        {
          opType: "BatchNormalization",
          input: ["x", "scale", "shift", "mean", "variance"],
          output: ["y", "newMean", "newVariance"],
          attribute: [{ name: "training_mode", i: 1n, type: 2 }],
        },
      ],
      initializer: [vector("scale", 1, 2), vector("shift", 0.5, 0), vector("mean", 0, 0), vector("variance", 1, 1)],
      input: [valueInfoOf("x", 1, ["n", 2])],
      output: [valueInfoOf("y", 1, [1, 2])],
    },
  });
  const rowsOf = (count: number): number[][] =>
    Array.from({ length: count }, (_, row) => [Math.sin(row) + 2, 3 * Math.cos(1.3 * row)]);

  async function trained(): Promise<{ record: ModelRecord; dataset: Dataset }> {
    const { imported } = importOnnx(file, nowhere).record;
    const x: NdArray = { dtype: "F32", shape: [24, 2], data: Float32Array.from(rowsOf(24).flat()) };
    const y: NdArray = { dtype: "I32", shape: [24], data: Int32Array.from(rowsOf(24), ([, b]) => Number(b! > 0)) };
    const dataset = await loadData({ x, y } as never, { registry, handles: {} });
    let record = createModel(
      registry,
      { pipeline: "classification", backbone: { type: "onnx", output: "y" }, seed: 1 },
      imported,
    );
    train({
      registry,
      executor,
      record,
      dataset,
      options: parseTrainOptions(registry, record, { epochs: 4, batchSize: 24 }),
      control: new Int32Array(new SharedArrayBuffer(8)),
      emit: () => {},
      publish: (published) => {
        record = published;
      },
    });
    return { record, dataset };
  }

  it("is asked for all rows at once, with none beside them: twice the same rows have the moments of once", async () => {
    const { record } = await trained();
    const answersTo = (rows: number[][]) => {
      const { probabilities } = predict({ registry, executor, record }, rows) as { probabilities: NdArray };
      return Array.from(probabilities.data, Number);
    };
    for (const count of [3, 700]) {
      const [once, twice] = [answersTo(rowsOf(count)), answersTo([...rowsOf(count), ...rowsOf(count)])];
      once.forEach((value, index) => {
        expect(twice[index]!).toBeCloseTo(value, 5);
      });
    }
  });

  it("is judged by the answers that it gives", async () => {
    const { record, dataset } = await trained();
    const { labels } = predict({ registry, executor, record }, rowsOf(24)) as { labels: string[] };
    const right = labels.filter((label, row) => Number(label) === Number(rowsOf(24)[row]![1]! > 0)).length;
    expect(evaluate({ registry, executor, record }, dataset).metrics.accuracy).toBeCloseTo(right / 24, 6);
  });
});
