/** @file Ops that fold axes away: sums, products, extremes, means, and where the extremes stand. */
import type { DType } from "../dtype.ts";
import type { NodeType } from "../graph.ts";
import { type Shape, sizeOf, type TensorType } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { expectDType, expectThat } from "./expect.ts";
import { forEachIndex, forEachLine, positionOf } from "./loops.ts";
import { type CheckedOp, type OnnxForm, op, type ReferenceArray, type Sample } from "./op.ts";
import { reals } from "./samples.ts";

/** `axes` sorted, not negative, unique. Reduced axes vanish, or stay with size 1. */
export type ReductionAttributes = { axes: readonly number[]; keepDims: boolean };

/** The shape with the reduced axes at 1. */
function keptShape(shape: Shape, axes: readonly number[]): number[] {
  return shape.map((dimension, axis) => (axes.includes(axis) ? 1 : dimension));
}

function reducedType(x: TensorType, { axes, keepDims }: ReductionAttributes): NodeType {
  const shape = keepDims ? keptShape(x.shape, axes) : x.shape.filter((_, axis) => !axes.includes(axis));
  return { dtype: x.dtype, shape };
}

/** A reduced value (or its gradient) stretched back over `x`. */
export function spread(reduced: Tensor, x: TensorType, axes: readonly number[]): Tensor {
  return reduced.reshape(keptShape(x.shape, axes)).broadcastTo(x.shape);
}

/** How many elements fold into one. */
function countOf(x: TensorType, axes: readonly number[]): number {
  return axes.reduce((count, axis) => count * x.shape[axis]!, 1);
}

/** Starts every output at `initial` and takes the elements in one by one, in C order. */
export function fold(
  x: ReferenceArray,
  y: ReferenceArray,
  axes: readonly number[],
  initial: number,
  combine: (total: number, element: number) => number,
): void {
  const kept = keptShape(x.shape, axes);
  y.data.fill(initial);
  forEachIndex(x.shape, (index, position) => {
    const target = positionOf(
      index.map((i, axis) => (axes.includes(axis) ? 0 : i)),
      kept,
    );
    y.data[target] = combine(y.data[target]!, x.data[position]!);
  });
}

/** Before opset 18 the axes are an attribute, but for ReduceSum. */
function reduceForm(operator: string): OnnxForm<ReductionAttributes> {
  return (emit, [x], { attributes: { axes, keepDims } }) =>
    emit.opset >= 18 || operator === "ReduceSum"
      ? emit.node(operator, [x, emit.int64(axes)], { keepdims: { int: Number(keepDims) } })
      : emit.node(operator, [x], { axes: { ints: axes }, keepdims: { int: Number(keepDims) } });
}

/** Shapes in which the first, the last, a middle and all axes are reduced; every one varies somewhere. */
function reductionSamples(size: number, low?: number, high?: number): Sample<ReductionAttributes>[] {
  return [
    { inputs: [reals([size], low, high)], attributes: { axes: [0], keepDims: false } },
    { inputs: [reals([3, size], low, high)], attributes: { axes: [1], keepDims: false } },
    { inputs: [reals([size, 3], low, high)], attributes: { axes: [0], keepDims: true } },
    { inputs: [reals([2, size, 3], low, high)], attributes: { axes: [1], keepDims: false } },
    { inputs: [reals([2, size, 3], low, high)], attributes: { axes: [0, 2], keepDims: true } },
    { inputs: [reals([2, 3, size], low, high)], attributes: { axes: [0, 1, 2], keepDims: false } },
  ];
}

interface Reduction {
  initial: number;
  combine: (total: number, element: number) => number;
  /** With the gradient already stretched over x, and the output too. */
  gradient: (dy: Tensor, x: Tensor, y: Tensor, axes: readonly number[]) => Tensor;
  onnx: string;
  dtypes?: readonly DType[];
}

function reduction({
  initial,
  combine,
  gradient,
  onnx,
  dtypes = ["F32", "I32"],
}: Reduction): CheckedOp<ReductionAttributes> {
  return op<ReductionAttributes>({
    type([x], attributes) {
      expectDType(x, ...dtypes);
      return reducedType(x, attributes);
    },
    gradient: [
      (dy, { inputs: [x], output, attributes: { axes } }) =>
        gradient(spread(dy, x, axes), x, spread(output, x, axes), axes),
    ],
    reference: ([x], y, { axes }) =>
      fold(x, y, axes, x.dtype === "I32" ? Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, initial)) : initial, combine),
    onnx: reduceForm(onnx),
    samples: (size) => reductionSamples(size),
    cost: ({ inputs: [x] }) => sizeOf(x!.shape),
    simplify: ({ inputs: [x], output, attributes: { axes } }) => (axes.length === 0 ? x.reshape(output.shape) : null),
  });
}

