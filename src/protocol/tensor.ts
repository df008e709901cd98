/**
 * @file Tensors on the wire and in memory. Whatever a host claims about shape and size is checked before anything is allocated, and
 * no value is rounded, wrapped or guessed in silence. Reading files and resolving handles is left to the caller.
 */

import { ELEMENTS, type TensorData } from "./elements.ts";
import { Refusal } from "./errors.ts";
import { fromWireNumber, isNonFiniteName } from "./numbers.ts";
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

function refuse(
  reason: "INVALID_PARAMS" | "SHAPE_MISMATCH" | "DTYPE_UNSUPPORTED" | "LIMIT_EXCEEDED",
  path: string,
  message: string,
  { expected, got, hint }: { expected?: string; got?: string; hint?: string | undefined } = {},
): Refusal {
  return new Refusal(reason, path === "" ? message : `\`${path}\` ${message}`, {
    violations: [
      { path, message, ...(expected === undefined ? {} : { expected }), ...(got === undefined ? {} : { got }) },
    ],
    hint,
  });
}

const inside = (path: string, member: string) => (path === "" ? member : `${path}.${member}`);

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
    return { dtype, shape, data: fromBytes(decodeBase64(wire.b64, nbytes, inside(path, "b64")), dtype) };
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

const isScalar = (value: unknown): boolean => !Array.isArray(value);

/** Values in C order, nested as the shape says or flat. Their number is known to be right before the buffer is made. */
function fill(values: unknown, shape: readonly number[], size: number, dtype: WireDType, path: string): TensorData {
  if (!Array.isArray(values)) throw refuse("INVALID_PARAMS", path, `must be an array, not ${showValue(values)}`);
  const flat = values.every(isScalar);
  const nesting = flat ? [size] : shape;
  checkNesting(values, nesting, path, shape);
  const { array, element, holds } = ELEMENTS[dtype];
  const data = new array(new ArrayBuffer(size * WIRE_DTYPES[dtype]));
  let index = 0;
  const visit = (items: readonly unknown[], axis: number, at: string): void => {
    for (let item = 0; item < items.length; item++) {
      if (axis + 1 < nesting.length) {
        visit(items[item] as unknown[], axis + 1, `${at}[${item}]`);
        continue;
      }
      const stored = element(items[item]);
      if (stored === undefined) throw notHeld(items[item], `${at}[${item}]`, dtype, holds);
      data[index++] = stored;
    }
  };
  visit(values, 0, path);
  return data;
}

function notHeld(value: unknown, path: string, dtype: WireDType, holds: string): Refusal {
  return refuse("INVALID_PARAMS", path, `is ${showValue(value)}, and ${dtype} holds ${holds}`, {
    expected: holds,
    got: showValue(value),
    hint: value === null ? 'write "NaN" where a value is missing' : undefined,
  });
}

function checkNesting(
  values: unknown,
  shape: readonly number[],
  path: string,
  whole: readonly number[],
  axis = 0,
): void {
  if (axis === shape.length) {
    if (Array.isArray(values)) {
      throw refuse("SHAPE_MISMATCH", path, `nests deeper than the shape [${whole.join(", ")}] says`, {
        expected: "a number",
        got: showValue(values),
      });
    }
    return;
  }
  const expected = shape[axis]!;
  if (!Array.isArray(values)) {
    throw refuse("SHAPE_MISMATCH", path, `must be an array of ${expected}, not ${showValue(values)}`, {
      expected: `an array of ${expected}`,
      got: showValue(values),
    });
  }
  if (values.length !== expected) {
    throw refuse(
      "SHAPE_MISMATCH",
      path,
      `has ${values.length} of ${expected} items; the shape is [${whole.join(", ")}]`,
      {
        expected: `${expected} items`,
        got: `${values.length} items`,
      },
    );
  }
  if (axis + 1 === shape.length && values.every(isScalar)) return;
  values.forEach((item, index) => {
    checkNesting(item, shape, `${path}[${index}]`, whole, axis + 1);
  });
}

