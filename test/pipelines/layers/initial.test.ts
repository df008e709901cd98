import { describe, expect, it } from "vitest";
import { type Shape, type Tensor, type Tracer, trace } from "../../../src/engine/index.ts";
import { attention } from "../../../src/pipelines/layers/attention.ts";
import { conv, convTranspose } from "../../../src/pipelines/layers/conv.ts";
import { embedding } from "../../../src/pipelines/layers/embedding.ts";
import { INITIALISERS, type Initialiser } from "../../../src/pipelines/layers/initialisers.ts";
import { learnedPositions } from "../../../src/pipelines/layers/positions.ts";
import { recurrent } from "../../../src/pipelines/layers/recurrent.ts";
import { createScope, type Scope } from "../../../src/pipelines/layers/scope.ts";
import { transformerBlock } from "../../../src/pipelines/layers/transformer.ts";
import { createRandom } from "../../../src/pipelines/random.ts";

/** The initial values of all that a layer declares, by path. */
function initialValues(shape: Shape, build: (scope: Scope, x: Tensor, t: Tracer) => unknown) {
  const values: Record<string, Float32Array> = {};
  trace((t) => {
    const { scope, declarations } = createScope(t, { training: true });
    build(scope, t.input("x", { dtype: "F32", shape }), t);
    for (const { path, type, initialiser } of declarations.leaves.values()) {
      values[path] = initialiser(type.shape, createRandom(1, path));
    }
    return { outputs: {} };
  });
  return values;
}

const bound = (values: ArrayLike<number>): number => Math.max(...Array.from(values, Math.abs));
const deviation = (values: ArrayLike<number>): number =>
  Math.sqrt(Array.from(values, (value) => value ** 2).reduce((sum, square) => sum + square) / values.length);

/** The largest of many uniform numbers is just below their bound. */
function expectUniform(values: Float32Array | undefined, limit: number): void {
  expect(bound(values!)).toBeLessThanOrEqual(limit * (1 + 1e-6));
  expect(bound(values!)).toBeGreaterThan(0.9 * limit);
}

describe("initial values as PyTorch draws them", () => {
  it("convolution: within 1/√(inputs · window), its bias too", () => {
    const { weight, bias } = initialValues([1, 6, 8, 8], (scope, x) =>
      conv(scope, x, { channels: 64, window: 3, groups: 2 }),
    );
    expectUniform(weight, 1 / Math.sqrt(3 * 9));
    expectUniform(bias, 1 / Math.sqrt(3 * 9));
  });

  it("transposed convolution: within 1/√(outputs · window), as its weights lie the other way", () => {
    const { weight } = initialValues([1, 6, 8, 8], (scope, x) => convTranspose(scope, x, { channels: 20, window: 3 }));
    expectUniform(weight, 1 / Math.sqrt(20 * 9));
  });

  it("recurrent layers: all within 1/√hidden", () => {
    const values = initialValues([2, 3, 5], (scope, x) => recurrent(scope, x, { cell: "gru", hidden: 40 }));
    expect(Object.keys(values)).toHaveLength(4);
    for (const each of Object.values(values)) expectUniform(each, 1 / Math.sqrt(40));
  });

  it("attention: projections within Xavier's bound for the three together, zeros for biases", () => {
    const values = initialValues([2, 3, 32], (scope, x) => attention(scope, x, { heads: 4 }));
    for (const part of ["query", "key", "value"]) {
      expectUniform(values[`${part}.weight`], Math.sqrt(6 / (32 + 3 * 32)));
      expect(bound(values[`${part}.bias`]!)).toBe(0);
    }
    expectUniform(values["output.weight"], 1 / Math.sqrt(32));
    expect(bound(values["output.bias"]!)).toBe(0);
  });

  it("the feed-forward part of a transformer block: within 1/√inputs, its biases too", () => {
    const values = initialValues([2, 3, 32], (scope, x) => transformerBlock(scope, x, { heads: 4 }));
    expectUniform(values["linear1.weight"], 1 / Math.sqrt(32));
    expectUniform(values["linear1.bias"], 1 / Math.sqrt(32));
    expectUniform(values["linear2.weight"], 1 / Math.sqrt(128));
    expectUniform(values["linear2.bias"], 1 / Math.sqrt(128));
  });

  it("embedding: with standard deviation 1", () => {
    const { weight } = initialValues([2], (scope, x) =>
      embedding(scope, x.cast("I32"), { vocabulary: 100, width: 32 }),
    );
    expect(Math.abs(deviation(weight!) - 1)).toBeLessThan(0.05);
  });

  it("learned positions: with standard deviation 0.02, as GPT-2 has them", () => {
    const { weight } = initialValues([1, 4, 32], (scope, x) => learnedPositions(scope, x, { context: 64 }));
    expect(Math.abs(deviation(weight!) - 0.02)).toBeLessThan(0.001);
  });
});

describe("a convolution's weights by a rule made for products", () => {
  const weightsBy = (init: Initialiser) =>
    initialValues([1, 8, 5, 5], (scope, x) => conv(scope, x, { channels: 16, window: 3, init })).weight!;

  it("count the window among the inputs", () => {
    expect(Math.abs(deviation(weightsBy(INITIALISERS.heNormal)) - Math.sqrt(2 / (8 * 9)))).toBeLessThan(0.005);
  });

  it("have filters at right angles when the rule is orthogonal", () => {
    const weights = weightsBy(INITIALISERS.orthogonal);
    const filter = (index: number) => weights.subarray(index * 72, (index + 1) * 72);
    const product = (a: number, b: number) => filter(a).reduce((sum, value, i) => sum + value * filter(b)[i]!, 0);
    expect(product(3, 3)).toBeCloseTo(1, 5);
    expect(product(3, 11)).toBeCloseTo(0, 5);
  });
});
