/** @file How values stand in the machine's memory: 32 bits an element, or what a stored dtype takes. */
import { DTYPES, type DType, isStored } from "../../dtype.ts";
import { sizeOf, type TensorType } from "../../shape.ts";
import type { Memory } from "./memory.ts";

function elementBytes(dtype: DType): number {
  return isStored(dtype) ? DTYPES[dtype].bytes : 4;
}

export function bytesOf({ dtype, shape }: TensorType): number {
  return sizeOf(shape) * elementBytes(dtype);
}

/** What a copy of 32 bits at a time moves. */
export function wordsOf(type: TensorType): number {
  return Math.ceil(bytesOf(type) / 4);
}

export type View = Float32Array | Int32Array | Float64Array | Uint16Array;

/** A live view of a value: floats; integers for I32 and BOOL; for stored dtypes their elements, F16 and BF16 as bits. */
export function viewOf({ shared }: Memory, { dtype, shape }: TensorType, address: number): View {
  const array = isStored(dtype) ? DTYPES[dtype].array : dtype === "F32" ? Float32Array : Int32Array;
  return new (array as Float32ArrayConstructor)(shared.buffer, address, sizeOf(shape)) as View;
}
