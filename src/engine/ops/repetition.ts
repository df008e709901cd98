/** @file Ops that show elements again, or the other way around: flip, tile, padding with what stands inside. */
import { type NdArray, showShape } from "../shape.ts";
import { expectThat } from "./expect.ts";
import { forEachIndex, positionOf } from "./loops.ts";
import { op } from "./op.ts";
import { integers, reals } from "./samples.ts";
import { touched } from "./slicing.ts";

export type PadMode = "reflect" | "edge" | "wrap";

/** Where position i of an axis of n, which may lie outside it, takes its value from. */
const PAD_SOURCES: Readonly<Record<PadMode, (i: number, n: number) => number>> = {
  reflect: (i, n) => n - 1 - Math.abs(n - 1 - Math.abs(i)),
  edge: (i, n) => Math.max(0, Math.min(n - 1, i)),
  wrap: (i, n) => ((i % n) + n) % n,
};

/** A list of indices as a constant. */
export function indexList(length: number, at: (i: number) => number): NdArray {
  return { dtype: "I32", shape: [length], data: Int32Array.from({ length }, (_, i) => at(i)) };
}

export const repetition = {
  /** The order along `axes` reversed. */
  flip: op<{ axes: readonly number[] }>({
    type: ([x]) => ({ dtype: x.dtype, shape: x.shape }),
    gradient: [(dy, { attributes: { axes } }) => dy.flip(axes)],
    reference([x], y, { axes }) {
      forEachIndex(y.shape, (index, position) => {
        const source = index.map((i, axis) => (axes.includes(axis) ? y.shape[axis]! - 1 - i : i));
        y.data[position] = x.data[positionOf(source, x.shape)]!;
      });
    },
    onnx: (emit, [x], { attributes: { axes } }) => {
      const all = (value: number) => emit.int64(axes.map(() => value));
      return emit.node("Slice", [x, all(-1), all(-(2 ** 31)), emit.int64(axes), all(-1)]);
    },
    samples: (size) => [
      { inputs: [reals([size])], attributes: { axes: [0] } },
      { inputs: [reals([2, size, 3])], attributes: { axes: [1] } },
      { inputs: [integers([2, size])], attributes: { axes: [0, 1] } },
    ],
    decompose: ({ inputs: [x], attributes: { axes } }) =>
      axes.reduce((y, axis) => y.gather(x.constant(indexList(x.shape[axis]!, (i) => x.shape[axis]! - 1 - i)), axis), x),
    simplify: ({ inputs: [x], attributes: { axes } }) => (axes.length === 0 ? x : null),
  }),
  /** The whole repeated `repeats[a]` times along axis a. */
  tile: op<{ repeats: readonly number[] }>({
    type([x], { repeats }) {
      expectThat(
        repeats.length === x.shape.length && repeats.every((count) => count >= 0),
        `repeats [${repeats}] do not fit ${showShape(x.shape)}`,
        "give a count of at least 0 for every axis",
      );
      return { dtype: x.dtype, shape: x.shape.map((size, axis) => size * repeats[axis]!) };
    },
    gradient: [
      (dy, { inputs: [x], attributes: { repeats } }) =>
        dy.reshape(x.shape.flatMap((size, axis) => [repeats[axis]!, size])).sum(x.shape.map((_, axis) => 2 * axis)),
    ],
    reference([x], y) {
      forEachIndex(y.shape, (index, position) => {
        y.data[position] =
          x.data[
            positionOf(
              index.map((i, axis) => i % x.shape[axis]!),
              x.shape,
            )
          ]!;
      });
    },
    onnx: (emit, [x], { attributes: { repeats } }) => emit.node("Tile", [x, emit.int64(repeats)]),
    samples: (size) => [
      { inputs: [reals([size])], attributes: { repeats: [3] } },
      { inputs: [reals([2, size])], attributes: { repeats: [2, 2] } },
      { inputs: [integers([2, 3])], attributes: { repeats: [1, size] } },
    ],
    decompose: ({ inputs: [x], output, attributes: { repeats } }) =>
      x
        .reshape(x.shape.flatMap((size) => [1, size]))
        .broadcastTo(x.shape.flatMap((size, axis) => [repeats[axis]!, size]))
        .reshape(output.shape),
    simplify: ({ inputs: [x], attributes: { repeats } }) => (repeats.every((count) => count === 1) ? x : null),
  }),
  /** Padding with what stands inside: mirrored without the edge (`reflect`), the edge itself, or from the other end (`wrap`). */
  padWith: op<{ mode: PadMode; before: readonly number[]; after: readonly number[] }>({
    type([x], { mode, before, after }) {
      const most = (size: number) => (mode === "reflect" ? size - 1 : size === 0 ? 0 : Number.POSITIVE_INFINITY);
      expectThat(
        [before, after].every(
          (list) =>
            list.length === x.shape.length && list.every((n, axis) => n === 0 || (n > 0 && n <= most(x.shape[axis]!))),
        ),
        `padding [${before}] and [${after}] does not fit ${showShape(x.shape)}`,
        "give counts of at least 0, and below the axis's size when reflecting",
      );
      return { dtype: x.dtype, shape: x.shape.map((size, axis) => before[axis]! + size + after[axis]!) };
    },
    reference([x], y, { mode, before }) {
      forEachIndex(y.shape, (index, position) => {
        const source = index.map((i, axis) => PAD_SOURCES[mode](i - before[axis]!, x.shape[axis]!));
        y.data[position] = x.data[positionOf(source, x.shape)]!;
      });
    },
    onnx: (emit, [x], { inputs: [input], attributes: { mode, before, after } }) => {
      if (mode !== "wrap") return emit.node("Pad", [x, emit.int64([...before, ...after])], { mode: { string: mode } });
      return touched(before.map((n, axis) => n + after[axis]! > 0)).reduce((y, axis) => {
        const length = before[axis]! + input.shape[axis]! + after[axis]!;
        const indices = Array.from({ length }, (_, i) => PAD_SOURCES.wrap(i - before[axis]!, input.shape[axis]!));
        return emit.node("Gather", [y, emit.int64(indices)], { axis: { int: axis } });
      }, x);
    },
    samples: (size) =>
      size === 0
        ? []
        : [
            { inputs: [reals([size])], attributes: { mode: "edge", before: [2], after: [3] } },
            { inputs: [reals([3, size])], attributes: { mode: "reflect", before: [2, 0], after: [1, size - 1] } },
            { inputs: [reals([2, size])], attributes: { mode: "wrap", before: [0, size + 1], after: [0, 2] } },
            { inputs: [integers([size, 2])], attributes: { mode: "edge", before: [1, 0], after: [0, 1] } },
          ],
    decompose: ({ inputs: [x], output, attributes: { mode, before } }) =>
      output.shape.reduce((y, length, axis) => {
        const size = x.shape[axis]!;
        if (length === size) return y;
        return y.gather(x.constant(indexList(length, (i) => PAD_SOURCES[mode](i - before[axis]!, size))), axis);
      }, x),
  }),
};
