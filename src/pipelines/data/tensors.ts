/** @file Tensors as a dataset: `x` becomes the column `inputs`, `y` the column `target`, `sampleWeight` one of its own name. Also the arrays of `.npy` pairs. */
import { DTYPES, Fault, type NdArray, showShape, sizeOf } from "../../engine/index.ts";
import { decodeNpy, type StringArray } from "../files/npy.ts";
import { readRegularFile } from "../files/regular.ts";
import { show } from "../registry/parse.ts";
import { type Column, sharedArray } from "./dataset.ts";
import type { FormOptions } from "./reference.ts";
import { nestedShape, writeNested } from "./writers.ts";

const INPUTS = "inputs";
export const TARGET = "target";
export const SAMPLE_WEIGHT = "sampleWeight";
const LENGTHS = "lengths";

type HostArray = NdArray | StringArray;

/** The columns of tensors that go together. Faults: SHAPE_MISMATCH when the row counts differ, naming both. */
export function columnsOfTensors(x: unknown, y?: unknown, sampleWeight?: unknown, lengths?: unknown): Column[] {
  const inputs = toArray(x, "x");
  if (inputs.dtype === "STRING") {
    throw new Fault("DTYPE_UNSUPPORTED", "`x` holds strings", {
      violations: [{ path: "x", message: "not numbers", expected: "a tensor of numbers", got: "strings" }],
      hint: "for columns of text use `rows` or a file",
    });
  }
  const rows = rowsOf(inputs, "x");
  const columns = [inputsColumn(inputs)];
  if (y !== undefined) columns.push(targetColumn(asLongAs(rows, y, "y")));
  if (sampleWeight !== undefined)
    columns.push(numberColumn(SAMPLE_WEIGHT, asLongAs(rows, sampleWeight, SAMPLE_WEIGHT)));
  if (lengths !== undefined) columns.push(numberColumn(LENGTHS, asLongAs(rows, lengths, LENGTHS)));
  return columns;
}

function asLongAs(rows: number, value: unknown, path: string): HostArray {
  const array = toArray(value, path);
  const own = rowsOf(array, path);
  if (own === rows) return array;
  throw new Fault("SHAPE_MISMATCH", `x has ${rows} rows and ${path} has ${own}`, {
    violations: [{ path, message: "as many rows as x", expected: `[${rows}, …]`, got: showShape(array.shape) }],
    hint: "the first axis of both is the row",
  });
}

export async function readNpyPair(
  { x, y, sampleWeight }: FormOptions<"npy">["npy"],
  roots: readonly string[] | undefined,
): Promise<Column[]> {
  const read = async (path: string) => decodeNpy(await readRegularFile(path, { roots }), path);
  const readIfGiven = async (path: string | undefined) => (path === undefined ? undefined : read(path));
  return columnsOfTensors(await read(x), await readIfGiven(y), await readIfGiven(sampleWeight));
}

/**
 * A tensor or nested arrays as one array; nested arrays of strings as strings.
 * Faults: SHAPE_MISMATCH for ragged arrays and for a wrong number of elements, DATA_INVALID for elements of another kind.
 */
export function toArray(value: unknown, path: string): HostArray {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return checkArray(value as HostArray, path);
  const shape = nestedShape(value);
  const size = sizeOf(shape);
  if (isString(firstLeaf(value))) {
    const flat = shape.length === 1 ? (value as unknown[]) : [value].flat(shape.length);
    if (flat.length !== size || !flat.every(isString)) throw ragged(path, shape, "strings");
    return { dtype: "STRING", shape, data: flat };
  }
  const data = new Float32Array(countLeaves(value, size, path, shape));
  if (writeNested(value, shape, 0, data, 0) !== size) throw ragged(path, shape, "numbers");
  return { dtype: "F32", shape, data };
}

/** Any dtype as float32; 64-bit values lose what float32 cannot hold. */
export function toFloats({ dtype, data }: NdArray): Float32Array {
  if (data instanceof Float32Array) return data;
  if (dtype === "F16") return Float32Array.from(data as Uint16Array, float16);
  if (dtype === "BF16") return new Float32Array(Uint32Array.from(data as Uint16Array, (bits) => bits << 16).buffer);
  const floats = new Float32Array(data.length);
  for (let index = 0; index < data.length; index++) floats[index] = Number(data[index]);
  return floats;
}

/** IEEE 754 binary16 from its bits. */
function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function isString(value: unknown): value is string {
  return typeof value === "string" && value !== "NaN" && value !== "Infinity" && value !== "-Infinity";
}

function firstLeaf(value: unknown): unknown {
  let leaf = value;
  for (let depth = 0; Array.isArray(leaf) && depth < 64; depth++) leaf = leaf[0];
  return leaf;
}

