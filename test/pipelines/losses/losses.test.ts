import { describe, expect, it } from "vitest";
import { Fault, gradients } from "../../../src/engine/index.ts";
import { LOSSES } from "../../../src/pipelines/losses/index.ts";
import { HEAD_VECTORS } from "../heads/vectors.ts";
import { compute, expectClose, f32, VECTORS } from "../vectors.ts";

const { shape, raw, cases, ...targets } = VECTORS.losses;
const byType = new Map(LOSSES.map((loss) => [loss.type, loss]));
const names = ["a", "b", "c"];

describe("losses", () => {
  it("all have a vector", () => {
    const made = [...cases, ...HEAD_VECTORS.losses].map(({ type }) => type);
    const alone = [...byType.keys()].filter((type) => type !== "weightedSum"); // a sum of others
    expect([...new Set(made)].sort()).toEqual(alone.sort());
  });

  describe.each(cases)("$type $options", ({ type, options, target: kind, loss: wanted, dx: wantedGradient }) => {
    const loss = byType.get(type)!;
    const parsed = loss.options.parse(options);
    const complete = loss.fit?.(parsed, { names, counts: [2, 2, 1], head: {} }) ?? parsed;
    const { mean, dx } = compute((t) => {
      const outputs = f32(t, raw, shape);
      const target =
        kind === "classes"
          ? t.constant({ dtype: "I32", shape: [shape[0]], data: Int32Array.from(targets.classes) })
          : f32(t, targets[kind], shape);
      const weight = t.constant(1).broadcastTo([shape[0]]);
      const rows = loss.perRow(t, outputs, target, complete, { weight });
      const weights = loss.rowWeight?.(t, outputs, target, complete) ?? null;
      const mean = weights === null ? rows.mean() : rows.sum().div(weights.sum());
      return { mean, dx: gradients(mean, [outputs])[0]! };
    });
    it("is PyTorch's", () => expectClose(mean!, [wanted]));
    it("has PyTorch's gradient", () => expectClose(dx!, wantedGradient));
  });

  describe.each(HEAD_VECTORS.losses)("$type $options on $raw.shape", (vector) => {
    const loss = byType.get(vector.type)!;
    const options = loss.options.parse(vector.options);
    const { values, classes } = HEAD_VECTORS;
    const { mean, dx } = compute((t) => {
      const output = f32(t, vector.raw.values, vector.raw.shape);
      const target =
        vector.target === "classes"
          ? t.constant({ dtype: "I32", shape: [classes.length], data: Int32Array.from(classes) })
          : f32(t, values.values, values.shape);
      const weight = t.constant(1).broadcastTo([classes.length]);
      const mean = loss.perRow(t, output, target, options, { weight }).mean();
      return { mean, dx: gradients(mean, [output])[0]! };
    });
    it("is PyTorch's", () => expectClose(mean!, [vector.loss]));
    it("has PyTorch's gradient", () => expectClose(dx!, vector.dx));
  });

  const crossEntropy = byType.get("crossEntropy")!;
  const weights = (classWeights: unknown) =>
    crossEntropy.fit!(crossEntropy.options.parse({ classWeights }), { names, counts: [6, 2, 1], head: {} })
      .classWeights;

  it("balances classes by their rows", () => expect(weights("balanced")).toEqual([0.5, 1.5, 3]));
  it("takes class weights by name, the others counting 1", () => expect(weights({ b: 4 })).toEqual([1, 4, 1]));
  it("refuses weights of classes that are not there, by name", () => {
    expect(() => weights({ z: 1 })).toThrow(Fault);
    expect(() => weights({ z: 1 })).toThrow(/classWeights/);
  });
  it("refuses a list of weights of another length", () => expect(() => weights([1, 2])).toThrow(/3 classes/));
});
