/** @file Element by element: arithmetic, functions of one number, comparisons, logic, selection. */
import { type Tensor, where } from "../../../tensor.ts";
import type { Call, Operator } from "../call.ts";
import { BOOL, type ElementType, elementType, factsOf, type Output } from "../value.ts";
import { perChannel } from "./product.ts";

const of =
  (apply: (x: Tensor, call: Call) => Tensor): Operator =>
  (call) =>
    apply(call.tensor(0), call);
const ofTwo =
  (apply: (a: Tensor, b: Tensor) => Tensor): Operator =>
  (call) =>
    apply(call.tensor(0), call.tensor(1));
const ofMany =
  (apply: (a: Tensor, b: Tensor) => Tensor, end = (sum: Tensor, _count: number) => sum): Operator =>
  (call) =>
    end(call.tensors().reduce(apply), call.inputs.length);
/** A comparison of booleans is one of numbers. */
const numbersOf = (tensor: Tensor): Tensor => (tensor.dtype === "BOOL" ? tensor.cast("I32") : tensor);
const compare = (apply: (a: Tensor, b: Tensor) => Tensor): Operator =>
  ofTwo((a, b) => apply(numbersOf(a), numbersOf(b)));

/** An activation with ONNX's names for its constants. */
const leaky = (x: Tensor, slope: Tensor | number): Tensor => x.maximum(0).add(x.minimum(0).mul(slope));
/** A vector of slopes that fits no last axis is one for each channel, as files before opset 7 have it. */
const slopes = (slope: Tensor, x: Tensor): Tensor =>
  slope.shape.length === 1 && slope.shape[0] === x.shape[1] && slope.shape[0] !== x.shape.at(-1)
    ? perChannel(slope, x.shape.length)
    : slope;
const elu = (x: Tensor, alpha: number): Tensor => x.maximum(0).add(x.minimum(0).expm1().mul(alpha));

/**
 * @param target an element type of the file
 * @returns integers narrower than 32 bits wrapped, as a cast of two's complement does
 */
export function castTo(tensor: Tensor, target: ElementType): Output {
  const { computed, bits, signed } = factsOf(target);
  const cast = tensor.cast(computed);
  return { type: target, tensor: bits !== undefined && bits < 32 ? wrapped(cast, bits, signed === true) : cast };
}

/** x modulo 2^bits, in the range of the type. */
function wrapped(x: Tensor, bits: number, signed: boolean): Tensor {
  const [size, low] = [2 ** bits, signed ? -(2 ** (bits - 1)) : 0];
  return modulo(x.sub(low), size).add(low);
}

/** With the sign of the divisor, as Python's `%`. */
export function modulo(a: Tensor, b: Tensor | number): Tensor {
  const rest = remainder(a, b);
  const other = typeof b === "number" ? rest.constant(b, rest.dtype) : b;
  return where(rest.notEqual(0).logicalAnd(rest.less(0).notEqual(other.less(0))), rest.add(other), rest);
}

/** With the sign of the dividend, as C's `%` and `fmod`. */
function remainder(a: Tensor, b: Tensor | number): Tensor {
  const quotient = a.div(b);
  return a.sub((a.dtype === "I32" ? quotient : truncated(quotient)).mul(b));
}

const truncated = (x: Tensor): Tensor => where(x.less(0), x.ceil(), x.floor());

function power([base, exponent]: readonly Tensor[]): Tensor {
  if (base!.dtype !== "I32" && exponent!.dtype === "F32") return base!.pow(exponent!);
  const result = base!.cast("F32").pow(exponent!.cast("F32"));
  return base!.dtype === "I32" ? result.round().cast("I32") : result;
}

function clip(call: Call): Output {
  const x = call.tensor(0);
  const bound = (name: string, index: number): Tensor | number | undefined =>
    call.has(name) ? call.float(name) : call.optional(index);
  const [low, high] = [bound("min", 1), bound("max", 2)];
  const raised = low === undefined ? x : x.maximum(low);
  return high === undefined ? raised : raised.minimum(high);
}

const boolean = (tensor: Tensor): Output => ({ type: BOOL, tensor });

