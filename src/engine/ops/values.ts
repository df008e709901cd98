/** @file Values in the reference's precision: F32 as float64, every other dtype as it is stored. */
import { DTYPES, type TypedArray } from "../dtype.ts";
import { sizeOf, type TensorType } from "../shape.ts";
import type { ReferenceArray } from "./op.ts";

/** Zeros of a type. */
export function emptyArray({ dtype, shape }: TensorType): ReferenceArray {
  const array = dtype === "F32" ? Float64Array : DTYPES[dtype].array;
  return { dtype, shape, data: new array(sizeOf(shape)) as ReferenceArray["data"] };
}

/** A number everywhere, or the elements given. */
export function constantArray(type: TensorType, value: number | TypedArray): ReferenceArray {
  const array = emptyArray(type);
  if (typeof value === "number") array.data.fill(value);
  else array.data.set(Array.from(value as ArrayLike<number>));
  return array;
}
