/** @file What elements of each dtype are: the array that holds them, and a JSON value to an element and back, never rounded in silence. */
import { fromBF16, fromF16, toBF16, toF16 } from "./half.ts";
import { fromWireNumber, isDecimalInteger, isNonFiniteName } from "./numbers.ts";
import type { WireDType } from "./schemas/tensor.ts";

export type TensorData =
  | Float64Array
  | Float32Array
  | Uint16Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array;

/** What there is to know about a dtype: its array, and a JSON value to its element and back. */
export interface Elements {
  readonly array: new (buffer: ArrayBuffer) => TensorData;
  /** `undefined` where the value can't be held exactly enough: not a number, not whole, out of range. */
  readonly element: (value: unknown) => number | bigint | undefined;
  readonly value: (element: number | bigint) => unknown;
  readonly holds: string;
}

/** A finite number that overflows to an infinity is not held; an infinity asked for by name is. */
function floating(narrow: (value: number) => number) {
  return (value: unknown): number | undefined => {
    const number = fromWireNumber(value);
    if (number === undefined || isNonFiniteName(value)) return number;
    return Number.isFinite(narrow(number)) ? number : undefined;
  };
}

function integral(least: number, most: number) {
  return (value: unknown): number | undefined => {
    const number = fromWireNumber(value);
    return Number.isInteger(number) && number! >= least && number! <= most ? number : undefined;
  };
}

function integer64(value: unknown): bigint | undefined {
  if (!Number.isSafeInteger(value) && !isDecimalInteger(value)) return undefined;
  if (typeof value === "string" && value.length > 20) return undefined;
  const integer = BigInt(value as number | string);
  return BigInt.asIntN(64, integer) === integer ? integer : undefined;
}

/** The shortest decimal that is the same F32: 0.1, not 0.10000000149011612. */
function shortestF32(value: number): number {
  for (let digits = 6; digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Object.is(Math.fround(short), value)) return short;
  }
  return value;
}

const asIs = (element: number | bigint): unknown => element;

export const ELEMENTS: Readonly<Record<WireDType, Elements>> = {
  F64: { array: Float64Array, element: floating((x) => x), value: asIs, holds: "64-bit floats" },
  F32: {
    array: Float32Array,
    element: floating(Math.fround),
    value: (x) => shortestF32(Number(x)),
    holds: "32-bit floats",
  },
  F16: {
    array: Uint16Array,
    element: (value) => mapDefined(floating((x) => fromF16(toF16(x)))(value), toF16),
    value: (x) => shortestF32(fromF16(Number(x))),
    holds: "16-bit floats up to ±65504",
  },
  BF16: {
    array: Uint16Array,
    element: (value) => mapDefined(floating((x) => fromBF16(toBF16(x)))(value), toBF16),
    value: (x) => shortestF32(fromBF16(Number(x))),
    holds: "bfloat16 numbers",
  },
  I64: { array: BigInt64Array, element: integer64, value: asIs, holds: "integers of 64 bits" },
  I32: { array: Int32Array, element: integral(-(2 ** 31), 2 ** 31 - 1), value: asIs, holds: "integers of 32 bits" },
  I16: { array: Int16Array, element: integral(-32768, 32767), value: asIs, holds: "integers from -32768 to 32767" },
  I8: { array: Int8Array, element: integral(-128, 127), value: asIs, holds: "integers from -128 to 127" },
  U8: { array: Uint8Array, element: integral(0, 255), value: asIs, holds: "integers from 0 to 255" },
  BOOL: {
    array: Uint8Array,
    element: (value) => (value === true || value === 1 ? 1 : value === false || value === 0 ? 0 : undefined),
    value: (x) => x === 1,
    holds: "true and false, or 1 and 0",
  },
};

function mapDefined<A, B>(value: A | undefined, map: (value: A) => B): B | undefined {
  return value === undefined ? undefined : map(value);
}
