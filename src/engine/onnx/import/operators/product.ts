/** @file Products: matrices, einsum, convolutions. */
import { einsum } from "../../../einsum.ts";
import type { Shape } from "../../../shape.ts";
import type { Tensor } from "../../../tensor.ts";
import type { Call, Operator } from "../call.ts";

/** As NumPy's `matmul`: a vector is a row on the left, a column on the right, and its axis goes again. */
export function matmul(a: Tensor, b: Tensor): Tensor {
  const left = a.shape.length === 1 ? a.reshape([1, a.shape[0]!]) : a;
  const right = b.shape.length === 1 ? b.reshape([b.shape[0]!, 1]) : b;
  const product = left.matmul(right);
  const kept = product.shape.filter(
    (_, axis, { length }) =>
      !(a.shape.length === 1 && axis === length - 2) && !(b.shape.length === 1 && axis === length - 1),
  );
  return product.reshape(kept);
}

function gemm(call: Call): Tensor {
  const [a, b] = [call.tensor(0), call.tensor(1)];
  const left = call.int("transA", 0) === 1 ? a.transpose() : a;
  const right = call.int("transB", 0) === 1 ? b.transpose() : b;
  const [alpha, beta] = [call.float("alpha", 1), call.float("beta", 1)];
  const product = alpha === 1 ? left.matmul(right) : left.matmul(right).mul(alpha);
  const c = call.optional(2);
  return c === undefined ? product : product.add(beta === 1 ? c : c.mul(beta));
}

/** How windows slide, by spatial axis. */
export interface Windowing {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padding: readonly (readonly [before: number, after: number])[];
}

/** Attributes of windows as ours; `auto_pad` decides the padding where it is set. */
export function slidingOptions(call: Call, size: Shape, window: Shape): Windowing {
  const rank = size.length;
  const ones = new Array<number>(rank).fill(1);
  const [strides, dilations] = [call.ints("strides", ones), call.ints("dilations", ones)];
  const pads = call.ints("pads", new Array<number>(2 * rank).fill(0));
  const auto = call.string("auto_pad", "NOTSET");
  const padding = size.map((length, axis): [number, number] => {
    if (auto === "VALID") return [0, 0];
    if (auto !== "SAME_UPPER" && auto !== "SAME_LOWER") return [pads[axis]!, pads[axis + rank]!];
    const seen = (window[axis]! - 1) * dilations[axis]! + 1;
    const total = Math.max(0, (Math.ceil(length / strides[axis]!) - 1) * strides[axis]! + seen - length);
    const [less, more] = [Math.floor(total / 2), Math.ceil(total / 2)];
    return auto === "SAME_UPPER" ? [less, more] : [more, less];
  });
  return { strides, dilations, padding };
}

/** [channels] beside [n, channels, ...size]. */
export function perChannel(vector: Tensor, rank: number): Tensor {
  return vector.reshape([vector.shape[0]!, ...new Array<number>(Math.max(0, rank - 2)).fill(1)]);
}

function withBias(y: Tensor, bias: Tensor | undefined): Tensor {
  return bias === undefined ? y : y.add(perChannel(bias, y.shape.length));
}

function conv(call: Call): Tensor {
  const [x, weights] = [call.tensor(0), call.tensor(1)];
  const sliding = slidingOptions(call, x.shape.slice(2), weights.shape.slice(2));
  return withBias(x.conv(weights, { ...sliding, groups: call.int("group", 1) }), call.optional(2));
}

/** Output sizes: (size − 1) · stride + output padding + dilated window − pads, or as `output_shape` says. */
function convTranspose(call: Call): Tensor {
  const [x, weights] = [call.tensor(0), call.tensor(1)];
  const [places, window] = [x.shape.slice(2), weights.shape.slice(2)];
  const zeros = places.map(() => 0);
  const { strides, dilations, padding } = slidingOptions(call, places, window);
  const outputPadding = call.ints("output_padding", zeros);
  const spread = places.map(
    (size, axis) => (size - 1) * strides[axis]! + (window[axis]! - 1) * dilations[axis]! + 1 + outputPadding[axis]!,
  );
  const auto = call.string("auto_pad", "NOTSET");
  const isSame = auto.startsWith("SAME");
  const size = call.has("output_shape")
    ? call.ints("output_shape")
    : isSame
      ? places.map((length, axis) => length * strides[axis]!)
      : spread.map((length, axis) => length - padding[axis]![0] - padding[axis]![1]);
  const total = size.map((length, axis) => Math.max(0, spread[axis]! - length));
  const isComputed = call.has("output_shape") || isSame;
  const before = padding.map(([less], axis) =>
    !isComputed ? less : auto === "SAME_UPPER" ? Math.floor(total[axis]! / 2) : Math.ceil(total[axis]! / 2),
  );
  const after = padding.map(([, more], axis) => (isComputed ? total[axis]! - before[axis]! : more));
  const groups = call.int("group", 1);
  const y = x.imageGradient(weights, { strides, dilations, before, after, groups, size });
  return withBias(y, call.optional(2));
}

export const products: Readonly<Record<string, Operator>> = {
  MatMul: (call) => matmul(call.tensor(0), call.tensor(1)),
  Gemm: gemm,
  Einsum: (call) => einsum(call.string("equation"), ...(call.tensors() as [Tensor, Tensor])),
  Conv: conv,
  ConvTranspose: convTranspose,
};
