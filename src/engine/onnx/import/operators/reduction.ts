/** @file Along axes: sums and their kin, arg-max, cumulative sums, softmax. */
import { sizeOf } from "../../../shape.ts";
import type { Tensor } from "../../../tensor.ts";
import type { Call, Operator } from "../call.ts";
import { INT64 } from "../value.ts";

interface Reduction {
  readonly axes: readonly number[] | undefined;
  readonly keepDims: boolean;
}

/** The axes are an attribute at first, an input since opset 13 (`ReduceSum`) or 18; none of them means all, or none at all. */
function reduced(
  apply: (x: Tensor, axes: readonly number[] | undefined, options: { keepDims: boolean }) => Tensor,
): Operator {
  return (call) => {
    const x = call.tensor(0);
    const { axes, keepDims } = reductionOf(call);
    if (axes === undefined && call.int("noop_with_empty_axes", 0) === 1) return apply(x, [], { keepDims: true });
    return apply(x, axes, { keepDims });
  };
}

function reductionOf(call: Call): Reduction {
  const axes = call.has("axes") ? call.ints("axes") : call.maybeNumbers(1);
  return { axes: axes?.length === 0 ? undefined : axes, keepDims: call.int("keepdims", 1) === 1 };
}

/** Maxima and minima of booleans are those of their numbers. */
const ordered =
  (apply: (x: Tensor, axes: readonly number[] | undefined, options: { keepDims: boolean }) => Tensor) =>
  (x: Tensor, axes: readonly number[] | undefined, options: { keepDims: boolean }): Tensor =>
    x.dtype === "BOOL" ? apply(x.cast("I32"), axes, options).cast("BOOL") : apply(x, axes, options);

/** Of integers by way of reals: exact up to 2^24, and a mean is cut. */
const inReals =
  (apply: (x: Tensor, axes: readonly number[] | undefined, options: { keepDims: boolean }) => Tensor) =>
  (x: Tensor, axes: readonly number[] | undefined, options: { keepDims: boolean }): Tensor =>
    x.dtype === "F32" ? apply(x, axes, options) : apply(x.cast("F32"), axes, options).cast(x.dtype);

const arg =
  (pick: (x: Tensor, axis: number) => Tensor): Operator =>
  (call) => {
    const x = call.tensor(0);
    const at = call.axis(x.shape.length, 0);
    const last = call.int("select_last_index", 0) === 1;
    const first = pick(last ? x.flip(at) : x, at);
    const place = last ? first.neg().add(x.shape[at]! - 1) : first;
    return { type: INT64, tensor: call.int("keepdims", 1) === 1 ? place.reshape(x.shape.with(at, 1)) : place };
  };

/** Before opset 13 all axes from `axis` on were one. */
function normalised(apply: (x: Tensor, axis: number) => Tensor): Operator {
  return (call) => {
    const x = call.tensor(0);
    if (call.opset >= 13) return apply(x, call.axis(x.shape.length, -1));
    const at = call.axis(x.shape.length, 1);
    return apply(x.reshape([sizeOf(x.shape.slice(0, at)), -1]), -1).reshape(x.shape);
  };
}

export const reductions: Readonly<Record<string, Operator>> = {
  ReduceSum: reduced((x, axes, options) => x.sum(axes, options)),
  ReduceMean: reduced(inReals((x, axes, options) => x.mean(axes, options))),
  ReduceMax: reduced(ordered((x, axes, options) => x.max(axes, options))),
  ReduceMin: reduced(ordered((x, axes, options) => x.min(axes, options))),
  ReduceProd: reduced(inReals((x, axes, options) => x.prod(axes, options))),
  ReduceL1: reduced((x, axes, options) => x.abs().sum(axes, options)),
  ReduceL2: reduced((x, axes, options) => x.square().sum(axes, options).sqrt()),
  ReduceSumSquare: reduced((x, axes, options) => x.square().sum(axes, options)),
  ReduceLogSum: reduced((x, axes, options) => x.sum(axes, options).log()),
  ReduceLogSumExp: reduced((x, axes, options) => x.logSumExp(axes, options)),
  ArgMax: arg((x, axis) => x.argMax(axis)),
  ArgMin: arg((x, axis) => x.argMin(axis)),
  CumSum: (call) =>
    call.tensor(0).cumulativeSum(call.numbers(1)[0]!, {
      exclusive: call.int("exclusive", 0) === 1,
      reverse: call.int("reverse", 0) === 1,
    }),
  Softmax: normalised((x, axis) => x.softmax(axis)),
  LogSoftmax: normalised((x, axis) => x.logSoftmax(axis)),
};
