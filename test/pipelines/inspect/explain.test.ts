import { describe, expect, it } from "vitest";
import { createMachine, type NdArray } from "../../../src/engine/index.ts";
import {
  createEnsemble,
  type ExplainOptions,
  explain,
  type Inputs,
  type ModelRecord,
  predict,
} from "../../../src/pipelines/index.ts";
import { faultOf } from "../../support/fault.ts";
import { learn, load, matrix, registry } from "../training/rig.ts";

const executor = createMachine();
const TRAIN = { epochs: 6, batchSize: 16, optimizer: { type: "adam", learningRate: 0.02 } };
const rows = Array.from({ length: 80 }, (_, row) => {
  const [size, colour] = [10 + 5 * Math.sin(row * 12.9898), ["red", "green", "blue"][row % 3]];
  const weight = 3 * Math.cos(row * 78.233);
  return {
    size,
    colour,
    weight,
    price: size * 2 - weight + (colour === "red" ? 4 : 0),
    kind: size > 10 ? "big" : "small",
  };
});
const without = (name: string) =>
  rows.map((row) => Object.fromEntries(Object.entries(row).filter(([column]) => column !== name)));
const price = learn({
  dataset: await load({ rows: without("kind"), target: "price" }),
  executor,
  spec: { pipeline: "regression", backbone: { type: "mlp", hidden: [12], activation: "tanh" } },
  train: TRAIN,
}).result.record;
const kindData = await load({ rows: without("price"), target: "kind" });
const kinds = [1, 2].map(
  (seed) =>
    learn({
      dataset: kindData,
      executor,
      spec: { seed, backbone: { type: "mlp", hidden: [8], activation: "gelu" } },
      train: TRAIN,
    }).result.record,
);

function explained(record: ModelRecord, inputs: Inputs, options: Partial<ExplainOptions> = {}) {
  const usual = { target: undefined, output: "logits", abs: false, steps: 50, baseline: undefined } as const;
  const noisy = { samples: 8, noise: 0.1, seed: 1 };
  return explain({ registry, executor, record }, inputs, { method: "saliency", ...usual, ...noisy, ...options });
}

const valuesOf = (record: ModelRecord, inputs: Inputs, output: string): number[] =>
  Array.from((predict({ registry, executor, record }, inputs)[output] as NdArray).data, Number);

describe("saliency", () => {
  it("is the slope of the answer in each number column, in the columns' own units", () => {
    const inputs = without("price").slice(0, 5);
    const { attributions } = explained(price, inputs);
    for (const [column, step] of [
      ["size", 0.01],
      ["weight", 0.01],
    ] as const) {
      const moved = (by: number) => inputs.map((row) => ({ ...row, [column]: (row as never)[column] + by }));
      const [above, below] = [valuesOf(price, moved(step), "values"), valuesOf(price, moved(-step), "values")];
      above.forEach((value, row) => {
        const slope = (value - below[row]!) / (2 * step);
        expect(Math.abs(Number(attributions[column]!.data[row]) - slope)).toBeLessThan(
          2e-3 * Math.max(1, Math.abs(slope)),
        );
      });
    }
  });
});

