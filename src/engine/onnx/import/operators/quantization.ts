/** @file Integers that stand for real numbers, (q − zero) · scale: both ways, and products between. */
import type { Tensor } from "../../../tensor.ts";
import type { Call, Operator } from "../call.ts";
import { expectAxis } from "../impossible.ts";
import { type ElementType, FLOAT, factsOf, INT32, type Output } from "../value.ts";
import { matmul, perChannel, slidingOptions } from "./product.ts";

const UINT8 = 2;

/** One number for all, one for each place along an axis, or one for each block along it. */
function alongAxis(parameter: Tensor, x: Tensor, axis: number, block: number): Tensor {
  if (parameter.shape.length === 0 || (parameter.shape.length === 1 && parameter.shape[0] === 1))
    return parameter.reshape([]);
  const at = expectAxis(axis, x.shape.length);
  if (parameter.shape.length === 1) return parameter.reshape(x.shape.map((size, other) => (other === at ? size : 1)));
  if (block === 0) return parameter;
  const spread = parameter.reshape([...parameter.shape.slice(0, at + 1), 1, ...parameter.shape.slice(at + 1)]);
  const blocks = spread.broadcastTo([...parameter.shape.slice(0, at + 1), block, ...parameter.shape.slice(at + 1)]);
  const whole = blocks.reshape(parameter.shape.with(at, parameter.shape[at]! * block));
  return whole.slice([], x.shape);
}

function rangeOf(type: ElementType): readonly [number, number] {
  const { bits = 8, signed = false } = factsOf(type);
  return signed ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1];
}

/** Rounds to even, adds the zero point, stops at the type's range. */
function quantized(real: Tensor, zero: Tensor | undefined, type: ElementType): Output {
  const [low, high] = rangeOf(type);
  const shifted = zero === undefined ? real.round() : real.round().add(zero.cast("F32"));
  return { type, tensor: shifted.clamp(low, high).cast("I32") };
}

function quantizeLinear(call: Call): Output {
  const x = call.tensor(0).cast("F32");
  const [axis, block] = [call.int("axis", 1), call.int("block_size", 0)];
  const scale = alongAxis(call.tensor(1), x, axis, block);
  const zero = call.optional(2);
  const type = (call.inputs[2]?.type ?? (call.int("output_dtype", 0) || UINT8)) as ElementType;
  return quantized(x.div(scale), zero === undefined ? undefined : alongAxis(zero, x, axis, block), type);
}

function dequantizeLinear(call: Call): Output {
  const x = call.tensor(0).cast("F32");
  const [axis, block] = [call.int("axis", 1), call.int("block_size", 0)];
  const zero = call.optional(2);
  const centred = zero === undefined ? x : x.sub(alongAxis(zero.cast("F32"), x, axis, block));
  return { type: call.type(1), tensor: centred.mul(alongAxis(call.tensor(1), x, axis, block)) };
}

/** Range of the data, 0 included, in 255 steps. */
function dynamicQuantizeLinear(call: Call): readonly Output[] {
  const x = call.tensor(0);
  const [low, high] = [x.min().minimum(0), x.max().maximum(0)];
  const scale = high.sub(low).div(255);
  const zero = low.neg().div(scale).clamp(0, 255).round();
  return [
    quantized(x.div(scale), zero, UINT8),
    { type: FLOAT, tensor: scale },
    { type: UINT8, tensor: zero.cast("I32") },
  ];
}

/** Integers minus their zero point, as real numbers: exact up to 2^24. */
function centred(call: Call, x: number, zero: number, shape?: (zero: Tensor, x: Tensor) => Tensor): Tensor {
  const value = call.tensor(x).cast("F32");
  const point = call.optional(zero);
  if (point === undefined) return value;
  const real = point.cast("F32");
  return value.sub(shape === undefined ? real : shape(real, value));
}

/** A vector of zero points goes by rows on the left, by columns on the right. */
const byRows = (zero: Tensor): Tensor => (zero.shape.length === 1 && zero.shape[0]! > 1 ? zero.reshape([-1, 1]) : zero);

function matmulInteger(call: Call): Output {
  const product = matmul(centred(call, 0, 2, byRows), centred(call, 1, 3));
  return { type: INT32, tensor: product.cast("I32") };
}

/** Inputs: a, its scale, its zero; b, its scale, its zero; the result's scale and zero. */
function quantizedMatmul(call: Call): Output {
  const product = matmul(
    centred(call, 0, 2, byRows).mul(byRows(call.tensor(1))),
    centred(call, 3, 5).mul(call.tensor(4)),
  );
  return quantized(product.div(call.tensor(6)), call.tensor(7), call.type(7));
}

const byFilters = (zero: Tensor, weights: Tensor): Tensor =>
  zero.shape.length === 1 && zero.shape[0]! > 1 ? zero.reshape([-1, ...weights.shape.slice(1).map(() => 1)]) : zero;

function integerConv(call: Call, x: Tensor, weights: Tensor): Tensor {
  const sliding = slidingOptions(call, x.shape.slice(2), weights.shape.slice(2));
  return x.conv(weights, { ...sliding, groups: call.int("group", 1) });
}

function quantizedConv(call: Call): Output {
  const [x, weights] = [centred(call, 0, 2), centred(call, 3, 5, byFilters)];
  const sums = integerConv(call, x, weights);
  const bias = call.optional(8);
  const whole = bias === undefined ? sums : sums.add(perChannel(bias.cast("F32"), sums.shape.length));
  const scale = call.tensor(4);
  const perFilter =
    scale.shape.length === 1 && scale.shape[0]! > 1 ? perChannel(scale, sums.shape.length) : scale.reshape([]);
  const real = whole.mul(call.tensor(1).reshape([])).mul(perFilter);
  return quantized(real.div(call.tensor(6).reshape([])), call.tensor(7).reshape([]), call.type(7));
}

export const quantization: Readonly<Record<string, Operator>> = {
  QuantizeLinear: quantizeLinear,
  DequantizeLinear: dequantizeLinear,
  DynamicQuantizeLinear: dynamicQuantizeLinear,
  MatMulInteger: matmulInteger,
  ConvInteger: (call) => ({
    type: INT32,
    tensor: integerConv(call, centred(call, 0, 2), centred(call, 1, 3, byFilters)).cast("I32"),
  }),
  QLinearMatMul: quantizedMatmul,
  QLinearConv: quantizedConv,
};
