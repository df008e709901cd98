/**
 * @file Tensors from the wire into memory. Whatever a host claims about shape and size is checked before anything is allocated, and
 * no value is rounded, wrapped or guessed in silence. Reading files and resolving handles is left to the caller.
 */

import { decodeBase64 } from "./base64.ts";
import { ELEMENTS, type TensorData } from "./elements.ts";
import type { Refusal } from "./errors.ts";
import { decodeBare, fill } from "./nested.ts";
import { inside, refuse } from "./refuse.ts";
import { type FileRegion, WIRE_DTYPES, type WireDType, type WireTensorObject } from "./schemas/tensor.ts";
import { suggestion } from "./suggest.ts";
import { showValue } from "./violations.ts";

/** A tensor in memory, C order. F16 and BF16 are bits in a `Uint16Array`, BOOL is bytes of 0 and 1. */
export interface TensorValue {
  readonly dtype: WireDType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** Exactly these bytes of a file. */
export interface Region {
  readonly path: string;
  readonly offset: number;
  readonly nbytes: number;
}

/** The largest tensor that may come over the wire, in bytes, by whatever way. */
export const MAX_TENSOR_BYTES = 2 ** 31;

export interface DecodeContext {
  /** Where the tensor stands in the params, for violations: `inputs`, `data.x`. */
  readonly path?: string;
  /** Exactly `nbytes` bytes of a file, or a refusal: NOT_FOUND, PATH_DENIED, or SHAPE_MISMATCH where the file is shorter. */
  readonly readRegion?: (region: Region) => Uint8Array;
  readonly resolveHandle?: (handle: string) => TensorValue;
}

export function isTensorObject(value: unknown): value is WireTensorObject {
  return typeof value === "object" && value !== null && Object.hasOwn(value, "dtype") && Object.hasOwn(value, "shape");
}

const SOURCES = ["values", "b64", "file", "handle"] as const;

/**
 * A wire tensor, or bare nested arrays, in memory. Bare numbers become F32 (F64 where they hold integers beyond 2^24, which F32 would
 * round), bare booleans BOOL.
 * @throws Refusal INVALID_PARAMS, SHAPE_MISMATCH (counts and bytes), DTYPE_UNSUPPORTED, LIMIT_EXCEEDED, each with the place.
 */
export function decodeTensor(wire: unknown, context: DecodeContext = {}): TensorValue {
  const path = context.path ?? "";
  if (!isTensorObject(wire)) return decodeBare(wire, path);
  if (!Object.hasOwn(ELEMENTS, wire.dtype)) {
    throw refuse("DTYPE_UNSUPPORTED", inside(path, "dtype"), `is no dtype: ${showValue(wire.dtype)}`, {
      expected: Object.keys(ELEMENTS).join(", "),
      got: showValue(wire.dtype),
      hint: suggestion(String(wire.dtype), Object.keys(ELEMENTS)),
    });
  }
  const { dtype } = wire;
  const { size, nbytes } = measure(wire.shape, dtype, path);
  const shape = [...wire.shape];
  const given = SOURCES.filter((source) => wire[source] !== undefined);
  if (given.length !== 1) {
    throw refuse("INVALID_PARAMS", path, "must have exactly one of values, b64, file, handle", {
      expected: SOURCES.join(" | "),
      got: given.length === 0 ? "none" : given.join(" and "),
    });
  }
  if (wire.values !== undefined)
    return { dtype, shape, data: fill(wire.values, shape, size, dtype, inside(path, "values")) };
  if (wire.b64 !== undefined)
    return { dtype, shape, data: fromBytes(sized(wire.b64, nbytes, inside(path, "b64")), dtype) };
  if (wire.file !== undefined)
    return { dtype, shape, data: readFile(wire.file, nbytes, dtype, inside(path, "file"), context) };
  return resolve(wire.handle!, { dtype, shape }, inside(path, "handle"), context);
}

/** Elements and bytes that a shape claims, before any of them is believed. */
function measure(shape: unknown, dtype: WireDType, path: string): { size: number; nbytes: number } {
  const at = inside(path, "shape");
  if (!Array.isArray(shape)) throw refuse("INVALID_PARAMS", at, "must be an array of sizes", { got: showValue(shape) });
  shape.forEach((dimension, axis) => {
    if (!Number.isSafeInteger(dimension) || dimension < 0) {
      throw refuse("INVALID_PARAMS", `${at}[${axis}]`, `must be a size of at least 0, not ${showValue(dimension)}`, {
        expected: "an integer of at least 0",
        got: showValue(dimension),
      });
    }
  });
  const size = shape.includes(0) ? 0 : shape.reduce((product: number, dimension: number) => product * dimension, 1);
  const nbytes = size * WIRE_DTYPES[dtype];
  if (nbytes > MAX_TENSOR_BYTES) {
    throw refuse("LIMIT_EXCEEDED", at, `[${shape.join(", ")}] of ${dtype} takes more than ${MAX_TENSOR_BYTES} bytes`, {
      expected: `at most ${MAX_TENSOR_BYTES} bytes`,
      got: `${nbytes} bytes`,
      hint: "send it in parts",
    });
  }
  return { size, nbytes };
}

function sized(text: string, nbytes: number, path: string): Uint8Array {
  return decodeBase64(text, path, (got) => {
    if (got !== nbytes) throw wrongBytes(path, nbytes, got);
  });
}

function wrongBytes(path: string, expected: number, got: number): Refusal {
  return refuse("SHAPE_MISMATCH", path, `has ${got} bytes, and shape × dtype make ${expected}`, {
    expected: `${expected} bytes`,
    got: `${got} bytes`,
  });
}

function readFile(
  file: FileRegion,
  nbytes: number,
  dtype: WireDType,
  path: string,
  { readRegion }: DecodeContext,
): TensorData {
  if (readRegion === undefined)
    throw refuse("INVALID_PARAMS", path, "is not possible here", { hint: "send `values` or `b64`" });
  if (file.nbytes !== undefined && file.nbytes !== nbytes)
    throw wrongBytes(inside(path, "nbytes"), nbytes, file.nbytes);
  const bytes = readRegion({ path: file.path, offset: file.offset ?? 0, nbytes });
  if (bytes.length !== nbytes) throw wrongBytes(path, nbytes, bytes.length);
  return fromBytes(bytes, dtype);
}

function resolve(
  handle: string,
  { dtype, shape }: Pick<TensorValue, "dtype" | "shape">,
  path: string,
  { resolveHandle }: DecodeContext,
): TensorValue {
  if (resolveHandle === undefined)
    throw refuse("INVALID_PARAMS", path, "is not possible here", { hint: "send `values` or `b64`" });
  const tensor = resolveHandle(handle);
  const same =
    tensor.dtype === dtype &&
    tensor.shape.length === shape.length &&
    tensor.shape.every((size, axis) => size === shape[axis]);
  if (same) return tensor;
  throw refuse("SHAPE_MISMATCH", path, "is another tensor than the one described", {
    expected: `${dtype} [${shape.join(", ")}]`,
    got: `${tensor.dtype} [${tensor.shape.join(", ")}]`,
  });
}

/** Little-endian bytes as elements; copied where they are not aligned for their type. */
function fromBytes(bytes: Uint8Array, dtype: WireDType): TensorData {
  const { array } = ELEMENTS[dtype];
  const whole =
    bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer;
  const data = new array(whole ? (bytes.buffer as ArrayBuffer) : new Uint8Array(bytes).buffer);
  if (dtype === "BOOL") for (let index = 0; index < data.length; index++) data[index] = data[index] === 0 ? 0 : 1;
  return data;
}