/** Allocates for what is there, not for what the first elements promise. */
function countLeaves(value: unknown, size: number, path: string, shape: readonly number[]): number {
  let leaves = 0;
  const pending: unknown[] = [value];
  while (pending.length > 0) {
    const next = pending.pop();
    if (!Array.isArray(next)) leaves++;
    else {
      for (const item of next) {
        if (Array.isArray(item)) pending.push(item);
        else leaves++;
      }
    }
    if (leaves > size) break;
  }
  if (leaves !== size) throw ragged(path, shape, "numbers");
  return size;
}

function checkArray(array: HostArray, path: string): HostArray {
  const expected = sizeOf(array.shape);
  if (array.data.length === expected) return array;
  throw new Fault(
    "SHAPE_MISMATCH",
    `\`${path}\`: shape ${showShape(array.shape)} needs ${expected} elements, got ${array.data.length}`,
    {
      violations: [
        { path, message: "wrong number of elements", expected: String(expected), got: String(array.data.length) },
      ],
      hint: "give as many elements as the product of the shape",
    },
  );
}

function rowsOf({ shape }: HostArray, path: string): number {
  if (shape.length > 0) return shape[0]!;
  throw new Fault("SHAPE_MISMATCH", `\`${path}\` is a scalar`, {
    violations: [{ path, message: "no batch axis", expected: "[rows, …]", got: "[]" }],
    hint: "the first axis is the row",
  });
}

/** Row shape as it is; a plain list of numbers is a column of one number. */
function tensorColumn(name: string, array: NdArray): Column {
  const values = sharedArray("F32", array.data.length);
  values.set(toFloats(array));
  return { name, kind: "tensor", shape: rowShapeOf(array), values, missing: countMissing(values) };
}

/** Bytes stay bytes: images are many, and a program takes them as floats a batch at a time. */
function inputsColumn(array: NdArray): Column {
  if (array.dtype !== "U8") return tensorColumn(INPUTS, array);
  const values = sharedArray("U8", array.data.length);
  values.set(array.data as Uint8Array);
  return { name: INPUTS, kind: "tensor", shape: rowShapeOf(array), values, missing: 0 };
}

function rowShapeOf({ shape }: NdArray): readonly number[] {
  return shape.length === 1 ? [1] : shape.slice(1);
}

/** [rows] and [rows, 1] as numbers or categories, [rows, outputs] as a tensor. */
function targetColumn(array: HostArray): Column {
  const perRow = sizeOf(array.shape.slice(1));
  if (array.dtype === "STRING") {
    if (perRow !== 1) throw ragged("y", array.shape, "one string a row");
    return namesColumn(array.data);
  }
  if (array.shape.length > 1 && perRow !== 1) return tensorColumn(TARGET, array);
  const values = sharedArray("F64", array.data.length);
  const isHalf = array.dtype === "F16" || array.dtype === "BF16";
  const numbers = isHalf ? toFloats(array) : array.data;
  for (let row = 0; row < numbers.length; row++) values[row] = Number(numbers[row]);
  return {
    name: TARGET,
    ...(array.dtype === "BOOL" ? { kind: "boolean", categories: ["false", "true"] } : { kind: "number" }),
    shape: [],
    values,
    missing: countMissing(values),
  };
}

/** [rows] or [rows, 1] as numbers. */
function numberColumn(name: string, array: HostArray): Column {
  if (array.dtype === "STRING" || sizeOf(array.shape.slice(1)) !== 1) {
    throw ragged(name, array.shape, "one number a row");
  }
  const values = sharedArray("F64", array.data.length);
  values.set(toFloats(array));
  return { name, kind: "number", shape: [], values, missing: countMissing(values) };
}

function namesColumn(names: readonly string[]): Column {
  const values = sharedArray("I32", names.length);
  const codes = new Map<string, number>();
  for (const [row, name] of names.entries()) {
    if (!codes.has(name)) codes.set(name, codes.size);
    values[row] = codes.get(name)!;
  }
  return { name: TARGET, kind: "category", shape: [], values, categories: [...codes.keys()], missing: 0 };
}

function countMissing(values: Float32Array | Float64Array): number {
  let missing = 0;
  for (let index = 0; index < values.length; index++) if (Number.isNaN(values[index])) missing++;
  return missing;
}

function ragged(path: string, shape: readonly number[], what: string): Fault {
  const expected = `${what} in an array of shape ${showShape(shape)}`;
  return new Fault("SHAPE_MISMATCH", `\`${path}\`: expected ${expected}, as its first elements have it`, {
    violations: [{ path, message: "ragged or mixed nested arrays", expected, got: "something else further on" }],
    hint: "all rows must have the same shape and hold the same kind of value",
  });
}

/** Elements of a wire dtype, for messages. */
export function describeArray(value: unknown): string {
  if (typeof value !== "object" || value === null || !("dtype" in value)) return show(value);
  const { dtype, shape } = value as NdArray;
  return Object.hasOwn(DTYPES, dtype) ? `${dtype} ${showShape(shape)}` : show(value);
}
