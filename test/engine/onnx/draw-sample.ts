/** @file Values for an op's sample inputs, the same in every run. */
import type { SampleInput } from "../../../src/engine/ops/op.ts";
import { type NdArray, sizeOf } from "../../../src/engine/shape.ts";

/** Uniform in [low, high) as float32, integers, or booleans; or the values that the sample names. */
export function drawSample(inputs: readonly SampleInput[], seed: number): NdArray[] {
  let state = (seed + 1) * 2654435761;
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return inputs.map(({ dtype, shape, low = -2, high = 2, values }) => {
    const at = (index: number): number => {
      if (values !== undefined) return values[index % values.length]!;
      if (dtype === "BOOL") return uniform() < 0.5 ? 0 : 1;
      const value = low + (high - low) * uniform();
      return dtype === "I32" ? Math.floor(value) : value;
    };
    const length = { length: sizeOf(shape) };
    const draw = (_: unknown, index: number): number => at(index);
    const data =
      dtype === "F32"
        ? Float32Array.from(length, draw)
        : dtype === "I32"
          ? Int32Array.from(length, draw)
          : Uint8Array.from(length, draw);
    return { dtype, shape, data };
  });
}