/** The shape is read off the first items, and must then hold for all. */
function decodeBare(value: unknown, path: string): TensorValue {
  const shape: number[] = [];
  let first = value;
  for (; Array.isArray(first); first = first[0]) shape.push(first.length);
  if (first !== undefined && first !== null && typeof first === "object") {
    throw refuse("INVALID_PARAMS", path, "must be a tensor or nested arrays of numbers", {
      expected: "{dtype, shape, values | b64 | file | handle}, or nested arrays",
      got: showValue(first),
    });
  }
  checkNesting(value, shape, path, shape);
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  const data = new Float64Array(size);
  const seen = { index: 0, booleans: 0, roundedByF32: false };
  gather(value, data, seen, path, shape);
  if (size > 0 && seen.booleans === size) return { dtype: "BOOL", shape, data: Uint8Array.from(data) };
  if (seen.roundedByF32) return { dtype: "F64", shape, data };
  return { dtype: "F32", shape, data: Float32Array.from(data) };
}

/** Copies nested numbers into `data`, all booleans or none, and notes what they need. */
function gather(
  value: unknown,
  data: Float64Array,
  seen: { index: number; booleans: number; roundedByF32: boolean },
  path: string,
  shape: readonly number[],
): void {
  if (Array.isArray(value)) {
    for (let item = 0; item < value.length; item++) {
      const number = value[item];
      // Nearly all items are numbers that F32 holds: no call, no box.
      const simple = typeof number === "number" && seen.booleans === 0 && Math.abs(number) < 2 ** 24;
      if (simple) data[seen.index++] = number;
      else gather(number, data, seen, path, shape);
    }
    return;
  }
  const place = () => `${path}${placeOf(seen.index, shape)}`;
  if (typeof value === "boolean") {
    if (seen.booleans++ !== seen.index) throw notHeld(value, place(), "F32", ELEMENTS.F32.holds);
    data[seen.index++] = value ? 1 : 0;
    return;
  }
  const number = fromWireNumber(value);
  const overflows = number === undefined || (!Number.isFinite(Math.fround(number)) && !isNonFiniteName(value));
  if (overflows || seen.booleans > 0) throw notHeld(value, place(), "F32", ELEMENTS.F32.holds);
  if (Number.isInteger(number) && Math.fround(number) !== number) seen.roundedByF32 = true;
  data[seen.index++] = number;
}

/** The index of an element in its nested arrays: `[2][0]`. */
function placeOf(index: number, shape: readonly number[]): string {
  let place = "";
  let rest = index;
  for (const dimension of shape.toReversed()) {
    place = `[${rest % dimension}]${place}`;
    rest = Math.floor(rest / dimension);
  }
  return place;
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Node's decoder takes anything and stops where it likes, so length and alphabet are checked first. */
function decodeBase64(text: unknown, nbytes: number, path: string): Uint8Array {
  if (typeof text !== "string") throw refuse("INVALID_PARAMS", path, `must be a string, not ${showValue(text)}`);
  if (!BASE64.test(text)) {
    const urlAlphabet = /^[A-Za-z0-9_-]*={0,2}$/.test(text);
    throw refuse("INVALID_PARAMS", path, "is not standard base64", {
      expected: "A-Z a-z 0-9 + / and = at the end, no spaces or line breaks",
      hint: urlAlphabet ? "this is the URL alphabet: replace - by + and _ by /" : undefined,
    });
  }
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  if (text.length % 4 !== 0) {
    throw refuse("INVALID_PARAMS", path, `has ${text.length} characters, and base64 comes in fours`, {
      hint: "pad it with `=`",
    });
  }
  const got = (text.length / 4) * 3 - padding;
  if (got !== nbytes) throw wrongBytes(path, nbytes, got);
  const bytes = new Uint8Array(nbytes);
  Buffer.from(bytes.buffer).write(text, "base64");
  return bytes;
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
