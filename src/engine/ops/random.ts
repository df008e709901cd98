/** @file The one source of randomness; other distributions are made from it (`random` in tensor.ts). */
import { fillUniform } from "../philox.ts";
import type { Shape } from "../shape.ts";
import { sizeOf } from "../shape.ts";
import { expectDType, expectShape } from "./expect.ts";
import { op } from "./op.ts";
import { emitUniform } from "./philoxOnnx.ts";

export const randomness = {
  /** Numbers in [0, 1), multiples of 2⁻²⁴: Philox keyed by the seed, counted by step, stream and element. Input: I32 [4]. */
  uniform: op<{ stream: number; shape: Shape }>({
    type([rng], { shape }) {
      expectDType(rng, "I32");
      expectShape(rng, [4], "the random state (seed low, seed high, step low, step high)");
      return { dtype: "F32", shape };
    },
    gradient: [null],
    reference: ([rng], y, { stream }) => fillUniform(y.data as Float64Array, rng.data, stream),
    onnx: (emit, [rng], { output, attributes: { stream } }) => emitUniform(emit, rng, stream, output.shape),
    onnxSince: 18,
    samples: (size) => [
      { inputs: [{ dtype: "I32", shape: [4], values: [7, 0, 3, 0] }], attributes: { stream: 0, shape: [size] } },
      { inputs: [{ dtype: "I32", shape: [4], values: [-1, 5, -2, 1] }], attributes: { stream: 9, shape: [3, size] } },
    ],
    cost: ({ shape }) => 20 * sizeOf(shape),
  }),
};
