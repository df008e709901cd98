/** @file Ops that cut pieces out, put them together, and put something around them: slice, pad, concat. */
import { type Shape, showShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { expectRank, expectSameDType, expectShape, expectThat } from "./expect.ts";
import { around, forEachIndex, positionOf } from "./loops.ts";
import { op } from "./op.ts";
import { booleans, integers, reals } from "./samples.ts";

/** Which axes a slice, or a pad, touches: the others may hold the batch, whose size an exported file leaves open. */
export function touched(...rows: readonly (readonly boolean[])[]): number[] {
  return rows[0]!.flatMap((_, axis) => (rows.some((row) => row[axis]) ? [axis] : []));
}

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

export const slicing = {
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
};
