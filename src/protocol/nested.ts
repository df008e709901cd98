/** @file Numbers in nested arrays, as JSON has them, to elements of a tensor: of a dtype that is said, or of the one that they need. */
import { ELEMENTS, type TensorData } from "./elements.ts";
import type { Refusal } from "./errors.ts";
import { fromWireNumber, isNonFiniteName } from "./numbers.ts";
import { refuse } from "./refuse.ts";
import { WIRE_DTYPES, type WireDType } from "./schemas/tensor.ts";
import type { TensorValue } from "./tensor.ts";
import { showValue } from "./violations.ts";

const isScalar = (value: unknown): boolean => !Array.isArray(value);

/** Values in C order, nested as the shape says or flat. Their number is known to be right before the buffer is made. */
export function fill(
  values: unknown,
  shape: readonly number[],
  size: number,
  dtype: WireDType,
  path: string,
): TensorData {
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
export function decodeBare(value: unknown, path: string): TensorValue {
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
