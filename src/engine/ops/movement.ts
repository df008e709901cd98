/** @file Ops that change the shape that elements stand in: reshape, permute, broadcast, and `part` of many. */
import { type Shape, showShape, sizeOf } from "../shape.ts";
import { expectThat } from "./expect.ts";
import { forEachIndex, positionOf } from "./loops.ts";
import { type None, op } from "./op.ts";
import { integers, reals } from "./samples.ts";

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
