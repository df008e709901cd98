/** @file One column as it is being filled, cell by cell: typed arrays that grow, no cell kept as an object. */
import { sizeOf } from "../../engine/index.ts";
import { type DateOrder, type MissingMarkers, READERS, type ReaderName, truthPair } from "./cells.ts";
import { type Column, sharedArray } from "./dataset.ts";

/** How a column is to be read: by a reader of text, as strings, as lists of strings, or as arrays of one shape. */
export type Plan =
  | { readonly as: "values"; readonly reader: ReaderName }
  | { readonly as: "strings"; readonly kind?: "category" | "text" }
  | { readonly as: "tensor"; readonly shape: readonly number[] };

export interface ColumnWriter {
  /** Adds one cell. A cell that does not fit is added as missing. @returns whether it fits. */
  add(cell: unknown): boolean;
  /** Cells that held something. */
  readonly filled: number;
  finish(name: string): Column;
}

/** Text with more different values than this, most of them seen once or twice, is no category. */
const FEW_VALUES = 50;
const TAG_SEPARATOR = ";";

export function createWriter(plan: Plan, markers: MissingMarkers): ColumnWriter {
  if (plan.as === "values") return valuesWriter(plan.reader, markers);
  if (plan.as === "strings") return stringsWriter(plan.kind, markers);
  return tensorWriter(plan.shape, markers);
}

function valuesWriter(reader: ReaderName, markers: MissingMarkers): ColumnWriter {
  const { kind, parse } = READERS[reader];
  let values = new Float64Array(1024);
  let rows = 0;
  let missing = 0;
  let names: readonly [string, string] | undefined;

  function read(cell: unknown): number {
    if (typeof cell === "string") {
      const value = parse(cell);
      if (kind === "boolean" && !Number.isNaN(value)) {
        const pair = truthPair(cell)!;
        names ??= pair;
        return pair === names ? value : NaN;
      }
      return value;
    }
    if (typeof cell === "number")
      return kind === "number" || (kind === "boolean" && (cell === 0 || cell === 1)) ? cell : NaN;
    if (typeof cell === "boolean") return kind === "boolean" ? Number(cell) : NaN;
    return NaN;
  }

  return {
    add(cell) {
      const value = read(cell);
      if (rows === values.length) values = grow(values, new Float64Array(rows * 2));
      if (!Number.isNaN(value) && !markers.hasNumber(value)) {
        values[rows++] = value;
        return true;
      }
      values[rows++] = NaN;
      missing++;
      return !Number.isNaN(value) || isNothing(cell, markers);
    },
    get filled() {
      return rows - missing;
    },
    finish: (name) => ({
      name,
      kind,
      shape: [],
      values: share("F64", values, rows),
      ...(kind === "boolean" ? { categories: names ?? ["false", "true"] } : {}),
      ...(kind === "date" ? { dateOrder: reader as DateOrder } : {}),
      missing,
    }),
  };
}

function stringsWriter(kind: "category" | "text" | undefined, markers: MissingMarkers): ColumnWriter {
  let codes = new Int32Array(1024);
  let rows = 0;
  let missing = 0;
  const known = new Map<string, number>();

  function read(cell: unknown): string | undefined {
    if (isNothing(cell, markers)) return undefined;
    if (Array.isArray(cell)) return joinTags(cell);
    return typeof cell === "object" ? undefined : String(cell);
  }

  return {
    add(cell) {
      const text = read(cell);
      if (rows === codes.length) codes = grow(codes, new Int32Array(rows * 2));
      if (text === undefined) {
        codes[rows++] = -1;
        missing++;
        return isNothing(cell, markers);
      }
      let code = known.get(text);
      if (code === undefined) {
        code = known.size;
        known.set(text, code);
      }
      codes[rows++] = code;
      return true;
    },
    get filled() {
      return rows - missing;
    },
    finish: (name) => ({
      name,
      kind: kind ?? (known.size > FEW_VALUES && known.size > (rows - missing) / 2 ? "text" : "category"),
      shape: [],
      values: share("I32", codes, rows),
      categories: [...known.keys()],
      missing,
    }),
  };
}

function tensorWriter(shape: readonly number[], markers: MissingMarkers): ColumnWriter {
  const width = sizeOf(shape);
  let values = new Float32Array(Math.max(1, width) * 64);
  let rows = 0;
  let missing = 0;
  let empty = 0;
  return {
    add(cell) {
      if (values.length < (rows + 1) * width) values = grow(values, new Float32Array(values.length * 2));
      const start = rows++ * width;
      const end = writeNested(cell, shape, 0, values, start);
      if (end === start + width) {
        for (let index = start; index < end; index++) if (Number.isNaN(values[index]!)) missing++;
        return true;
      }
      values.fill(NaN, start, start + width);
      missing += width;
      empty++;
      return isNothing(cell, markers);
    },
    get filled() {
      return rows - empty;
    },
    finish: (name) => ({ name, kind: "tensor", shape, values: share("F32", values, rows * width), missing }),
  };
}

/**
 * Writes a nested array of `shape` from its axis `axis` on, NaN for null and for the wire's `"NaN"`.
 * @returns the position after the last element, or −1 where it does not have that shape.
 */
export function writeNested(
  cell: unknown,
  shape: readonly number[],
  axis: number,
  into: Float32Array,
  position: number,
): number {
  if (axis === shape.length) {
    if (cell === null || cell === "NaN") into[position] = NaN;
    else if (typeof cell === "number" || typeof cell === "boolean") into[position] = Number(cell);
    else if (cell === "Infinity" || cell === "-Infinity") into[position] = Number(cell);
    else return -1;
    return position + 1;
  }
  if (!Array.isArray(cell) || cell.length !== shape[axis]) return -1;
  for (const item of cell) {
    position = writeNested(item, shape, axis + 1, into, position);
    if (position < 0) return -1;
  }
  return position;
}

/** The shape that a nested array's first elements suggest; its other elements may still differ. */
export function nestedShape(cell: unknown): number[] {
  const shape: number[] = [];
  for (let inner = cell; Array.isArray(inner); inner = inner[0]) {
    shape.push(inner.length);
    if (shape.length > 32) break;
  }
  return shape;
}

/** `["red", "round"]` as `red;round`; undefined where an element is no scalar, or holds the separator itself. */
function joinTags(cell: readonly unknown[]): string | undefined {
  const tags = cell.map((tag) => (typeof tag === "object" ? TAG_SEPARATOR : String(tag)));
  return tags.some((tag) => tag.includes(TAG_SEPARATOR)) ? undefined : tags.join(TAG_SEPARATOR);
}

export function isNothing(cell: unknown, markers: MissingMarkers): boolean {
  if (typeof cell === "string") return markers.has(cell);
  return (
    cell === null || cell === undefined || (typeof cell === "number" && (Number.isNaN(cell) || markers.hasNumber(cell)))
  );
}

function grow<Values extends Float64Array | Float32Array | Int32Array>(values: Values, larger: Values): Values {
  larger.set(values);
  return larger;
}

function share(dtype: "F64" | "F32" | "I32", values: Float64Array | Float32Array | Int32Array, length: number) {
  const shared = sharedArray(dtype, length);
  shared.set(values.subarray(0, length));
  return shared;
}
