/** @file What tensors say: broadcasting, refusals that tell what to do, and values that conventions fix. */
import { describe, expect, it } from "vitest";
import {
  concat,
  createReference,
  fillUniform,
  philox,
  random,
  stack,
  type Tensor,
  type Tracer,
  trace,
} from "../../src/engine/index.ts";
import { erf } from "../../src/engine/ops/erf.ts";
import { run } from "./support/samples.ts";

const reference = createReference();
const vector = (...values: number[]) => ({
  dtype: "F32" as const,
  shape: [values.length],
  data: Float64Array.from(values),
});
const integers = (...values: number[]) => ({
  dtype: "I32" as const,
  shape: [values.length],
  data: Int32Array.from(values),
});

function traceOne(build: (tracer: Tracer) => Tensor) {
  return trace((tracer) => ({ outputs: { y: build(tracer) } }));
}

describe("a trace", () => {
  it("computes equal expressions once", () => {
    const { outputs } = traceOne((tracer) => {
      const x = tracer.input("x", { dtype: "F32", shape: [2] });
      return x.exp().mul(x.exp());
    });
    expect(outputs.y!.inputs[0]).toBe(outputs.y!.inputs[1]);
  });

  it("gives one tensor to an input asked twice", () => {
    const { inputs } = traceOne((tracer) => {
      const type = { dtype: "F32" as const, shape: [2] };
      return tracer.input("x", type).add(tracer.input("x", type));
    });
    expect(Object.keys(inputs)).toEqual(["x"]);
  });

  it("refuses an input asked with two types, by name", () => {
    const attempt = () =>
      traceOne((tracer) => {
        tracer.input("x", { dtype: "F32", shape: [2] });
        return tracer.input("x", { dtype: "F32", shape: [3] });
      });
    expect(attempt).toThrow(
      expect.objectContaining({
        violations: [expect.objectContaining({ path: "x", expected: "F32[2]", got: "F32[3]" })],
      }),
    );
  });

  it("refuses an update that fits no state", () => {
    const attempt = () =>
      trace((tracer) => {
        const w = tracer.state("w", { dtype: "F32", shape: [2] });
        return { outputs: {}, updates: { w: w.sum() } };
      });
    expect(attempt).toThrow(
      expect.objectContaining({
        violations: [expect.objectContaining({ path: "w", expected: "F32[2]", got: "F32[]" })],
      }),
    );
  });

  it("gives each random draw a stream of its own", () => {
    const { outputs } = trace((tracer) => {
      const rng = tracer.input("rng", { dtype: "I32", shape: [4] });
      return { outputs: { a: random.uniform(rng, [3]), b: random.uniform(rng, [3]) } };
    });
    expect([outputs.a!.attributes.stream, outputs.b!.attributes.stream]).toEqual([0, 1]);
  });
});

