/** @file Ops that move elements without computing: reshape, permute, broadcast, slice, pad, concat, and `part` of many. */
import { type NdArray, type Shape, showShape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { expectRank, expectSameDType, expectShape, expectThat } from "./expect.ts";
import { around, forEachIndex, positionOf } from "./loops.ts";
import { type None, op } from "./op.ts";
import { booleans, integers, reals } from "./samples.ts";

/** Which axes a slice, or a pad, touches: the others may hold the batch, whose size an exported file leaves open. */
function touched(...rows: readonly (readonly boolean[])[]): number[] {
  return rows[0]!.flatMap((_, axis) => (rows.some((row) => row[axis]) ? [axis] : []));
}

export type PadMode = "reflect" | "edge" | "wrap";

/** Where position i of an axis of n, which may lie outside it, takes its value from. */
const PAD_SOURCES: Readonly<Record<PadMode, (i: number, n: number) => number>> = {
  reflect: (i, n) => n - 1 - Math.abs(n - 1 - Math.abs(i)),
  edge: (i, n) => Math.max(0, Math.min(n - 1, i)),
  wrap: (i, n) => ((i % n) + n) % n,
};

/** Zeros of `shape` with the elements of `piece` where a slice from `starts` by `steps` would read them. */
export function unslice(piece: Tensor, starts: readonly number[], steps: readonly number[], shape: Shape): Tensor {
  // A step of s: each element followed by s − 1 zeros, then cut or filled to the size that there is.
  const spaced = piece
    .reshape(piece.shape.flatMap((size) => [size, 1]))
    .pad(
      piece.shape.flatMap(() => [0, 0]),
      steps.flatMap((step) => [0, step - 1]),
    )
    .reshape(piece.shape.map((size, axis) => size * steps[axis]!));
  const room = shape.map((size, axis) => size - starts[axis]!);
  const cut = spaced.slice(
    [],
    spaced.shape.map((size, axis) => Math.min(size, room[axis]!)),
  );
  return cut.pad(
    starts,
    room.map((size, axis) => size - cut.shape[axis]!),
  );
}

/** The tensors that a concat along this axis puts side by side, or this one alone. */
function blocksOf(x: Tensor, axis: number): readonly Tensor[] {
  return x.node.op === "concat" && x.node.attributes.axis === axis ? x.inputs : [x];
}

/** Two blocks in zeros, neighbours along one axis and in the same place along all others, as one block. */
function sideBySide(a: Tensor, b: Tensor): Tensor | null {
  type Pad = { readonly before: readonly number[]; readonly after: readonly number[]; readonly value: number };
  const [p, q] = [a, b].map(({ node }) => node.attributes as unknown as Pad) as [Pad, Pad];
  const apart = a.shape.flatMap((_, axis) =>
    p.before[axis] !== q.before[axis] || p.after[axis] !== q.after[axis] ? [axis] : [],
  );
  const [axis] = apart;
  if (axis === undefined || apart.length > 1 || p.value !== 0 || q.value !== 0) return null;
  if (p.before[axis]! > q.before[axis]!) return sideBySide(b, a);
  const [left, right] = [a.inputs[0]!, b.inputs[0]!];
  if (p.before[axis]! + left.shape[axis]! !== q.before[axis]!) return null;
  const [first, ...others] = [...blocksOf(left, axis), ...blocksOf(right, axis)];
  return first!.concat(others, axis).pad(p.before, q.after);
}

/** A list of indices as a constant. */
export function indexList(length: number, at: (i: number) => number): NdArray {
  return { dtype: "I32", shape: [length], data: Int32Array.from({ length }, (_, i) => at(i)) };
}

export const movement = {
  /** The same elements in the same order under another shape. */
  reshape: op<{ shape: Shape }>({
    type([x], { shape }) {
      expectThat(
        sizeOf(shape) === sizeOf(x.shape),
        `cannot reshape ${showShape(x.shape)} (${sizeOf(x.shape)} elements) to ${showShape(shape)} (${sizeOf(shape)})`,
        "both shapes must hold the same number of elements",
      );
      return { dtype: x.dtype, shape };
    },
    gradient: [(dy, { inputs: [x] }) => dy.reshape(x.shape)],
    reference: ([x], y) => y.data.set(x.data),
    onnx: (emit, [x], { output }) => emit.node("Reshape", [x, emit.shape(output.shape)]),
    samples: (size) => [
      { inputs: [reals([2, size, 3])], attributes: { shape: [size * 2, 3] } },
      { inputs: [integers([size])], attributes: { shape: [1, size, 1] } },
      { inputs: [reals([])], attributes: { shape: [1] } },
    ],
    cost: () => 0,
    simplify({ inputs: [x], output }) {
      const inner = x.node.op === "reshape" ? x.inputs[0]! : x;
      if (inner.shape.join() === output.shape.join()) return inner;
      return inner === x ? null : inner.reshape(output.shape);
    },
  }),
  /** Output axis i is input axis `axes[i]`. */
  permute: op<{ axes: readonly number[] }>({
    type([x], { axes }) {
      const isPermutation = axes.length === x.shape.length && x.shape.every((_, axis) => axes.includes(axis));
      expectThat(isPermutation, `axes [${axes}] do not permute ${showShape(x.shape)}`, "name every axis once");
      return { dtype: x.dtype, shape: axes.map((axis) => x.shape[axis]!) };
    },
    gradient: [(dy, { attributes: { axes } }) => dy.permute(axes.map((_, axis) => axes.indexOf(axis)))],
    reference([x], y, { axes }) {
      const source = new Array<number>(axes.length).fill(0);
      forEachIndex(y.shape, (index, position) => {
        axes.forEach((axis, i) => {
          source[axis] = index[i]!;
        });
        y.data[position] = x.data[positionOf(source, x.shape)]!;
      });
    },
    onnx: (emit, [x], { attributes: { axes } }) => emit.node("Transpose", [x], { perm: { ints: axes } }),
    samples: (size) => [
      { inputs: [reals([size, 3])], attributes: { axes: [1, 0] } },
      { inputs: [reals([2, size, 5])], attributes: { axes: [0, 2, 1] } },
      { inputs: [reals([2, 3, size])], attributes: { axes: [2, 0, 1] } },
      { inputs: [integers([2, size, 3, 2])], attributes: { axes: [0, 2, 1, 3] } },
    ],
    simplify({ inputs: [x], attributes: { axes } }) {
      if (axes.every((axis, i) => axis === i)) return x;
      if (x.node.op !== "permute") return null;
      const inner = x.node.attributes.axes as readonly number[];
      return x.inputs[0]!.permute(axes.map((axis) => inner[axis]!));
    },
  }),
  /** Repeats the input over new outer axes and along axes of size 1 (NumPy: aligned at the last axis). */
  broadcast: op<{ shape: Shape }>({
    type([x], { shape }) {
      const offset = shape.length - x.shape.length;
      expectThat(
        offset >= 0 && x.shape.every((dimension, axis) => dimension === 1 || dimension === shape[axis + offset]),
        `${showShape(x.shape)} does not broadcast to ${showShape(shape)}`,
        "sizes must be equal, or 1, when aligned at the last axis",
      );
      return { dtype: x.dtype, shape };
    },
    gradient: [
      (dy, { inputs: [x], output }) => {
        const offset = output.shape.length - x.shape.length;
        const repeated = output.shape.flatMap((size, axis) => (x.shape[axis - offset] === size ? [] : [axis]));
        return dy.sum(repeated).reshape(x.shape);
      },
    ],
    reference([x], y) {
      const offset = y.shape.length - x.shape.length;
      forEachIndex(y.shape, (index, position) => {
        const source = x.shape.map((dimension, axis) => (dimension === 1 ? 0 : index[axis + offset]!));
        y.data[position] = x.data[positionOf(source, x.shape)]!;
      });
    },
    onnx: (emit, [x], { output }) => emit.node("Expand", [x, emit.shape(output.shape)]),
    samples: (size) => [
      { inputs: [reals([])], attributes: { shape: [size] } },
      { inputs: [reals([size])], attributes: { shape: [3, size] } },
      { inputs: [reals([size, 1])], attributes: { shape: [size, 3] } },
      { inputs: [reals([1, 3, 1])], attributes: { shape: [2, size, 3, 4] } },
      { inputs: [integers([1])], attributes: { shape: [2, size] } },
    ],
    simplify: ({ inputs: [x], output }) => (x.shape.join() === output.shape.join() ? x : null),
  }),
  /** Every `steps[a]`-th element of axis a from `starts[a]` up to, not including, `ends[a]`. Steps are positive. */
  slice: op<{ starts: readonly number[]; ends: readonly number[]; steps: readonly number[] }>({
    type([x], { starts, ends, steps }) {
      const isInside = x.shape.every(
        (size, axis) => starts[axis]! >= 0 && starts[axis]! <= ends[axis]! && ends[axis]! <= size && steps[axis]! >= 1,
      );
      expectThat(
        isInside && [starts, ends, steps].every((list) => list.length === x.shape.length),
        `slice [${starts}] to [${ends}] by [${steps}] does not lie in ${showShape(x.shape)}`,
        "give 0 ≤ start ≤ end ≤ size and a step of at least 1, for every axis",
      );
      return { dtype: x.dtype, shape: starts.map((start, axis) => Math.ceil((ends[axis]! - start) / steps[axis]!)) };
    },
    gradient: [(dy, { inputs: [x], attributes: { starts, steps } }) => unslice(dy, starts, steps, x.shape)],
    reference([x], y, { starts, steps }) {
      forEachIndex(y.shape, (index, position) => {
        const source = index.map((i, axis) => starts[axis]! + i * steps[axis]!);
        y.data[position] = x.data[positionOf(source, x.shape)]!;
      });
    },
    onnx: (emit, [x], { inputs: [input], attributes: { starts, ends, steps } }) => {
      const axes = touched(
        starts.map((start) => start !== 0),
        ends.map((end, axis) => end !== input.shape[axis]),
        steps.map((step) => step !== 1),
      );
      const at = (list: readonly number[]) => emit.int64(axes.map((axis) => list[axis]!));
      return axes.length === 0 ? x : emit.node("Slice", [x, at(starts), at(ends), emit.int64(axes), at(steps)]);
    },
    samples: (size) => [
      { inputs: [reals([size])], attributes: { starts: [0], ends: [size], steps: [1] } },
      { inputs: [reals([size + 3])], attributes: { starts: [2], ends: [size + 2], steps: [1] } },
      { inputs: [reals([size + 1])], attributes: { starts: [1], ends: [size + 1], steps: [2] } },
      { inputs: [reals([3, size])], attributes: { starts: [1, 0], ends: [3, size], steps: [1, 3] } },
      { inputs: [integers([2, size, 4])], attributes: { starts: [0, 0, 1], ends: [2, size, 3], steps: [1, 1, 1] } },
    ],
    simplify: ({ inputs: [x], output }) => (x.shape.join() === output.shape.join() ? x : null),
  }),
  /** `before[a]` and `after[a]` elements of `value` around axis a. */
  pad: op<{ before: readonly number[]; after: readonly number[]; value: number }>({
    type([x], { before, after }) {
      expectThat(
        [before, after].every((list) => list.length === x.shape.length && list.every((count) => count >= 0)),
        `padding [${before}] and [${after}] does not fit ${showShape(x.shape)}`,
        "give a count of at least 0 before and after, for every axis",
      );
      return { dtype: x.dtype, shape: x.shape.map((size, axis) => before[axis]! + size + after[axis]!) };
    },
    gradient: [
      (dy, { inputs: [x], attributes: { before } }) =>
        dy.slice(
          before,
          x.shape.map((size, axis) => before[axis]! + size),
        ),
    ],
    reference([x], y, { before, value }) {
      y.data.fill(value);
      forEachIndex(x.shape, (index, position) => {
        y.data[
          positionOf(
            index.map((i, axis) => i + before[axis]!),
            y.shape,
          )
        ] = x.data[position]!;
      });
    },
    onnx: (emit, [x], { output, attributes: { before, after, value } }) =>
      emit.node("Pad", [x, emit.int64([...before, ...after]), emit.scalar(value, output.dtype)]),
    samples: (size) => [
      { inputs: [reals([size])], attributes: { before: [2], after: [1], value: 0 } },
      { inputs: [reals([3, size])], attributes: { before: [0, 1], after: [2, 0], value: -1.5 } },
      { inputs: [reals([2, size, 3])], attributes: { before: [1, 0, 1], after: [0, 2, 1], value: 0 } },
      { inputs: [integers([size])], attributes: { before: [0], after: [3], value: 7 } },
    ],
    sum: sideBySide,
    simplify: ({ inputs: [x], output }) => (x.shape.join() === output.shape.join() ? x : null),
  }),
  /** The inputs, one after the other along `axis`; other axes agree. */
  concat: op<{ axis: number }>({
    type(inputs, { axis }) {
      const [first] = inputs;
      expectThat(first !== undefined, "concat of nothing", "give at least one tensor");
      expectSameDType(inputs);
      expectRank(first, 1, "the first tensor");
      for (const input of inputs) {
        expectShape(input, first.shape.with(axis, input.shape[axis] ?? 0), "a tensor of the concat");
      }
      const length = inputs.reduce((sum, input) => sum + input.shape[axis]!, 0);
      return { dtype: first.dtype, shape: first.shape.with(axis, length) };
    },
    gradient: [
      (dy, { inputs, attributes: { axis }, index }) => {
        const start = inputs.slice(0, index).reduce((sum, input) => sum + input.shape[axis]!, 0);
        const zero = dy.shape.map(() => 0);
        return dy.slice(zero.with(axis, start), dy.shape.with(axis, start + inputs[index]!.shape[axis]!));
      },
    ],
    reference(inputs, y, { axis }) {
      const whole = around(y.shape, axis);
      let start = 0;
      for (const x of inputs) {
        const chunk = x.shape[axis]! * whole.inner;
        for (let outer = 0; outer < whole.outer; outer++) {
          const target = outer * whole.length * whole.inner + start;
          for (let i = 0; i < chunk; i++) y.data[target + i] = x.data[outer * chunk + i]!;
        }
        start += chunk;
      }
    },
    onnx: (emit, inputs, { attributes: { axis } }) => emit.node("Concat", inputs, { axis: { int: axis } }),
    samples: (size) => [
      { inputs: [reals([size]), reals([3])], attributes: { axis: 0 } },
      { inputs: [reals([2, size]), reals([2, 1]), reals([2, size])], attributes: { axis: 1 } },
      { inputs: [reals([2, 3, 4]), reals([2, size, 4])], attributes: { axis: 1 } },
      { inputs: [booleans([size, 2]), booleans([1, 2])], attributes: { axis: 0 } },
    ],
    simplify: ({ inputs }) => (inputs.length === 1 ? inputs[0] : null),
  }),
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
  /** One result of an op with several. The reverse pass and the executors know it, so that rules see single tensors. */
  part: op<{ index: number }>({
    type([many], { index }) {
      const type = many.parts?.[index];
      expectThat(type !== undefined, `there is no result ${index}`, "only ops with several results have parts");
      return { dtype: type.dtype, shape: type.shape };
    },
    gradient: [null],
    reference: ([result], y) => y.data.set(result.data),
    onnx: { form: "none", because: "it is emitted with the op that it is a part of" },
    samples: () => [],
    cost: () => 0,
  }),
  /** The input itself, as a constant to the reverse pass. */
  stopGradient: op<None>({
    type: ([x]) => ({ dtype: x.dtype, shape: x.shape }),
    gradient: [null],
    reference: ([x], y) => y.data.set(x.data),
    onnx: "Identity",
    samples: (size) => [{ inputs: [reals([size])], attributes: {} }],
    cost: () => 0,
    decompose: ({ inputs: [x] }) => x,
  }),
};