export const pointwise: Readonly<Record<string, Operator>> = {
  Add: ofTwo((a, b) => a.add(b)),
  Sub: ofTwo((a, b) => a.sub(b)),
  Mul: ofTwo((a, b) => a.mul(b)),
  Div: ofTwo((a, b) => a.div(b)),
  Mod: (call) => (call.int("fmod", 0) === 1 ? remainder : modulo)(call.tensor(0), call.tensor(1)),
  Pow: (call) => power(call.tensors()),
  Max: ofMany((a, b) => a.maximum(b)),
  Min: ofMany((a, b) => a.minimum(b)),
  Sum: ofMany((a, b) => a.add(b)),
  Mean: ofMany(
    (a, b) => a.add(b),
    (sum, count) => sum.div(count),
  ),
  Neg: of((x) => x.neg()),
  Abs: of((x) => x.abs()),
  Sign: of((x) => x.sign()),
  Sqrt: of((x) => x.sqrt()),
  Reciprocal: of((x) => x.reciprocal()),
  Exp: of((x) => x.exp()),
  Log: of((x) => x.log()),
  Sin: of((x) => x.sin()),
  Cos: of((x) => x.cos()),
  Tan: of((x) => x.tan()),
  Asin: of((x) => x.asin()),
  Acos: of((x) => x.acos()),
  Atan: of((x) => x.atan()),
  Sinh: of((x) => x.sinh()),
  Cosh: of((x) => x.cosh()),
  Asinh: of((x) => x.asinh()),
  Acosh: of((x) => x.acosh()),
  Atanh: of((x) => x.atanh()),
  Tanh: of((x) => x.tanh()),
  Sigmoid: of((x) => x.sigmoid()),
  Erf: of((x) => x.erf()),
  Floor: of((x) => x.floor()),
  Ceil: of((x) => x.ceil()),
  Round: of((x) => x.round()),
  Identity: (call) => call.inputs[0]!,
  Relu: of((x) => x.relu()),
  LeakyRelu: of((x, call) => leaky(x, call.float("alpha", 0.01))),
  PRelu: (call) => leaky(call.tensor(0), slopes(call.tensor(1), call.tensor(0))),
  ThresholdedRelu: of((x, call) => where(x.greater(call.float("alpha", 1)), x, 0)),
  Elu: of((x, call) => elu(x, call.float("alpha", 1))),
  Selu: of((x, call) => elu(x, call.float("alpha", 1.6732632)).mul(call.float("gamma", 1.0507009))),
  Celu: of((x, call) => {
    const alpha = call.float("alpha", 1);
    return x.maximum(0).add(x.div(alpha).minimum(0).expm1().mul(alpha));
  }),
  Softplus: of((x) => x.softplus()),
  Softsign: of((x) => x.div(x.abs().add(1))),
  Gelu: of((x, call) => x.gelu(call.string("approximate", "none") as "none" | "tanh")),
  HardSigmoid: of((x, call) => x.mul(call.float("alpha", 0.2)).add(call.float("beta", 0.5)).clamp(0, 1)),
  HardSwish: of((x) => x.mul(x.div(6).add(0.5).clamp(0, 1))),
  Mish: of((x) => x.mul(x.softplus().tanh())),
  Swish: of((x, call) => x.mul(x.mul(call.float("alpha", 1)).sigmoid())),
  Shrink: of((x, call) => {
    const [lambd, bias] = [call.float("lambd", 0.5), call.float("bias", 0)];
    return where(x.less(-lambd), x.add(bias), where(x.greater(lambd), x.sub(bias), 0));
  }),
  Clip: clip,
  Cast: (call) => castTo(call.tensor(0), elementType(call.int("to"))),
  CastLike: (call) => castTo(call.tensor(0), call.type(1)),
  Equal: compare((a, b) => a.equal(b)),
  Less: compare((a, b) => a.less(b)),
  LessOrEqual: compare((a, b) => a.lessEqual(b)),
  Greater: compare((a, b) => a.greater(b)),
  GreaterOrEqual: compare((a, b) => a.greaterEqual(b)),
  And: ofTwo((a, b) => a.logicalAnd(b)),
  Or: ofTwo((a, b) => a.logicalOr(b)),
  Xor: ofTwo((a, b) => numbersOf(a).notEqual(numbersOf(b))),
  Not: of((x) => x.logicalNot()),
  IsNaN: (call) => boolean(call.tensor(0).isNaN()),
  IsInf: (call) => {
    const x = call.tensor(0);
    const [up, down] = [call.int("detect_positive", 1) === 1, call.int("detect_negative", 1) === 1];
    return boolean(
      up && down
        ? x.abs().equal(Infinity)
        : up
          ? x.equal(Infinity)
          : down
            ? x.equal(-Infinity)
            : x.notEqual(x).logicalAnd(x.equal(x)),
    );
  },
  Where: (call) => {
    const [condition, yes, no] = call.tensors();
    return { type: call.type(1), tensor: condition!.where(yes!, no!) };
  },
};
