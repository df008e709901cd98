/** @file Ops whose reads or writes go where integers say. An index outside its axis reads zeros and writes nothing. */
import { type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { expectDType, expectShape, expectThat } from "./expect.ts";
import { around } from "./loops.ts";
import { op } from "./op.ts";
import { integers, reals } from "./samples.ts";

/** The type of `x` with `axis` replaced by the axes of the indices. */
function replaced(shape: Shape, axis: number, by: Shape): number[] {
  return [...shape.slice(0, axis), ...by, ...shape.slice(axis + 1)];
}

/** [indices, classes] rows of zeros with a one: what indexing is as a matrix product. */
function choices(indices: Tensor, size: number): Tensor {
  return indices.reshape([sizeOf(indices.shape)]).oneHot(size);
}

export const indexing = {
  /** Slices of `x` at `indices` along `axis`: [...before axis, ...indices, ...after axis]. */
  gather: op<{ axis: number }>({
    type([x, indices], { axis }) {
      expectDType(indices, "I32");
      expectThat(axis < x.shape.length, `axis ${axis} is out of range`, `axes run from 0 to ${x.shape.length - 1}`);
      return { dtype: x.dtype, shape: replaced(x.shape, axis, indices.shape) };
    },
    gradient: [
      (dy, { inputs: [x, indices], attributes: { axis } }) => dy.scatterAdd(indices, axis, x.shape[axis]!),
      null,
    ],
    reference([x, indices], y, { axis }) {
      const { outer, length, inner } = around(x.shape, axis);
      const count = indices.data.length;
      for (let o = 0; o < outer; o++) {
        for (let j = 0; j < count; j++) {
          const row = indices.data[j]!;
          const isInside = row >= 0 && row < length;
          for (let i = 0; i < inner; i++) {
            y.data[(o * count + j) * inner + i] = isInside ? x.data[(o * length + row) * inner + i]! : 0;
          }
        }
      }
    },
    onnx: (emit, inputs, { attributes: { axis } }) => emit.node("Gather", inputs, { axis: { int: axis } }),
    samples: (size) => [
      { inputs: [reals([5]), integers([size], 0, 5)], attributes: { axis: 0 } },
      { inputs: [reals([4, size]), integers([6], 0, 4)], attributes: { axis: 0 } },
      { inputs: [reals([2, 4, 3]), integers([2, size], 0, 4)], attributes: { axis: 1 } },
      { inputs: [integers([7, 2]), integers([size], 0, 7)], attributes: { axis: 0 } },
    ],
  }),
  /**
   * Zeros of `size` along `axis`, with each slice of `updates` added at its index: the transpose of gather.
   * updates [...before, ...indices, ...after], indices I32 → [...before, size, ...after]. Adds in the order of the indices.
   */
  scatterAdd: op<{ axis: number; size: number }>({
    type([updates, indices], { axis, size }) {
      expectDType(updates, "F32", "I32");
      expectDType(indices, "I32");
      const end = axis + indices.shape.length;
      expectShape(
        { ...updates, shape: updates.shape.slice(axis, end) },
        indices.shape,
        "the indexed part of the updates",
      );
      return { dtype: updates.dtype, shape: [...updates.shape.slice(0, axis), size, ...updates.shape.slice(end)] };
    },
    gradient: [(dy, { inputs: [, indices], attributes: { axis } }) => dy.gather(indices, axis), null],
    reference([updates, indices], y, { axis, size }) {
      const { outer, inner } = around(y.shape, axis);
      const count = indices.data.length;
      y.data.fill(0);
      for (let o = 0; o < outer; o++) {
        for (let j = 0; j < count; j++) {
          const row = indices.data[j]!;
          if (row < 0 || row >= size) continue;
          for (let i = 0; i < inner; i++) {
            y.data[(o * size + row) * inner + i]! += updates.data[(o * count + j) * inner + i]!;
          }
        }
      }
    },
    onnx: { form: "decomposition" },
    samples: (size) => [
      { inputs: [reals([size]), integers([size], 0, 5)], attributes: { axis: 0, size: 5 } },
      { inputs: [reals([size, 3]), integers([size], 0, 4)], attributes: { axis: 0, size: 4 } },
      { inputs: [reals([2, 2, size, 3]), integers([2, size], 0, 4)], attributes: { axis: 1, size: 4 } },
    ],
    decompose({ inputs: [updates, indices], output, attributes: { axis, size } }) {
      const outer = sizeOf(output.shape.slice(0, axis));
      const inner = sizeOf(output.shape.slice(axis + 1));
      const rows = updates.reshape([outer, sizeOf(indices.shape), inner]).cast("F32");
      return choices(indices, size).transpose().matmul(rows).reshape(output.shape).cast(output.dtype);
    },
  }),
  /** I32 [...] → F32 [..., classes]: 1 at the index, 0 elsewhere; all zeros for an index outside. */
  oneHot: op<{ classes: number }>({
    type([indices], { classes }) {
      expectDType(indices, "I32");
      return { dtype: "F32", shape: [...indices.shape, classes] };
    },
    gradient: [null],
    reference([indices], y, { classes }) {
      y.data.fill(0);
      indices.data.forEach((index, row) => {
        if (index >= 0 && index < classes) y.data[row * classes + index] = 1;
      });
    },
    // Not OneHot, which counts negative indices from the end.
    onnx(emit, [indices], { attributes: { classes } }) {
      const range = emit.constant({
        dtype: "I32",
        shape: [classes],
        data: Int32Array.from({ length: classes }, (_, i) => i),
      });
      return emit.cast(emit.node("Equal", [emit.node("Unsqueeze", [indices, emit.int64([-1])]), range]), "F32");
    },
    samples: (size) => [
      { inputs: [integers([size], 0, 4)], attributes: { classes: 4 } },
      { inputs: [integers([3, 2], -1, size + 1)], attributes: { classes: size } },
    ],
  }),
};
