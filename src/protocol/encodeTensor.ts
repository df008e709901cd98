/** @file Tensors on their way out: as readable values, as base64, or as a region of a file, by their size. */
import { ELEMENTS } from "./elements.ts";
import type { WireTensorObject } from "./schemas/tensor.ts";
import type { Region, TensorValue } from "./tensor.ts";

/** Up to so many elements, an answer's tensor travels as readable `values`. */
export const MAX_INLINE_VALUES = 256;
/** Up to so many bytes as `b64`; above, as a file. */
export const MAX_INLINE_BYTES = 8 * 1024 * 1024;

export interface EncodeContext {
  /** A form for all sizes (`_meta.tensors`); left out, the size decides. */
  readonly form?: "values" | "b64" | "file" | undefined;
  /** Up to so many bytes as `b64` (default 8 MiB); less where lines must be short. */
  readonly maxInlineBytes?: number;
  /** Keeps the bytes in a file; without it, everything travels inline. */
  readonly writeRegion?: (bytes: Uint8Array) => Region;
}

/** A tensor as it travels in answers; `values` are flat. Non-finite numbers are left to `encodeMessage`. */
export function encodeTensor({ dtype, shape, data }: TensorValue, context: EncodeContext = {}): WireTensorObject {
  const { form, writeRegion, maxInlineBytes = MAX_INLINE_BYTES } = context;
  const bySize = data.length <= MAX_INLINE_VALUES ? "values" : data.byteLength <= maxInlineBytes ? "b64" : "file";
  const chosen = form ?? bySize;
  const described = { dtype, shape: [...shape] };
  if (chosen === "values")
    return { ...described, values: Array.from(data as ArrayLike<number | bigint>, ELEMENTS[dtype].value) };
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (chosen === "file" && writeRegion !== undefined) return { ...described, file: writeRegion(bytes) };
  return { ...described, b64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64") };
}
