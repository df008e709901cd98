/** @file Element by element: arithmetic, comparison, logic. Operands broadcast as in NumPy. */
import { type DType, isStored } from "../dtype.ts";
import { Fault } from "../fault.ts";
import type { AttributesOf, OpName } from "../ops/index.ts";
import { broadcastShapes } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { apply } from "./handle.ts";
import { Moved } from "./moved.ts";

/** A number stands for a scalar of the other operand's dtype. */
export type Operand = Tensor | number;

/** Rejects what `Number.isInteger` would accept only by mistake: a fractional number beside integers. */
function scalarLike(tensor: Moved, value: number): Tensor {
  if (tensor.dtype === "I32" && !Number.isInteger(value)) {
    throw new Fault("DTYPE_UNSUPPORTED", `${value} is not an integer, and the other operand is I32`, {
      hint: 'use .cast("F32") on the tensor first',
    });
  }
  return tensor.constant(value, tensor.dtype);
}

/** Applies a pointwise op after broadcasting its operands to one shape. */
function applyBroadcast<Name extends OpName>(
  name: Name,
  operands: readonly [Moved, ...Moved[]],
  attributes: AttributesOf<Name>,
): Tensor {
  const shape = broadcastShapes(...operands.map((operand) => operand.shape));
  const [first, ...rest] = operands;
  return apply(name, [first.broadcastTo(shape), ...rest.map((operand) => operand.broadcastTo(shape))], attributes);
}

export abstract class Pointwise extends Moved {
  private binary(name: OpName, other: Operand): Tensor {
    const right = typeof other === "number" ? scalarLike(this, other) : other;
    return applyBroadcast(name, [this, right], {});
  }

  add(other: Operand): Tensor {
    return this.binary("add", other);
  }
  sub(other: Operand): Tensor {
    return this.binary("sub", other);
  }
  mul(other: Operand): Tensor {
    return this.binary("mul", other);
  }
  div(other: Operand): Tensor {
    return this.binary("div", other);
  }
  pow(exponent: Operand): Tensor {
    return this.binary("pow", exponent);
  }
  maximum(other: Operand): Tensor {
    return this.binary("maximum", other);
  }
  minimum(other: Operand): Tensor {
    return this.binary("minimum", other);
  }
  neg(): Tensor {
    return this.unary("neg");
  }
  abs(): Tensor {
    return this.unary("abs");
  }
  sign(): Tensor {
    return this.unary("sign");
  }
  square(): Tensor {
    return this.unary("square");
  }
  sqrt(): Tensor {
    return this.unary("sqrt");
  }
  rsqrt(): Tensor {
    return this.unary("rsqrt");
  }
  reciprocal(): Tensor {
    return this.unary("reciprocal");
  }
  exp(): Tensor {
    return this.unary("exp");
  }
  expm1(): Tensor {
    return this.unary("expm1");
  }
  log(): Tensor {
    return this.unary("log");
  }
  log1p(): Tensor {
    return this.unary("log1p");
  }
  sin(): Tensor {
    return this.unary("sin");
  }
  cos(): Tensor {
    return this.unary("cos");
  }
  tan(): Tensor {
    return this.unary("tan");
  }
  asin(): Tensor {
    return this.unary("asin");
  }
  acos(): Tensor {
    return this.unary("acos");
  }
  atan(): Tensor {
    return this.unary("atan");
  }
  sinh(): Tensor {
    return this.unary("sinh");
  }
  cosh(): Tensor {
    return this.unary("cosh");
  }
  asinh(): Tensor {
    return this.unary("asinh");
  }
  acosh(): Tensor {
    return this.unary("acosh");
  }
  atanh(): Tensor {
    return this.unary("atanh");
  }
  tanh(): Tensor {
    return this.unary("tanh");
  }
  sigmoid(): Tensor {
    return this.unary("sigmoid");
  }
  erf(): Tensor {
    return this.unary("erf");
  }
  floor(): Tensor {
    return this.unary("floor");
  }
  ceil(): Tensor {
    return this.unary("ceil");
  }
  round(): Tensor {
    return this.unary("round");
  }
  relu(): Tensor {
    return this.unary("relu");
  }
  softplus(): Tensor {
    return this.unary("softplus");
  }
  gelu(approximate: "none" | "tanh" = "none"): Tensor {
    return apply("gelu", [this], { approximate });
  }
  clamp(min: number, max: number): Tensor {
    return apply("clamp", [this], { min, max });
  }
  /** F64, F16 and BF16 are for keeping values in; to compute with them, cast them to F32. */
  cast(dtype: DType): Tensor {
    if (dtype === this.dtype) return this.itself();
    const isFar = this.dtype !== "F32" && dtype !== "F32" && (isStored(dtype) || isStored(this.dtype));
    return isFar ? this.cast("F32").cast(dtype) : apply("cast", [this], { dtype });
  }

  // Comparison, logic and selection.
  equal(other: Operand): Tensor {
    return this.binary("equal", other);
  }
  notEqual(other: Operand): Tensor {
    return this.binary("notEqual", other);
  }
  less(other: Operand): Tensor {
    return this.binary("less", other);
  }
  lessEqual(other: Operand): Tensor {
    return this.binary("lessEqual", other);
  }
  greater(other: Operand): Tensor {
    return this.binary("greater", other);
  }
  greaterEqual(other: Operand): Tensor {
    return this.binary("greaterEqual", other);
  }
  logicalAnd(other: Tensor): Tensor {
    return this.binary("logicalAnd", other);
  }
  logicalOr(other: Tensor): Tensor {
    return this.binary("logicalOr", other);
  }
  logicalNot(): Tensor {
    return this.unary("logicalNot");
  }
  isNaN(): Tensor {
    return this.unary("isNaN");
  }
  /** This is BOOL: `ifTrue` where it is true, `ifFalse` elsewhere. */
  where(ifTrue: Operand, ifFalse: Operand): Tensor {
    const like = typeof ifTrue !== "number" ? ifTrue : typeof ifFalse !== "number" ? ifFalse : this.constant(0);
    const [yes, no] = [ifTrue, ifFalse].map((value) => (typeof value === "number" ? scalarLike(like, value) : value));
    return applyBroadcast("where", [this, yes!, no!], {});
  }
}
