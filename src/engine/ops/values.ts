/** @file Values in the reference's precision: F32 as float64, I32 as 32-bit integers, BOOL as bytes of 0 and 1. */
import type { TypedArray } from "../dtype.ts";
import { sizeOf, type TensorType } from "../shape.ts";
import type { ReferenceArray } from "./op.ts";

const ARRAYS = { F32: Float64Array, I32: Int32Array, BOOL: Uint8Array } as const;

/** Zeros of a type; programs compute in F32, I32 and BOOL only. */
export function emptyArray({ dtype, shape }: TensorType): ReferenceArray {
  return { dtype, shape, data: new ARRAYS[dtype as keyof typeof ARRAYS](sizeOf(shape)) };
}

/** A number everywhere, or the elements given. */
export function constantArray(type: TensorType, value: number | TypedArray): ReferenceArray {
  const array = emptyArray(type);
  if (typeof value === "number") array.data.fill(value);
  else array.data.set(Array.from(value as ArrayLike<number>));
  return array;
}
