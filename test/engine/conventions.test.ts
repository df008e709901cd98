/** @file What several libraries decide differently, decided: ties, order, masks, sizes, borders. */
import { describe, expect, it } from "vitest";
import { createReference, gradients, random, type Tensor } from "../../src/engine/index.ts";
import { run } from "./support/samples.ts";

const reference = createReference();

function array(shape: readonly number[], ...values: number[]) {
  return { dtype: "F32" as const, shape, data: Float64Array.from(values) };
}
function integers(shape: readonly number[], ...values: number[]) {
  return { dtype: "I32" as const, shape, data: Int32Array.from(values) };
}
function counting(...shape: number[]) {
  return array(shape, ...Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i));
}

describe("sorting", () => {
  const values = array([6], 2, Number.NaN, 1, 2, Number.NEGATIVE_INFINITY, 1);

  it("keeps equals in their order and puts NaN last", () => {
    expect(run(reference, [values], ([x]) => ({ y: x.argSort(0) })).y).toEqual([4, 2, 5, 0, 3, 1]);
  });

  it("keeps equals in their order and puts NaN first when descending", () => {
    expect(run(reference, [values], ([x]) => ({ y: x.argSort(0, { descending: true }) })).y).toEqual([
      1, 0, 3, 2, 5, 4,
    ]);
  });

  it("takes the k largest, and lets the gradient through to them alone", () => {
    const results = run(reference, [array([4], 3, 9, 1, 7)], ([x]) => {
      const { values: top, indices } = x.topK(2, 0);
      return {
        top,
        indices,
        dx: gradients(top.mul(top.constant({ dtype: "F32", shape: [2], data: Float32Array.of(10, 20) })).sum(), [
          x,
        ])[0]!,
      };
    });
    expect(results).toEqual({ top: [9, 7], indices: [1, 3], dx: [0, 10, 0, 20] });
  });
});

describe("padding", () => {
  it.each([
    ["reflect", [2, 1, 0, 1, 2, 1]],
    ["edge", [0, 0, 0, 1, 2, 2]],
    ["wrap", [1, 2, 0, 1, 2, 0]],
  ] as const)("by %s takes what stands where NumPy says", (mode, expected) => {
    expect(run(reference, [counting(3)], ([x]) => ({ y: x.padWith(mode, [2], [1]) })).y).toEqual(expected);
  });

  it("refuses to reflect more than there is", () => {
    const attempt = () => run(reference, [counting(3)], ([x]) => ({ y: x.padWith("reflect", [3], [0]) }));
    expect(attempt).toThrow(expect.objectContaining({ reason: "SHAPE_MISMATCH" }));
  });
});

describe("windows", () => {
  const shapeOf = (size: number, build: (x: Tensor, w: Tensor) => Tensor) => {
    let shape: readonly number[] = [];
    run(reference, [counting(1, 1, size), counting(1, 1, 3)], ([x, w]) => {
      const y = build(x, w);
      shape = y.shape;
      return { y };
    });
    return shape.slice(2);
  };

  it.each([
    ["same", 7, 2, [4]],
    ["same", 8, 2, [4]],
    ["valid", 7, 2, [3]],
    [1, 8, 2, [4]],
  ] as const)("padded %s over %i by %i stand at as many places as they should", (padding, size, strides, expected) => {
    expect(shapeOf(size, (x, w) => x.conv(w, { padding, strides }))).toEqual(expected);
  });

  it("of a transposed convolution give back the size that went in", () => {
    const back = (size: number, outputPadding: number) =>
      shapeOf(size, (x, w) =>
        x.conv(w, { strides: 2, padding: 1 }).convTranspose(w, { strides: 2, padding: 1, outputPadding }),
      );
    expect([back(7, 0), back(8, 1)]).toEqual([[7], [8]]);
  });

  it("are not flipped by a convolution", () => {
    const { y } = run(reference, [array([1, 1, 3], 1, 0, 0), array([1, 1, 2], 5, 7)], ([x, w]) => ({ y: x.conv(w) }));
    expect(y).toEqual([5, 0]);
  });

  it("of maxPool send the gradient to the first of equals", () => {
    const { dx } = run(reference, [array([1, 1, 4], 2, 2, 1, 3)], ([x]) => ({
      dx: gradients(x.maxPool([2]).sum(), [x])[0]!,
    }));
    expect(dx).toEqual([1, 0, 0, 1]);
  });

  it("of averagePool count padding, or not", () => {
    const { counted, left } = run(reference, [array([1, 1, 2], 6, 6)], ([x]) => ({
      counted: x.averagePool([3], { strides: 1, padding: 1 }),
      left: x.averagePool([3], { strides: 1, padding: 1, countPadding: false }),
    }));
    expect({ counted, left }).toEqual({ counted: [4, 4], left: [6, 6] });
  });

  it("of adaptiveMaxPool are those of adaptiveAveragePool", () => {
    const results = run(reference, [counting(1, 2, 5, 5)], ([x]) => {
      const y = x.adaptiveMaxPool([2, 3]);
      return { y, dx: gradients(y.sum(), [x])[0]!.sum(), planes: x.globalMaxPool() };
    });
    const plane = [11, 13, 14, 21, 23, 24];
    expect(results).toEqual({ y: [...plane, ...plane.map((v) => v + 25)], dx: [12], planes: [24, 49] });
  });

  it("of adaptiveAveragePool overlap where sizes don't divide", () => {
    const { y } = run(reference, [counting(1, 1, 5)], ([x]) => ({ y: x.adaptiveAveragePool([3]) }));
    [0.5, 2, 3.5].forEach((value, i) => {
      expect(y![i]).toBeCloseTo(value, 12);
    });
  });
});

