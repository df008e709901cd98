/** @file Ops whose reads or writes go where integers say. An index outside its axis reads zeros and writes nothing. */
import type { DType } from "../dtype.ts";
import { type Shape, sizeOf, stridesOf, type TensorType } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { expectDType, expectRank, expectShape, expectThat } from "./expect.ts";
import { around, forEachIndex, positionOf } from "./loops.ts";
import { type None, type OnnxEmitter, op, type ReferenceArray } from "./op.ts";
import { integers, reals } from "./samples.ts";

/** The type of `x` with `axis` replaced by the axes of the indices. */
function replaced(shape: Shape, axis: number, by: Shape): number[] {
  return [...shape.slice(0, axis), ...by, ...shape.slice(axis + 1)];
}

/** [indices, classes] rows of zeros with a one: what indexing is as a matrix product. */
function choices(indices: Tensor, size: number): Tensor {
  return indices.reshape([sizeOf(indices.shape)]).oneHot(size);
}

/** Everything but `axis` agrees. */
function expectAlong(x: TensorType, indices: TensorType, axis: number): void {
  expectDType(indices, "I32");
  expectRank(indices, x.shape.length, "the indices", x.shape.length);
  expectShape(indices, x.shape.with(axis, indices.shape[axis]!), "the indices");
}

/** For every index along `axis` of an array of `shape`: where it points in C order, −1 where outside. */
function flattened(indices: Tensor, axis: number, shape: Shape): Tensor {
  const strides = stridesOf(shape);
  const base = new Int32Array(sizeOf(indices.shape));
  forEachIndex(indices.shape, (index, position) => {
    base[position] = index.reduce((sum, i, other) => sum + (other === axis ? 0 : i * strides[other]!), 0);
  });
  const start = indices.constant({ dtype: "I32", shape: indices.shape, data: base });
  return isWithin(indices, shape[axis]!).where(indices.mul(strides[axis]!).add(start), -1);
}

function isWithin(indices: Tensor, size: number): Tensor {
  return indices.greaterEqual(0).logicalAnd(indices.less(size));
}

/** For indices [..., k] into the first k axes of `shape`: the row in C order of those axes, −1 where outside. */
function rowsOf(indices: Tensor, shape: Shape): Tensor {
  const depth = indices.shape.at(-1)!;
  const strides = stridesOf(shape.slice(0, depth));
  const columns = indices
    .split(new Array(depth).fill(1), -1)
    .map((column) => column.reshape(indices.shape.slice(0, -1)));
  const zero = indices.constant(0, "I32").broadcastTo(indices.shape.slice(0, -1));
  const row = columns.reduce((sum, column, axis) => sum.add(column.mul(strides[axis]!)), zero);
  const isInside = columns.reduce((all, column, axis) => all.logicalAnd(isWithin(column, shape[axis]!)), zero.equal(0));
  return isInside.where(row, -1);
}

/** The row that one index [..., k] names, or −1. */
function rowAt(indices: ReferenceArray, which: number, shape: Shape): number {
  const depth = indices.shape.at(-1)!;
  const index = Array.from(indices.data.subarray(which * depth, (which + 1) * depth));
  return index.every((i, axis) => i >= 0 && i < shape[axis]!) ? positionOf(index, shape.slice(0, depth)) : -1;
}