describe("a tensor", () => {
  it.each([
    ["operands that do not broadcast", "SHAPE_MISMATCH", (x: Tensor) => x.add(x.reshape([3, 2]))],
    ["operands of two dtypes", "DTYPE_UNSUPPORTED", (x: Tensor) => x.add(x.cast("I32"))],
    ["a fraction beside integers", "DTYPE_UNSUPPORTED", (x: Tensor) => x.cast("I32").add(0.5)],
    ["a reshape that loses elements", "SHAPE_MISMATCH", (x: Tensor) => x.reshape([4])],
    ["matrices that do not fit", "SHAPE_MISMATCH", (x: Tensor) => x.matmul(x)],
    ["an axis that is not there", "SHAPE_MISMATCH", (x: Tensor) => x.sum(2)],
    ["a logarithm of integers", "DTYPE_UNSUPPORTED", (x: Tensor) => x.cast("I32").log()],
    ["the largest of nothing", "SHAPE_MISMATCH", (x: Tensor) => x.slice([0, 0], [0, 3]).argMax(0)],
  ] as const)("refuses %s, with a hint", (_, reason, build) => {
    const attempt = () => traceOne((tracer) => build(tracer.input("x", { dtype: "F32", shape: [2, 3] })));
    expect(attempt).toThrow(expect.objectContaining({ reason, hint: expect.stringMatching(/\w/) }));
  });

  it("slices as NumPy does, with negative positions and steps", () => {
    const { y } = run(reference, [vector(0, 1, 2, 3, 4, 5, 6)], ([x]) => ({ y: x.slice([-6], [-1], [2]) }));
    expect(y).toEqual([1, 3, 5]);
  });

  it.each([
    ["x[::-1]", [undefined], [undefined], [-1], [6, 5, 4, 3, 2, 1, 0]],
    ["x[5:1:-2]", [5], [1], [-2], [5, 3]],
    ["x[-2::-3]", [-2], [], [-3], [5, 2]],
    ["x[100:-100:-4]", [100], [-100], [-4], [6, 2]],
    ["x[1:5:-1]", [1], [5], [-1], []],
  ] as const)("slices backward: %s", (_, start, end, step, expected) => {
    expect(run(reference, [vector(0, 1, 2, 3, 4, 5, 6)], ([x]) => ({ y: x.slice(start, end, step) })).y).toEqual(
      expected,
    );
  });

  it("refuses a slice by steps of 0", () => {
    const attempt = () => run(reference, [vector(1, 2)], ([x]) => ({ y: x.slice([0], [2], [0]) }));
    expect(attempt).toThrow(
      expect.objectContaining({ reason: "SHAPE_MISMATCH", hint: expect.stringMatching("not 0") }),
    );
  });

  it("has norms of any order over any axes", () => {
    const results = run(reference, [vector(3, -4, 0, 1)], ([x]) => {
      const matrix = x.reshape([2, 2]);
      return {
        euclidean: matrix.norm([1]),
        taxicab: matrix.norm([1], { order: 1 }),
        largest: matrix.norm([0, 1], { order: Number.POSITIVE_INFINITY }),
        cubic: matrix.norm([0, -1], { order: 3, keepDims: true }),
      };
    });
    expect(results).toMatchObject({ euclidean: [5, 1], taxicab: [7, 1], largest: [4] });
    expect(results.cubic![0]).toBeCloseTo((27 + 64 + 1) ** (1 / 3), 12);
  });

  it("multiplies batches of matrices, broadcasting the batch", () => {
    const { y } = run(reference, [vector(1, 2, 3, 4), vector(1, 0, 0, 1, 0, 1, 1, 0)], ([a, b]) => ({
      y: a.reshape([1, 2, 2]).matmul(b.reshape([2, 2, 2])),
    }));
    expect(y).toEqual([1, 2, 3, 4, 2, 1, 4, 3]);
  });

  it("joins along an axis, and stacks along a new one", () => {
    const results = run(reference, [vector(1, 2), vector(3, 4)], ([a, b]) => ({
      joined: concat([a, b], 0),
      stacked: stack([a, b], 1),
    }));
    expect(results).toEqual({ joined: [1, 2, 3, 4], stacked: [1, 3, 2, 4] });
  });

  it("reads zeros where an index is outside, and gives no class to it", () => {
    const results = run(reference, [vector(5, 6), integers(1, 2, -1)], ([x, i]) => ({
      read: x.gather(i, 0),
      hot: i.oneHot(2),
    }));
    expect(results).toEqual({ read: [6, 0, 0], hot: [0, 1, 0, 0, 0, 0] });
  });

  it("finds the first of equal extremes, and counts NaN as one", () => {
    const results = run(reference, [vector(1, 3, 3), vector(2, Number.NaN, 9)], ([x, y]) => ({
      tie: x.argMax(0),
      nan: y.argMax(0),
    }));
    expect(results).toEqual({ tie: [1], nan: [1] });
    const whole = run(reference, [vector(1, 3, 7, 2)], ([x]) => ({ y: x.reshape([2, 2]).argMax() }));
    expect(whole.y).toEqual([2]);
  });

  it("rounds halves to even", () => {
    const { y } = run(reference, [vector(0.5, 1.5, 2.5, -0.5, -1.5, 2.4)], ([x]) => ({ y: x.round() }));
    expect(y).toEqual([0, 2, 2, -0, -2, 2]);
  });

  it("turns reals into integers toward zero, within their range", () => {
    const { y } = run(reference, [vector(1.9, -1.9, 3e9, -3e9, Number.NaN)], ([x]) => ({ y: x.cast("I32") }));
    expect(y).toEqual([1, -1, 2147483647, -2147483648, 0]);
  });

  it("keeps softmax, logSumExp and softplus finite at large values", () => {
    const results = run(reference, [vector(1000, 999)], ([x]) => ({
      softmax: x.softmax(0),
      logSumExp: x.logSumExp(),
      softplus: x.softplus(),
    }));
    expect(results.softmax!.every(Number.isFinite)).toBe(true);
    expect(results.logSumExp).toEqual([1000 + Math.log1p(Math.exp(-1))]);
    expect(results.softplus).toEqual([1000, 999]);
  });
});

describe("random numbers", () => {
  const word = (text: string) => Number.parseInt(text, 16);

  /** From the test vectors published with Random123 (kat_vectors, philox4x32 10). */
  it.each([
    ["00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
    ["ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"],
    ["243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"],
  ])("follow Philox at counter %s, key %s", (counter, key, words) => {
    const [c, k] = [counter, key].map((text) => text.split(" ").map(word)) as [never, never];
    expect(philox(c, k)).toEqual(words.split(" ").map(word));
  });

  it("are the same for any length drawn", () => {
    const [short, long] = [new Float64Array(5), new Float64Array(64)];
    fillUniform(short, [1, 2, 3, 4], 5);
    fillUniform(long, [1, 2, 3, 4], 5);
    expect(Array.from(long.subarray(0, 5))).toEqual(Array.from(short));
  });

  it("have the mean and the variance that they should", () => {
    const results = run(reference, [integers(42, 0, 0, 0)], ([rng]) => {
      const [uniform, normal] = [random.uniform(rng, [20000]), random.normal(rng, [20000])];
      const chosen = random.bernoulli(rng, 0.3, [20000]).cast("F32").mean();
      return {
        moments: stack([uniform.mean(), uniform.variance(), normal.mean(), normal.variance(), chosen], 0),
      };
    });
    const expected = [0.5, 1 / 12, 0, 1, 0.3];
    results.moments!.forEach((moment, i) => {
      expect(Math.abs(moment - expected[i]!)).toBeLessThan(0.02);
    });
  });
});

describe("erf", () => {
  /** Abramowitz and Stegun, table 7.1, and for large values the complement from the same handbook's table 7.3. */
  it.each([
    [0.1, 0.1124629160182849],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [2, 0.9953222650189527],
    [3.5, 0.9999992569016276],
    [-1.5, -0.9661051464753108],
  ])("of %f", (x, expected) => {
    expect(erf(x)).toBeCloseTo(expected, 15);
  });
});
