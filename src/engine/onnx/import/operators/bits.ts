/** @file Integers as bits, by arithmetic: the engine has no operations on bits, and models seldom need them. */
import { type Tensor, where } from "../../../tensor.ts";
import type { Call, Operator } from "../call.ts";
import { factsOf, type Output } from "../value.ts";
import { castTo, modulo } from "./pointwise.ts";

/** ⌊x / 2^k⌋ of integers. */
function shiftedRight(x: Tensor, k: number): Tensor {
  const size = 2 ** k;
  return x.sub(modulo(x, size)).div(size);
}

/** The bits of two's complement, the lowest first; of 32 the last is the sign. */
function bitsOf(x: Tensor, count: number): Tensor[] {
  return Array.from({ length: count }, (_, k) =>
    k === 31 ? x.less(0).cast("I32") : modulo(k === 0 ? x : shiftedRight(x, k), 2),
  );
}

function fromBits(bits: readonly Tensor[], isSigned: boolean): Tensor {
  const weights = bits.map((_, k) => (isSigned && k === bits.length - 1 ? -(2 ** k) : 2 ** k));
  return bits.map((bit, k) => bit.mul(weights[k]!)).reduce((sum, bit) => sum.add(bit));
}

const widthOf = (call: Call): number => Math.min(32, factsOf(call.type(0)).bits ?? 32);
const isSigned = (call: Call): boolean => factsOf(call.type(0)).signed === true || widthOf(call) === 32;

const bitwise =
  (combine: (a: Tensor, b: Tensor) => Tensor): Operator =>
  (call) => {
    const [a, b] = [bitsOf(call.tensor(0), widthOf(call)), bitsOf(call.tensor(1), widthOf(call))];
    return fromBits(
      a.map((bit, k) => combine(bit, b[k]!)),
      isSigned(call),
    );
  };

/** To the left a product, to the right a quotient, by a power of two that is found by comparing. */
function shift(call: Call): Output {
  const [x, by] = [call.tensor(0), call.tensor(1)];
  const width = widthOf(call);
  const isLeft = call.string("direction") === "LEFT";
  const steps = Array.from({ length: Math.min(width, 31) }, (_, k) => (isLeft ? x.mul(2 ** k) : shiftedRight(x, k)));
  const gone = isLeft || !isSigned(call) ? x.mul(0) : where(x.less(0), x.constant(-1, "I32"), 0);
  const moved = steps.reduce((result, step, k) => where(by.equal(k), step, result), gone);
  return castTo(moved, call.type(0));
}

export const bits: Readonly<Record<string, Operator>> = {
  BitwiseAnd: bitwise((a, b) => a.mul(b)),
  BitwiseOr: bitwise((a, b) => a.maximum(b)),
  BitwiseXor: bitwise((a, b) => a.notEqual(b).cast("I32")),
  /** −1 − x in two's complement; the rest of the range without a sign. */
  BitwiseNot: (call) => castTo(call.tensor(0).neg().sub(1), call.type(0)),
  BitShift: shift,
};