/** Shared evenly among all elements that equal the extreme, as PyTorch's `amax` does. */
const toExtremes: Reduction["gradient"] = (dy, x, y, axes) => {
  const chosen = x.equal(y).cast("F32");
  return dy.mul(chosen).div(spread(chosen.sum(axes), x, axes));
};

/**
 * The product of all other elements: y / x, but where x is 0 the product of the rest. Exact in the first derivative;
 * the second is exact where at most one element of a product is 0 and it is not the one differentiated twice.
 */
const ofProduct: Reduction["gradient"] = (dy, x, y, axes) => {
  const isZero = x.equal(0);
  const ofRest = isZero.where(1, x).prod(axes);
  const onlyZero = spread(isZero.cast("F32").sum(axes), x, axes).equal(1).logicalAnd(isZero);
  return dy.mul(isZero.where(onlyZero.where(spread(ofRest, x, axes), 0), y.div(isZero.where(1, x))));
};

/** Where the extreme stands along one axis: I32, the first of equals; NaN counts as the extreme, as in NumPy. */
function extremePosition(operator: string, isBetter: (a: number, b: number) => boolean): CheckedOp<{ axis: number }> {
  return op<{ axis: number }>({
    type([x], { axis }) {
      expectDType(x, "F32", "I32");
      expectThat(
        x.shape[axis] !== 0,
        "the extreme of an empty axis has no position",
        "check that the axis has elements",
      );
      return { dtype: "I32", shape: x.shape.filter((_, other) => other !== axis) };
    },
    gradient: [null],
    reference([x], y, { axis }) {
      forEachLine(x.shape, axis, (start, stride, length, line) => {
        let best = 0;
        for (let i = 1; i < length; i++) {
          const candidate = x.data[start + i * stride]!;
          const champion = x.data[start + best * stride]!;
          if (isBetter(candidate, champion) || (Number.isNaN(candidate) && !Number.isNaN(champion))) best = i;
        }
        y.data[line] = best;
      });
    },
    onnx: (emit, [x], { attributes: { axis } }) =>
      emit.cast(emit.node(operator, [x], { axis: { int: axis }, keepdims: { int: 0 } }), "I32"),
    samples: (size) =>
      size === 0
        ? []
        : [
            { inputs: [reals([size])], attributes: { axis: 0 } },
            { inputs: [reals([3, size])], attributes: { axis: 1 } },
            { inputs: [reals([2, size, 3])], attributes: { axis: 1 } },
            { inputs: [{ dtype: "I32", shape: [4, size], low: 0, high: 3 }], attributes: { axis: 1 } },
          ],
    cost: ({ inputs: [x] }) => sizeOf(x!.shape),
  });
}

