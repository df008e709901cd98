import { describe, expect, it } from "vitest";
import { createMachine } from "../../../src/engine/index.ts";
import { evaluate, type InspectOptions, inspect, predict, weightArrays } from "../../../src/pipelines/index.ts";
import { statisticsOf } from "../../../src/pipelines/inspect/statistics.ts";
import { faultOf } from "../../support/fault.ts";
import { learn, load, matrix, registry, signs } from "../training/rig.ts";

const executor = createMachine();
const dataset = await signs(60);
const inputs = Array.from({ length: 7 }, (_, row) => [row - 3, Math.sin(row), 1]);
const { record } = learn({ dataset, executor, train: { epochs: 3 } }).result;
const context = { registry, executor, record };
const usual = { layers: undefined, inputs: undefined, data: undefined, bins: 10, values: false };
const look = (options: Partial<InspectOptions>) => inspect(context, { ...usual, what: ["weights"], ...options });

describe("statistics", () => {
  it("count what is not finite apart from the rest", () => {
    const found = statisticsOf([1, -1, 0, Number.NaN, Number.POSITIVE_INFINITY, 4], 5);
    expect(found).toMatchObject({ count: 6, nonFinite: 2, mean: 1, min: -1, max: 4, zeros: 0.25 });
    expect(found.std).toBeCloseTo(Math.sqrt(3.5), 12);
    expect(found.norm).toBeCloseTo(Math.sqrt(18), 12);
    expect(found.histogram).toEqual({ counts: [1, 1, 1, 0, 1], edges: [-1, 0, 1, 2, 3, 4] });
  });
});

describe("weights", () => {
  it("are described one by one, as many numbers as the model has", () => {
    const { weights } = look({});
    expect(weights!.map(({ path }) => path)).toEqual(Object.keys(weightArrays(record.weights!)));
    expect(weights!.reduce((sum, { count }) => sum + count, 0)).toBe(record.parameters);
    expect(weights![0]!.histogram!.counts.reduce((a, b) => a + b, 0)).toBe(weights![0]!.count);
  });

  it("are those that the patterns name", () => {
    expect(look({ layers: ["**.bias"] }).weights!.map(({ path }) => path)).toEqual([
      "backbone.layers.0.bias",
      "head.bias",
    ]);
  });
});

describe("a pattern that matches nothing", () => {
  it("is compared with the beginnings of paths as well as with whole ones", () => {
    expect(faultOf(() => look({ layers: ["backbone.layer.0"] })).hint).toBe("did you mean `backbone.layers.0`?");
  });
});

describe("gradients", () => {
  it("are those of the loss that evaluation gives, near differences of it", () => {
    const { gradients } = look({ what: ["gradients"], data: dataset, layers: ["head.bias"] });
    expect(gradients!.loss).toBeCloseTo(evaluate(context, dataset).metrics.loss!, 5);
    const step = 1e-2;
    const slopes = [0, 1].map((index) => {
      const lossAt = (by: number): number => {
        const buffer = new SharedArrayBuffer(record.weights!.buffer.byteLength);
        new Uint8Array(buffer).set(new Uint8Array(record.weights!.buffer));
        const weights = { ...record.weights!, buffer, lineage: `moved ${index} ${by}` };
        const bias = weightArrays(weights)["head.bias"]!.data as Float32Array;
        bias[index]! += by;
        return evaluate({ ...context, record: { ...record, weights } }, dataset).metrics.loss!;
      };
      return (lossAt(step) - lossAt(-step)) / (2 * step);
    });
    expect(gradients!.norm).toBeCloseTo(Math.hypot(...slopes), 3);
  });

  it("need labelled rows", () => {
    expect(faultOf(() => look({ what: ["gradients"] })).violations[0]!.path).toBe("data");
  });
});

describe("activations", () => {
  it("are what layers give, in the order in which they are called", () => {
    const { activations } = look({ what: ["activations"], inputs, values: true });
    expect(activations!.map(({ path, kind }) => [path, kind])).toEqual([
      ["backbone", "mlp"],
      ["backbone.layers.0", "dense"],
      ["backbone.layers.0.relu", "relu"],
      ["head", "classification"],
      ["head.dense", "dense"],
    ]);
    const [, before, after] = activations!;
    expect(after!.values!.shape).toEqual([7, 8]);
    expect(Array.from(after!.values!.data, Number)).toEqual(
      Array.from(before!.values!.data as Float32Array, (x) => Math.max(0, Number(x))),
    );
    expect(after!.zeros).toBeGreaterThan(before!.zeros);
  });

  it("tell the share of units that never wake", () => {
    const { activations } = look({
      what: ["activations"],
      inputs: inputs.slice(0, 1),
      layers: ["**.relu"],
      values: true,
    });
    const [{ dead, values }] = activations as [NonNullable<typeof activations>[0]];
    expect(dead).toBe(Array.from(values!.data as Float32Array).filter((value) => value === 0).length / 8);
  });

  it("name the layers when another is asked for", () => {
    const fault = faultOf(() => look({ what: ["activations"], inputs, layers: ["backbone.layer.0"] }));
    expect(fault.reason).toBe("INVALID_PARAMS");
    expect(fault.hint).toContain("backbone.layers.0");
  });

  it("are those of no rows where none are given", () => {
    const { activations } = look({ what: ["activations"], inputs: [], values: true });
    expect(activations!.map(({ count, values }) => [count, values!.shape[0]])).toEqual(activations!.map(() => [0, 0]));
    expect(activations!.map(({ path }) => path)).toContain("head");
    expect(activations!.map(({ dead }) => dead)).toEqual(activations!.map(() => 0));
  });

  it("leave predictions as they were", () => {
    const before = predict(context, inputs);
    look({ what: ["activations"], inputs });
    expect(predict(context, inputs)).toEqual(before);
  });
});

describe("attention", () => {
  it("is refused where nothing attends, in words", () => {
    const fault = faultOf(() => look({ what: ["activations", "attention"], inputs }));
    expect(fault).toMatchObject({ reason: "INVALID_PARAMS", violations: [{ path: "what", got: "attention" }] });
    expect(fault.message).toContain("`mlp`");
  });

  it("is a map for each head whose rows sum to 1, and sees no future in a decoder", async () => {
    const tokens = Array.from({ length: 20 }, (_, row) => Array.from({ length: 6 }, (_, place) => (row + place) % 5));
    const y = { dtype: "I32", shape: [20], data: Int32Array.from({ length: 20 }, (_, row) => row % 2) } as const;
    const backbone = { type: "transformer", kind: "decoder", vocabulary: 5, width: 8, layers: 2, heads: 2 };
    const trained = learn({
      dataset: await load({ x: matrix(tokens), y }),
      executor,
      spec: { backbone },
      train: { epochs: 1 },
    });
    const { attention } = inspect(
      { registry, executor, record: trained.result.record },
      { ...usual, what: ["attention"], inputs: tokens.slice(0, 3) },
    );
    expect(attention!.map(({ path }) => path)).toEqual([0, 1].map((block) => `backbone.blocks.${block}.selfAttention`));
    const { shape, data } = attention![0]!.weights;
    expect(shape).toEqual([3, 2, 6, 6]);
    for (let row = 0; row < data.length / 6; row++) {
      const weights = Array.from(data.subarray(row * 6, row * 6 + 6), Number);
      expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
      expect(weights.slice((row % 6) + 1).every((weight) => weight === 0)).toBe(true);
    }
  });
});