/** ONNX refuses indices outside of the axis: there 0 is read instead, and what was read becomes zeros. */
function readGuarded(
  emit: OnnxEmitter,
  indices: string,
  { size, dtype }: { readonly size: number; readonly dtype: DType },
  read: (inside: string) => string,
  spread: (isInside: string) => string = (isInside) => isInside,
): string {
  const isLow = emit.node("Less", [indices, emit.scalar(0, "I32")]);
  const isHigh = emit.node("Less", [emit.scalar(size - 1, "I32"), indices]);
  const isInside = emit.node("Not", [emit.node("Or", [isLow, isHigh])]);
  const value = read(emit.node("Where", [isInside, indices, emit.scalar(0, "I32")]));
  const mask = spread(isInside);
  return dtype === "BOOL" ? emit.node("And", [mask, value]) : emit.node("Where", [mask, value, emit.scalar(0, dtype)]);
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
    onnx(emit, [x, indices], { inputs: [source], attributes: { axis } }) {
      const trailing = source.shape.slice(axis + 1).map((_, i) => -1 - i);
      const spread = (isInside: string) =>
        trailing.length === 0 ? isInside : emit.node("Unsqueeze", [isInside, emit.int64(trailing)]);
      const read = (inside: string) => emit.node("Gather", [x, inside], { axis: { int: axis } });
      return readGuarded(emit, indices, { size: source.shape[axis]!, dtype: source.dtype }, read, spread);
    },
    samples: (size) => [
      { inputs: [reals([5]), integers([size], 0, 5)], attributes: { axis: 0 } },
      { inputs: [reals([4, size]), integers([6], 0, 4)], attributes: { axis: 0 } },
      { inputs: [reals([2, 4, 3]), integers([2, size], 0, 4)], attributes: { axis: 1 } },
      { inputs: [integers([7, 2]), integers([size], 0, 7)], attributes: { axis: 0 } },
      { inputs: [reals([2, 3, 2]), integers([size], -2, 5)], attributes: { axis: 1 } },
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
  /** x and I32 indices of one rank, equal but for `axis` → the indices' shape: element by element along `axis`. */
  takeAlong: op<{ axis: number }>({
    type([x, indices], { axis }) {
      expectAlong(x, indices, axis);
      return { dtype: x.dtype, shape: indices.shape };
    },
    gradient: [
      (dy, { inputs: [x, indices], attributes: { axis } }) => dy.scatterAlong(indices, axis, x.shape[axis]!),
      null,
    ],
    reference([x, indices], y, { axis }) {
      forEachIndex(y.shape, (index, position) => {
        const i = indices.data[position]!;
        const isInside = i >= 0 && i < x.shape[axis]!;
        y.data[position] = isInside ? x.data[positionOf(index.with(axis, i), x.shape)]! : 0;
      });
    },
    onnx: (emit, [x, indices], { inputs: [source], attributes: { axis } }) =>
      readGuarded(emit, indices, { size: source.shape[axis]!, dtype: source.dtype }, (inside) =>
        emit.node("GatherElements", [x, inside], { axis: { int: axis } }),
      ),
    samples: (size) => [
      { inputs: [reals([5]), integers([size], 0, 5)], attributes: { axis: 0 } },
      { inputs: [reals([3, 4]), integers([3, size], 0, 4)], attributes: { axis: 1 } },
      { inputs: [reals([2, 3, size]), integers([2, 2, size], -1, 4)], attributes: { axis: 1 } },
    ],
    decompose: ({ inputs: [x, indices], attributes: { axis } }) =>
      x.reshape([sizeOf(x.shape)]).gather(flattened(indices, axis, x.shape), 0),
  }),
  /** Zeros of `size` along `axis`, with each element of the updates added at its index: the transpose of takeAlong. */
  scatterAlong: op<{ axis: number; size: number }>({
    type([updates, indices], { axis, size }) {
      expectDType(updates, "F32", "I32");
      expectDType(indices, "I32");
      expectShape(indices, updates.shape, "the indices");
      return { dtype: updates.dtype, shape: updates.shape.with(axis, size) };
    },
    gradient: [(dy, { inputs: [, indices], attributes: { axis } }) => dy.takeAlong(indices, axis), null],
    reference([updates, indices], y, { axis, size }) {
      y.data.fill(0);
      forEachIndex(updates.shape, (index, position) => {
        const i = indices.data[position]!;
        if (i >= 0 && i < size) y.data[positionOf(index.with(axis, i), y.shape)]! += updates.data[position]!;
      });
    },
    onnx: { form: "decomposition" },
    samples: (size) => [
      { inputs: [reals([size]), integers([size], 0, 5)], attributes: { axis: 0, size: 5 } },
      { inputs: [reals([3, size]), integers([3, size], -1, 5)], attributes: { axis: 1, size: 4 } },
      { inputs: [reals([2, size, 3]), integers([2, size, 3], 0, 2)], attributes: { axis: 1, size: 2 } },
    ],
    decompose: ({ inputs: [updates, indices], output, attributes: { axis } }) =>
      updates
        .reshape([sizeOf(updates.shape)])
        .scatterAdd(flattened(indices, axis, output.shape).reshape([sizeOf(updates.shape)]), 0, sizeOf(output.shape))
        .reshape(output.shape),
  }),
  /** x [a₁ … aₖ, ...rest], indices I32 [...which, k] → [...which, ...rest]: each index names a place in the first k axes. */
  gatherND: op<None>({
    type([x, indices]) {
      expectDType(indices, "I32");
      expectRank(indices, 1, "the indices");
      const depth = indices.shape.at(-1)!;
      expectThat(depth <= x.shape.length, `indices of ${depth} into ${x.shape.length} axes`, "name at most every axis");
      return { dtype: x.dtype, shape: [...indices.shape.slice(0, -1), ...x.shape.slice(depth)] };
    },
    gradient: [(dy, { inputs: [x, indices] }) => dy.scatterND(indices, x.shape), null],
    reference([x, indices], y) {
      const length = sizeOf(x.shape.slice(indices.shape.at(-1)!));
      for (let which = 0; which * length < y.data.length; which++) {
        const row = rowAt(indices, which, x.shape);
        for (let i = 0; i < length; i++) y.data[which * length + i] = row < 0 ? 0 : x.data[row * length + i]!;
      }
    },
    onnx: { form: "decomposition" },
    samples: (size) => [
      { inputs: [reals([3, 4]), integers([size, 2], 0, 3)], attributes: {} },
      { inputs: [reals([3, 2, size]), integers([2, 3, 1], -1, 4)], attributes: {} },
    ],
    decompose({ inputs: [x, indices], output }) {
      const rest = x.shape.slice(indices.shape.at(-1)!);
      return x
        .reshape([sizeOf(x.shape.slice(0, indices.shape.at(-1)!)), sizeOf(rest)])
        .gather(rowsOf(indices, x.shape), 0)
        .reshape(output.shape);
    },
  }),
  /** Zeros of `shape`, with the updates [...which, ...rest] added at the places that indices [...which, k] name. */
  scatterND: op<{ shape: Shape }>({
    type([updates, indices], { shape }) {
      expectDType(updates, "F32", "I32");
      expectDType(indices, "I32");
      expectShape(updates, [...indices.shape.slice(0, -1), ...shape.slice(indices.shape.at(-1)!)], "the updates");
      return { dtype: updates.dtype, shape };
    },
    gradient: [(dy, { inputs: [, indices] }) => dy.gatherND(indices), null],
    reference([updates, indices], y) {
      const length = sizeOf(y.shape.slice(indices.shape.at(-1)!));
      y.data.fill(0);
      for (let which = 0; which * length < updates.data.length; which++) {
        const row = rowAt(indices, which, y.shape);
        for (let i = 0; row >= 0 && i < length; i++) y.data[row * length + i]! += updates.data[which * length + i]!;
      }
    },
    onnx: { form: "decomposition" },
    samples: (size) => [
      { inputs: [reals([size]), integers([size, 2], 0, 3)], attributes: { shape: [3, 4] } },
      { inputs: [reals([2, 3, size]), integers([2, 3, 1], -1, 4)], attributes: { shape: [3, size] } },
    ],
    decompose({ inputs: [updates, indices], output }) {
      const depth = indices.shape.at(-1)!;
      const which = sizeOf(indices.shape.slice(0, -1));
      return updates
        .reshape([which, sizeOf(output.shape.slice(depth))])
        .scatterAdd(rowsOf(indices, output.shape).reshape([which]), 0, sizeOf(output.shape.slice(0, depth)))
        .reshape(output.shape);
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