describe("integrated gradients", () => {
  const complete = (record: ModelRecord, inputs: Inputs, options: Partial<ExplainOptions> = {}) => {
    const { outputs, baselineOutputs, attributions, completenessError } = explained(record, inputs, {
      method: "integratedGradients",
      ...options,
    });
    for (const [row, output] of outputs.entries()) {
      const sum = Object.values(attributions).reduce((total, { shape, data }) => {
        const size = data.length / shape[0]!;
        return total + Array.from(data.subarray(row * size, (row + 1) * size), Number).reduce((a, b) => a + b, 0);
      }, 0);
      expect(Math.abs(sum - (output - baselineOutputs![row]!))).toBeLessThan(2e-3 * Math.max(1, Math.abs(output)));
      expect(completenessError![row]).toBeLessThan(1e-3 * Math.max(1, Math.abs(output)));
    }
    return { outputs, attributions };
  };

  it("add up to the answer's difference from the baseline's, by column, a category as one", () => {
    const inputs = without("price").slice(0, 6);
    const { outputs, attributions } = complete(price, inputs);
    expect(Object.keys(attributions)).toEqual(["size", "colour", "weight"]);
    expect(attributions.colour!.shape).toEqual([6]);
    valuesOf(price, inputs, "values").forEach((value, row) => {
      expect(outputs[row]).toBeCloseTo(value, 3);
    });
  });

  it("take a row as the baseline, from which nothing differs for itself", () => {
    const [row] = without("price");
    const { attributions } = complete(price, [row!], { baseline: [row!] });
    for (const { data } of Object.values(attributions)) expect(Math.abs(Number(data[0]))).toBeLessThan(1e-6);
  });

  it("explain a probability as well as a logit", () => {
    const inputs = without("kind").slice(0, 3);
    const { outputs } = complete(kinds[0]!, inputs, { output: "probabilities", target: "big" });
    for (const output of outputs) expect(output).toBeGreaterThan(0);
    for (const output of outputs) expect(output).toBeLessThan(1);
  });

  it("explain an ensemble through the preprocessing of each member", () => {
    const both = createEnsemble(registry, kinds);
    const { attributions } = complete(both, without("kind").slice(0, 4), { target: "big" });
    expect(Object.keys(attributions)).toContain("colour");
    expect(attributions.colour!.data.some((value) => value !== 0)).toBe(true);
  });

  it("explain tokens by the way of their vectors", async () => {
    const tokens = Array.from({ length: 40 }, (_, row) =>
      Array.from({ length: 5 }, (_, place) => (row * 7 + place * 3) % 6),
    );
    const y = { dtype: "I32", shape: [40], data: Int32Array.from(tokens, (row) => Number(row.includes(2))) } as const;
    const backbone = { type: "transformer", vocabulary: 6, width: 8, layers: 1, heads: 2, padding: 0 };
    const dataset = await load({ x: matrix(tokens), y });
    const { record } = learn({ dataset, executor, spec: { backbone }, train: { ...TRAIN, epochs: 2 } }).result;
    const { attributions } = complete(record, tokens.slice(0, 3));
    expect(Object.values(attributions)[0]!.shape).toEqual([3, 5]);
  });

  it("leave each sequence as long as it is", async () => {
    const lengths = Array.from({ length: 40 }, (_, row) => 1 + (row % 5));
    const x = lengths.map((_, row) => Array.from({ length: 5 }, (_, place) => [Math.sin(row * 12.9898 + place)]));
    const y = lengths.map((_, row) => (row % 2 === 0 ? "even" : "odd"));
    const dataset = await load({ x, y, lengths } as never);
    const backbone = { type: "gru", hidden: 6, lengths: "lengths" };
    const { record } = learn({ dataset, executor, spec: { backbone }, train: { ...TRAIN, epochs: 1 } }).result;
    const asked = [1, 2, 3].map((row) => ({ inputs: x[row], lengths: lengths[row] }));
    const { attributions } = complete(record, asked as never);
    expect(Array.from(attributions.lengths!.data as Float32Array)).toEqual([0, 0, 0]);
    expect(Array.from(attributions.inputs!.data as Float32Array, (value) => value !== 0).slice(0, 5)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it("explain several inputs, each by its own backbone", async () => {
    const table = rows.map(({ size, weight, kind }, row) => ({
      photo: [
        [size, 1],
        [row % 5, weight],
      ],
      size,
      weight,
      kind,
    }));
    const dataset = await load({ rows: table, target: "kind" });
    const backbone = {
      type: "multimodal",
      branches: { photo: { type: "mlp", hidden: [6], activation: "gelu" } },
      others: { type: "mlp", hidden: [4], activation: "tanh" },
      activation: "gelu",
    };
    const { record } = learn({ dataset, executor, spec: { backbone }, train: { ...TRAIN, epochs: 2 } }).result;
    const { attributions } = complete(
      record,
      table.slice(0, 3).map(({ kind: _, ...row }) => row),
    );
    expect(attributions.photo!.shape).toEqual([3, 2, 2]);
    expect(attributions.size!.shape).toEqual([3]);
  });
});

describe("the other methods", () => {
  const inputs = without("price").slice(0, 3);

  it("weigh the slope by the input, for input × gradient", () => {
    const slopes = explained(price, inputs).attributions.size!.data;
    const products = explained(price, inputs, { method: "inputXGradient" }).attributions.size!.data;
    products.forEach((product, row) => {
      expect(product).toBeCloseTo(Number(slopes[row]) * Number(inputs[row]!.size), 3);
    });
  });

  it("give the same SmoothGrad for the same seed, near the saliency where noise is little", () => {
    const smooth = (noise: number) => explained(price, inputs, { method: "smoothGrad", noise }).attributions.size!.data;
    expect(smooth(0.1)).toEqual(smooth(0.1));
    const slopes = explained(price, inputs).attributions.size!.data;
    smooth(1e-4).forEach((value, row) => {
      expect(value).toBeCloseTo(Number(slopes[row]), 2);
    });
  });

  it("explain each row's own class where none is named", () => {
    const some = without("kind").slice(0, 8);
    const { targets } = explained(kinds[0]!, some);
    expect(targets).toEqual(predict({ registry, executor, record: kinds[0]! }, some).labels);
  });

  it("name the classes when another is asked for", () => {
    const fault = faultOf(() => explained(kinds[0]!, without("kind").slice(0, 1), { target: "bigg" }));
    expect(fault.reason).toBe("INVALID_PARAMS");
    expect(fault.hint).toContain("`big`");
  });

  it.each(["saliency", "integratedGradients"] as const)("say nothing of no rows: %s", (method) => {
    const { attributions, targets, outputs } = explained(price, [], { method });
    expect({ targets, outputs }).toEqual({ targets: [], outputs: [] });
    expect(attributions.size!.shape).toEqual([0]);
  });

  it("say of a baseline what is wrong with it, not of the inputs", () => {
    const fault = faultOf(() =>
      explained(price, without("price").slice(0, 1), { method: "integratedGradients", baseline: [{ size: 1 }] }),
    );
    expect(fault.message).toContain("`baseline[0].colour`");
    expect(fault.violations.map(({ path }) => path)).toEqual(["baseline[0].colour", "baseline[0].weight"]);
  });

  it("refuse more evaluations than one call may take", () => {
    const fault = faultOf(() => explained(price, inputs, { method: "integratedGradients", steps: 1 << 20 }));
    expect(fault.reason).toBe("LIMIT_EXCEEDED");
  });
});

describe("a model that writes element by element", () => {
  it("is refused, for its layers give something for each element", async () => {
    const dataset = await load({
      rows: Array.from({ length: 12 }, () => ({ word: "ab", back: "ba" })),
      target: "back",
    });
    const backbone = { type: "transformer", layers: 1, width: 8, heads: 2, kind: "encoderDecoder" };
    const { record } = learn({
      dataset,
      executor,
      spec: { pipeline: "seq2seq", backbone },
      train: { epochs: 1 },
    }).result;
    const fault = faultOf(() => explained(record, [{ word: "ab" }]));
    expect(fault.reason).toBe("INVALID_STATE");
    expect(fault.violations[0]!.path).toBe("model");
  });
});