describe("resizing", () => {
  it("takes the nearest pixel to the upper left, or blends neighbours between centres", () => {
    const results = run(reference, [array([1, 1, 2], 0, 4)], ([x]) => ({
      nearest: x.resize([4], "nearest"),
      linear: x.resize([4], "linear"),
    }));
    expect(results).toEqual({ nearest: [0, 0, 4, 4], linear: [0, 1, 3, 4] });
  });
});

describe("attention", () => {
  const [queries, keys, values] = [
    array([1, 1, 2, 1], 1, 1),
    array([1, 1, 3, 1], 0, 0, 0),
    array([1, 1, 3, 1], 3, 6, 9),
  ];

  it("lets the last query see all keys and each one before it a key less, when causal", () => {
    const { y } = run(reference, [queries, keys, values], ([q, k, v]) => ({ y: q.attention(k, v, { causal: true }) }));
    expect(y).toEqual([4.5, 6]);
  });

  it("gives zeros to a query that may look nowhere, and a finite gradient", () => {
    const mask = { dtype: "BOOL" as const, shape: [2, 3], data: Uint8Array.of(0, 0, 0, 1, 0, 1) };
    const { y, dq } = run(reference, [queries, keys, values, mask], ([q, k, v, m]) => {
      const blended = q.attention(k, v, { mask: m });
      return { y: blended, dq: gradients(blended.sum(), [q])[0]! };
    });
    expect(y).toEqual([0, 6]);
    expect(dq).toEqual([0, 0]);
  });
});

describe("rotary embedding", () => {
  it("leaves position 0 as it is, and products of pairs dependent on the distance alone", () => {
    const { first, near, far } = run(reference, [array([1, 4], 1, 2, 3, 4), array([1, 4], -1, 0.5, 2, 1)], ([a, b]) => {
      const at = (x: Tensor, position: number) => x.rotary(x.constant(integers([1], position)));
      return { first: at(a, 0), near: at(a, 3).mul(at(b, 1)).sum(), far: at(a, 12).mul(at(b, 10)).sum() };
    });
    expect(first).toEqual([1, 2, 3, 4]);
    expect(near![0]).toBeCloseTo(far![0]!, 12);
  });
});

describe("categorical sampling", () => {
  it("chooses classes as often as their softmax says", () => {
    const { y } = run(reference, [integers([4], 9, 0, 0, 0)], ([rng]) => {
      const logits = rng.constant(array([3], Math.log(0.2), Math.log(0.5), Math.log(0.3))).broadcastTo([20000, 3]);
      return { y: random.categorical(rng, logits).oneHot(3).mean(0) };
    });
    [0.2, 0.5, 0.3].forEach((share, i) => {
      expect(Math.abs(y![i]! - share)).toBeLessThan(0.02);
    });
  });
});
