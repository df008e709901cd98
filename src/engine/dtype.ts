/** @file Element types, under their safetensors names, and the typed arrays that hold them on the host. */

/** How each dtype is stored on the host. F16 and BF16 are storage only: their bits travel in a `Uint16Array`. */
export const DTYPES = {
  F64: { bytes: 8, array: Float64Array },
  F32: { bytes: 4, array: Float32Array },
  F16: { bytes: 2, array: Uint16Array },
  BF16: { bytes: 2, array: Uint16Array },
  I64: { bytes: 8, array: BigInt64Array },
  I32: { bytes: 4, array: Int32Array },
  I16: { bytes: 2, array: Int16Array },
  I8: { bytes: 1, array: Int8Array },
  U8: { bytes: 1, array: Uint8Array },
  BOOL: { bytes: 1, array: Uint8Array },
} as const;

export type DType = keyof typeof DTYPES;

/** The dtypes that programs compute in; the others are converted when data enters or leaves. */
export type ComputeDType = "F32" | "I32" | "BOOL";

/**
 * Dtypes that values are kept in, but not computed in: inputs, states, constants and outputs may have them, and `cast` leads
 * from and to F32. F16 and BF16 take half the memory; F64 keeps what the reference, which computes F32 in float64, knows.
 */
const STORED: readonly DType[] = ["F64", "F16", "BF16"];

export function isStored(dtype: DType): boolean {
  return STORED.includes(dtype);
}

/** Whether a value's elements are real numbers, so that gradients flow through it. */
export function isReal(dtype: DType): boolean {
  return dtype === "F32" || isStored(dtype);
}

export type TypedArray =
  | Float64Array
  | Float32Array
  | Uint16Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array;