/** Of an empty set: 0 for sum, 1 for prod, −∞ for max, ∞ for min (in I32 the smallest, the largest), NaN for mean. */
export const reductions = {
  sum: reduction({ initial: 0, combine: (total, x) => total + x, gradient: (dy) => dy, onnx: "ReduceSum" }),
  prod: reduction({
    initial: 1,
    combine: (total, x) => total * x,
    gradient: ofProduct,
    onnx: "ReduceProd",
    dtypes: ["F32"],
  }),
  max: reduction({
    initial: Number.NEGATIVE_INFINITY,
    combine: Math.max,
    gradient: toExtremes,
    onnx: "ReduceMax",
  }),
  min: reduction({
    initial: Number.POSITIVE_INFINITY,
    combine: Math.min,
    gradient: toExtremes,
    onnx: "ReduceMin",
  }),
  mean: op<ReductionAttributes>({
    type([x], attributes) {
      expectDType(x, "F32");
      return reducedType(x, attributes);
    },
    gradient: [(dy, { inputs: [x], attributes: { axes } }) => spread(dy.div(countOf(x, axes)), x, axes)],
    reference([x], y, { axes }) {
      fold(x, y, axes, 0, (total, element) => total + element);
      for (let i = 0; i < y.data.length; i++) y.data[i]! /= countOf(x, axes);
    },
    onnx: reduceForm("ReduceMean"),
    samples: (size) => reductionSamples(size),
    cost: ({ inputs: [x] }) => sizeOf(x!.shape),
    decompose: ({ inputs: [x], attributes: { axes, keepDims } }) => x.sum(axes, { keepDims }).div(countOf(x, axes)),
  }),
  /** Mean squared distance from the mean, over n − correction (0: of a population; 1: Bessel's, of a sample). */
  variance: op<ReductionAttributes & { correction: number }>({
    type([x], attributes) {
      expectDType(x, "F32");
      return reducedType(x, attributes);
    },
    gradient: [
      (dy, { inputs: [x], attributes: { axes, correction } }) =>
        spread(dy.mul(2 / (countOf(x, axes) - correction)), x, axes).mul(x.sub(x.mean(axes, { keepDims: true }))),
    ],
    reference([x], y, { axes, correction }) {
      const mean = { ...y, data: new Float64Array(y.data.length) };
      fold(x, mean, axes, 0, (total, element) => total + element / countOf(x, axes));
      const kept = keptShape(x.shape, axes);
      y.data.fill(0);
      forEachIndex(x.shape, (index, position) => {
        const target = positionOf(
          index.map((i, axis) => (axes.includes(axis) ? 0 : i)),
          kept,
        );
        y.data[target]! += (x.data[position]! - mean.data[target]!) ** 2;
      });
      for (let i = 0; i < y.data.length; i++) y.data[i]! /= countOf(x, axes) - correction;
    },
    onnx: { form: "decomposition" },
    samples: (size) =>
      size < 2
        ? reductionSamples(size).map(({ inputs, attributes }) => ({
            inputs,
            attributes: { ...attributes, correction: 0 },
          }))
        : reductionSamples(size).flatMap(({ inputs, attributes }) =>
            [0, 1].map((correction) => ({ inputs, attributes: { ...attributes, correction } })),
          ),
    cost: ({ inputs: [x] }) => 3 * sizeOf(x!.shape),
    decompose: ({ inputs: [x], attributes: { axes, keepDims, correction } }) =>
      x
        .sub(x.mean(axes, { keepDims: true }))
        .square()
        .sum(axes, { keepDims })
        .div(countOf(x, axes) - correction),
  }),
  /** log Σ exp(x), computed from the largest element so that nothing overflows; −∞ for an empty set. */
  logSumExp: op<ReductionAttributes>({
    type([x], attributes) {
      expectDType(x, "F32");
      return reducedType(x, attributes);
    },
    gradient: [
      (dy, { inputs: [x], output, attributes: { axes } }) =>
        spread(dy, x, axes).mul(x.sub(spread(output, x, axes)).exp()),
    ],
    reference([x], y, { axes }) {
      const largest = { ...y, data: new Float64Array(y.data.length) };
      fold(x, largest, axes, Number.NEGATIVE_INFINITY, Math.max);
      const kept = keptShape(x.shape, axes);
      y.data.fill(0);
      forEachIndex(x.shape, (index, position) => {
        const target = positionOf(
          index.map((i, axis) => (axes.includes(axis) ? 0 : i)),
          kept,
        );
        const top = largest.data[target]!;
        y.data[target]! += Math.exp(x.data[position]! - (Number.isFinite(top) ? top : 0));
      });
      for (let i = 0; i < y.data.length; i++) {
        const top = largest.data[i]!;
        y.data[i] = Math.log(y.data[i]!) + (Number.isFinite(top) ? top : 0);
      }
    },
    onnx: reduceForm("ReduceLogSumExp"),
    samples: (size) => reductionSamples(size),
    cost: ({ inputs: [x] }) => 12 * sizeOf(x!.shape),
    decompose({ inputs: [x], output, attributes: { axes } }) {
      const top = x.max(axes).stopGradient();
      const shift = top.abs().less(Number.POSITIVE_INFINITY).where(top, 0);
      return x
        .sub(spread(shift, x, axes))
        .exp()
        .sum(axes)
        .log()
        .add(shift)
        .reshape(output.shape);
    },
  }),
  argMax: extremePosition("ArgMax", (a, b) => a > b),
  argMin: extremePosition("ArgMin", (a, b) => a < b),
};
