/** @file What type rules demand of their inputs; each demand that fails is a fault that says what would do. */
import type { DType } from "../dtype.ts";
import { Fault } from "../fault.ts";
import { type Shape, sameShape, showShape, type TensorType } from "../shape.ts";

export function expectDType(input: TensorType, ...allowed: readonly DType[]): void {
  if (allowed.includes(input.dtype)) return;
  throw new Fault("DTYPE_UNSUPPORTED", `expected ${allowed.join(" or ")}, got ${input.dtype}`, {
    hint: `convert it first: .cast("${allowed[0]}")`,
  });
}

export function expectSameDType(inputs: readonly TensorType[]): void {
  const differing = inputs.find((input) => input.dtype !== inputs[0]!.dtype);
  if (differing === undefined) return;
  throw new Fault("DTYPE_UNSUPPORTED", `operands have dtypes ${inputs[0]!.dtype} and ${differing.dtype}`, {
    hint: "nothing is converted silently: use .cast() on one of them",
  });
}

export function expectShape(input: TensorType, shape: Shape, what: string): void {
  if (sameShape(input.shape, shape)) return;
  throw new Fault("SHAPE_MISMATCH", `${what} has shape ${showShape(input.shape)}, expected ${showShape(shape)}`, {
    hint: `reshape or broadcast it to ${showShape(shape)}`,
  });
}

export function expectRank(input: TensorType, atLeast: number, what: string, atMost = Number.POSITIVE_INFINITY): void {
  if (input.shape.length >= atLeast && input.shape.length <= atMost) return;
  const wanted =
    atLeast === atMost
      ? `${atLeast}`
      : atMost === Number.POSITIVE_INFINITY
        ? `at least ${atLeast}`
        : `${atLeast} to ${atMost}`;
  throw new Fault("SHAPE_MISMATCH", `${what} has shape ${showShape(input.shape)}, expected ${wanted} axes`, {
    hint: "use .reshape() to add or merge axes",
  });
}

/** Any other demand on shapes or attributes. */
export function expectThat(condition: boolean, message: string, hint: string): asserts condition {
  if (!condition) throw new Fault("SHAPE_MISMATCH", message, { hint });
}
