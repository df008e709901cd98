/**
 * @file From what a host hands over to raw rows: one float32 for each number, the category's code for a string, NaN for a
 * missing value. No statistics here: those are the graph's part.
 */
import { Fault, type NdArray, showShape, sizeOf, type Violation } from "../../engine/index.ts";
import { type DateOrder, missingMarkers, parseBoolean, parseNumber, READERS } from "../data/cells.ts";
import {
  allRows,
  type Column,
  type Dataset,
  type Inputs,
  inputColumns,
  type Row,
  sharedArray,
  widthOf,
} from "../data/dataset.ts";
import { cellOf, isRow } from "../data/rows.ts";
import { describeArray, toArray, toFloats } from "../data/tensors.ts";
import { isNothing, nestedShape, writeNested } from "../data/writers.ts";
import { show } from "../registry/parse.ts";
import { nameOf } from "../targets/names.ts";
import { type InputColumn, type Preprocessing, soleTensor, soleText } from "./preprocessing.ts";
import { textOf, tokenWriter } from "./tokens.ts";

/**
 * Raw rows `[rows, rawWidth]` of a dataset, in the order of `rows` (all of them by default).
 * Faults: DATA_INVALID naming the column that is missing or of another kind.
 */
export function encodeDataset(
  dataset: Dataset,
  preprocessing: Preprocessing,
  rows: Int32Array = allRows(dataset.rows),
): Float32Array {
  const encoded = new Float32Array(rows.length * preprocessing.rawWidth);
  let offset = 0;
  for (const { from, to } of matchColumns(dataset, preprocessing)) {
    if (to.kind === "tokens" && from.kind !== "tensor") {
      encodeTexts(from, to, rows, encoded.subarray(offset), preprocessing.rawWidth);
      offset += to.width;
      continue;
    }
    const valueAt = CONVERSIONS[to.kind](from, to);
    const width = widthOf(from);
    for (let index = 0; index < rows.length; index++) {
      const start = index * preprocessing.rawWidth + offset;
      for (let element = 0; element < width; element++)
        encoded[start + element] = valueAt(rows[index]! * width + element);
    }
    offset += width;
  }
  return encoded;
}

/** @param encoded from the column's first number on @param stride numbers from row to row */
function encodeTexts(from: Column, to: InputColumn, rows: Int32Array, encoded: Float32Array, stride: number): void {
  const write = tokenWriter(to);
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index]!;
    const isMissing = Number.isNaN(from.values[row]) || from.values[row] === -1;
    write(isMissing ? "" : nameOf(from, row), encoded, index * stride, `data.${from.name}[${row}]`);
  }
}

/** Raw rows that are bytes as bytes, on shared memory: of a model that takes one tensor, where the dataset has it as bytes. */
export function encodeBytes(dataset: Dataset, preprocessing: Preprocessing, rows?: Int32Array): Uint8Array | null {
  if (soleTensor(preprocessing) === undefined) return null;
  const [match, ...others] = matchColumns(dataset, preprocessing);
  const { values } = match!.from;
  if (others.length > 0 || !(values instanceof Uint8Array)) return null;
  if (rows === undefined) return values;
  const width = widthOf(match!.from);
  const taken = sharedArray("U8", rows.length * width);
  for (let index = 0; index < rows.length; index++) {
    const start = rows[index]! * width;
    taken.set(values.subarray(start, start + width), index * width);
  }
  return taken;
}

/**
 * Raw rows `[rows, rawWidth]` of what a host wants predicted: rows as objects keyed by column (a missing key is refused,
 * null is a missing value, other keys are left out), rows as arrays in the order of the columns, or a tensor.
 * @param onNote told, once for each key, what was left out.
 * Faults: SHAPE_MISMATCH with the shapes expected and got; DATA_INVALID and NON_FINITE naming row and column.
 */
export function encodeInputs(
  inputs: Inputs,
  preprocessing: Preprocessing,
  onNote?: (note: string) => void,
): Float32Array {
  if (Array.isArray(inputs) && inputs.length > 0 && inputs.some(isRow))
    return encodeRowObjects(inputs, preprocessing, onNote);
  const text = soleText(preprocessing);
  if (text !== undefined && Array.isArray(inputs) && inputs.some((row) => typeof row === "string")) {
    const named = inputs.map((row): Row => ({ [text.name]: row as unknown }));
    return encodeRowObjects(named, preprocessing, onNote);
  }
  const sole = soleTensor(preprocessing) ?? text;
  const shape = sole === undefined ? [preprocessing.columns.length] : sole.shape;
  const isMixed =
    preprocessing.columns.some(({ kind }) => kind === "category" || kind === "tensor" || kind === "tokens") &&
    sole === undefined;
  if (isMixed || (sole === undefined && Array.isArray(inputs) && hasText(inputs)))
    return encodeRowArrays(inputs, preprocessing);
  return encodeTensor(inputs, shape, preprocessing);
}

/** Either of the two. */
export function encodeRows(
  source: Dataset | Inputs,
  preprocessing: Preprocessing,
  onNote?: (note: string) => void,
): Float32Array {
  return isDataset(source) ? encodeDataset(source, preprocessing) : encodeInputs(source, preprocessing, onNote);
}

function isDataset(source: Dataset | Inputs): source is Dataset {
  return !Array.isArray(source) && "columns" in source && "report" in source;
}

// Datasets ------------------------------------------------------------------------------------------------------------

/** Which column of a dataset fills which input of the model, in the model's order. */
function matchColumns(dataset: Dataset, preprocessing: Preprocessing): { from: Column; to: InputColumn }[] {
  const byName = new Map(dataset.columns.map((column) => [column.name, column]));
  const sole = soleTensor(preprocessing);
  if (sole !== undefined && !byName.has(sole.name)) return spreadOver(dataset, sole);
  const offered = inputColumns(dataset);
  const [alone] = offered;
  if (alone?.kind === "tensor" && offered.length === 1 && sole === undefined)
    return spreadFrom(dataset, alone, preprocessing);
  const missing = preprocessing.columns.filter(({ name }) => !byName.has(name));
  if (missing.length > 0)
    throw missingColumns(
      missing.map(({ name }) => name),
      dataset,
    );
  return preprocessing.columns.map((to) => {
    const from = byName.get(to.name)!;
    if (widthOf(from) !== to.width && !(to.kind === "tokens" && from.kind !== "tensor")) {
      throw mismatch(`column \`${to.name}\``, `[rows, ${to.shape.join(", ")}]`, `[rows, ${from.shape.join(", ")}]`);
    }
    return { from, to };
  });
}

/** A model of one tensor takes another tensor of its shape, or a table of as many numbers, in the table's order. */
function spreadOver(dataset: Dataset, sole: InputColumn): { from: Column; to: InputColumn }[] {
  const offered = inputColumns(dataset);
  const width = offered.reduce((sum, column) => sum + widthOf(column), 0);
  if (width === sole.width) return offered.map((from) => ({ from, to: { ...sole, name: from.name } }));
  throw mismatch("inputs", `[rows, ${sole.shape.join(", ")}]`, `[${dataset.rows}, ${width}]`);
}

/** A model of number columns takes one tensor of as many numbers. */
function spreadFrom(dataset: Dataset, tensor: Column, { columns }: Preprocessing): { from: Column; to: InputColumn }[] {
  const categories = columns.filter(({ kind }) => kind === "category");
  if (categories.length > 0)
    throw missingColumns(
      categories.map(({ name }) => name),
      dataset,
    );
  if (widthOf(tensor) !== columns.length)
    throw mismatch("inputs", `[rows, ${columns.length}]`, `[${dataset.rows}, ${tensor.shape.join(", ")}]`);
  return [{ from: tensor, to: { ...columns[0]!, kind: "tensor" } }];
}

type Conversion = (from: Column, to: InputColumn) => (index: number) => number;

const numeric: Conversion = (from, to) => {
  if (from.kind === "category" || from.kind === "text") {
    const isWord = from.categories!.map((name) => Number.isNaN(parseNumber(name)));
    const first = from.values.findIndex((code: number) => isWord[code] === true);
    if (first >= 0) throw wrongKind(to, first, from.categories![from.values[first]!]!);
    const numbers = from.categories!.map(parseNumber);
    return (index) => numbers[from.values[index]!] ?? NaN;
  }
  const { values } = from;
  const limited = to.steps.some(({ type }) => type === "clip");
  return (index) => {
    const value = values[index]!;
    if (!limited && Math.abs(value) > LARGEST_F32)
      throw notFinite(`data.${from.name}[${Math.floor(index / widthOf(from))}]`, value);
    return value;
  };
};

/** How a column of a dataset becomes each kind of input. */
const CONVERSIONS: Readonly<Record<InputColumn["kind"], Conversion>> = {
  number: numeric,
  boolean: numeric,
  date: numeric,
  tensor: numeric,
  tokens: numeric,
  category(from, to) {
    const codes = codesOf(to);
    const { values, categories, kind } = from;
    if (kind === "category" || kind === "text") {
      const translated = categories!.map((name) => codes.get(name) ?? to.unknownCode!);
      return (index) => (values[index]! < 0 ? NaN : translated[values[index]!]!);
    }
    return (index) => {
      const value = values[index]!;
      if (Number.isNaN(value)) return NaN;
      return (
        codes.get(kind === "boolean" && categories !== undefined ? categories[value]! : String(value)) ??
        to.unknownCode!
      );
    };
  },
};

function codesOf({ categories }: InputColumn): Map<string, number> {
  return new Map(categories!.map((name, code) => [name, code]));
}

// Rows in a request ---------------------------------------------------------------------------------------------------

const MARKERS = missingMarkers(["NA", "N/A", "nan", "null", "none", "?", "-"]);
const SHOWN = 10;

type CellReader = (cell: unknown, column: InputColumn) => number | undefined;

/** One scalar of a host's row; undefined where it does not fit. */
const CELLS: Readonly<Record<Exclude<InputColumn["kind"], "category" | "tensor" | "tokens">, CellReader>> = {
  number: (cell) =>
    typeof cell === "number"
      ? cell
      : typeof cell === "string"
        ? known(parseNumber(cell))
        : typeof cell === "boolean"
          ? Number(cell)
          : undefined,
  boolean(cell, { categories }) {
    if (typeof cell === "boolean" || cell === 0 || cell === 1) return Number(cell);
    if (typeof cell !== "string") return undefined;
    const place = categories!.findIndex((name) => name.toLowerCase() === cell.trim().toLowerCase());
    return place >= 0 ? place : known(parseBoolean(cell));
  },
  date: (cell, { dateOrder = "iso" }) =>
    typeof cell === "number" ? cell : typeof cell === "string" ? known(parseIsoOr(dateOrder, cell)) : undefined,
};

/** ISO dates are understood whatever the training data wrote. */
function parseIsoOr(order: DateOrder, text: string): number {
  const value = READERS.iso.parse(text);
  return Number.isNaN(value) ? READERS[order].parse(text) : value;
}

function known(value: number): number | undefined {
  return Number.isNaN(value) ? undefined : value;
}

function encodeRowObjects(
  rows: readonly unknown[],
  preprocessing: Preprocessing,
  onNote?: (note: string) => void,
): Float32Array {
  const names = new Set(preprocessing.columns.map(({ name }) => name));
  const extra = new Set<string>();
  const violations: Violation[] = [];
  for (const [index, row] of rows.entries()) {
    if (!isRow(row)) {
      violations.push({
        path: `inputs[${index}]`,
        message: "not an object, as other rows are",
        expected: "an object keyed by column",
        got: show(row),
      });
      continue;
    }
    for (const name of names) {
      if (!Object.hasOwn(row, name))
        violations.push({
          path: `inputs[${index}].${name}`,
          message: "missing key",
          expected: `column \`${name}\``,
          got: "nothing",
        });
    }
    for (const name in row) if (!names.has(name)) extra.add(name);
    if (violations.length >= SHOWN) break;
  }
  refuse(violations, "give every row all of the model's columns; null stands for a missing value");
  for (const name of extra) onNote?.(`key \`${name}\` is no input of this model and was left out`);
  return fillRaw(
    rows.length,
    preprocessing,
    (row, column) => cellOf(rows[row] as Row, column.name),
    (row, column) => `inputs[${row}].${column.name}`,
  );
}

/** Rows as arrays, one cell for each column in the model's order. */
function encodeRowArrays(inputs: Inputs, preprocessing: Preprocessing): Float32Array {
  const { columns } = preprocessing;
  const order = columns.map(({ name }) => name).join(", ");
  if (!Array.isArray(inputs)) {
    throw new Fault("DATA_INVALID", `this model takes rows with the columns ${order}, got ${describeArray(inputs)}`, {
      violations: [
        { path: "inputs", message: "not rows", expected: `objects with ${order}`, got: describeArray(inputs) },
      ],
      hint: "send rows as objects keyed by column: some columns hold categories",
    });
  }
  for (const [index, row] of inputs.entries()) {
    if (Array.isArray(row) && row.length === columns.length) continue;
    const got = Array.isArray(row) ? `${row.length} values` : show(row);
    throw new Fault("SHAPE_MISMATCH", `inputs[${index}]: expected ${columns.length} values (${order}), got ${got}`, {
      violations: [
        { path: `inputs[${index}]`, message: "wrong row", expected: `${columns.length} values: ${order}`, got },
      ],
      hint: "send rows as objects keyed by column, or as arrays in this order",
    });
  }
  return fillRaw(
    inputs.length,
    preprocessing,
    (row, column) => (inputs[row] as unknown[])[columns.indexOf(column)],
    (row, column) => `inputs[${row}].${column.name}`,
  );
}

function fillRaw(
  rows: number,
  { columns, rawWidth }: Preprocessing,
  cellAt: (row: number, column: InputColumn) => unknown,
  pathOf: (row: number, column: InputColumn) => string,
): Float32Array {
  const raw = new Float32Array(rows * rawWidth);
  const violations: Violation[] = [];
  for (const column of columns) {
    const codes = column.kind === "category" ? codesOf(column) : undefined;
    const writeText = column.kind === "tokens" ? tokenWriter(column) : noText;
    for (let row = 0; row < rows && violations.length < SHOWN; row++) {
      const start = row * rawWidth + column.offset;
      const cell = cellAt(row, column);
      if (column.kind === "tokens" && isText(cell)) {
        writeText(textOf(cell), raw, start, pathOf(row, column));
      } else if (column.kind === "tensor" || column.kind === "tokens") {
        if (!writeTensor(cell, column, raw, start)) violations.push(wrongCell(pathOf(row, column), column, cell));
      } else if (isNothing(cell, MARKERS)) {
        raw[start] = NaN;
      } else if (codes !== undefined) {
        if (typeof cell === "object") violations.push(wrongCell(pathOf(row, column), column, cell));
        raw[start] = codes.get(String(cell)) ?? column.unknownCode!;
      } else {
        const value = CELLS[column.kind as keyof typeof CELLS](cell, column);
        if (value === undefined) violations.push(wrongCell(pathOf(row, column), column, cell));
        else if (Math.abs(value) > LARGEST_F32 && !column.steps.some(({ type }) => type === "clip"))
          throw notFinite(pathOf(row, column), value);
        raw[start] = value ?? NaN;
      }
    }
  }
  refuse(violations, "give a value of the column's kind, or null where it is missing");
  return raw;
}

/** What stands for a text: a string, a number, nothing, or a list of strings. */
const isText = (cell: unknown): boolean =>
  Array.isArray(cell) ? cell.some((part) => typeof part === "string") : typeof cell !== "object" || cell === null;

const noText: ReturnType<typeof tokenWriter> = () => {};

function writeTensor(cell: unknown, column: InputColumn, raw: Float32Array, start: number): boolean {
  if (typeof cell === "object" && cell !== null && "data" in cell) {
    const { shape, data } = cell as NdArray;
    if (sizeOf(shape) !== column.width || data.length !== column.width) return false;
    raw.set(toFloats(cell as NdArray), start);
    return true;
  }
  return writeNested(cell, column.shape, 0, raw, start) === start + column.width;
}

function wrongCell(path: string, column: InputColumn, cell: unknown): Violation {
  const expected = column.kind === "tensor" ? `array [${column.shape.join(", ")}]` : column.kind;
  const got = column.kind === "tensor" && Array.isArray(cell) ? `array [${nestedShape(cell).join(", ")}]` : show(cell);
  return { path, message: `not a ${column.kind}`, expected, got };
}

// Tensors -------------------------------------------------------------------------------------------------------------

const LARGEST_F32 = 3.4028234663852886e38;

function encodeTensor(inputs: Inputs, rowShape: readonly number[], { columns, rawWidth }: Preprocessing): Float32Array {
  const expected = `[batch, ${rowShape.join(", ")}]`;
  const given = toArray(inputs, "inputs");
  // No rows at all: nested arrays cannot say of which shape.
  const array = given.shape.length === 1 && given.shape[0] === 0 ? { ...given, shape: [0, ...rowShape] } : given;
  if (array.dtype === "STRING") {
    throw new Fault("DATA_INVALID", "`inputs` holds strings where the model takes numbers", {
      violations: [{ path: "inputs", message: "not numbers", expected, got: "strings" }],
      hint: "send numbers",
    });
  }
  const { shape } = array;
  const isFlat = (shape.length === 2 && shape[1] === rawWidth) || (shape.length === 1 && rawWidth === 1);
  const fits = shape.length === rowShape.length + 1 && rowShape.every((size, axis) => shape[axis + 1] === size);
  if (!fits && !isFlat) throw mismatch("inputs", expected, showShape(shape));
  const floats = toFloats(array);
  for (let index = 0; index < floats.length; index++) {
    if (Number.isFinite(floats[index])) continue;
    const element = index % rawWidth;
    const column = columns.length === 1 ? columns[0]! : columns[element]!;
    const handled = Number.isNaN(floats[index]) ? "impute" : "clip";
    if (!column.steps.some(({ type }) => type === handled))
      throw notFinite(`inputs[${Math.floor(index / rawWidth)}, ${element}]`, floats[index]!);
  }
  return floats;
}

function hasText(inputs: readonly unknown[]): boolean {
  return inputs.some(
    (row) =>
      Array.isArray(row) &&
      row.some((cell) => cell === null || (typeof cell === "string" && !Number.isFinite(Number(cell)))),
  );
}

// Refusals ------------------------------------------------------------------------------------------------------------

function refuse(violations: readonly Violation[], hint: string): void {
  if (violations.length === 0) return;
  const { path, message, expected, got } = violations[0]!;
  throw new Fault("DATA_INVALID", `\`${path}\`: ${message}: expected ${expected}, got ${got}`, { violations, hint });
}

function mismatch(path: string, expected: string, got: string): Fault {
  return new Fault("SHAPE_MISMATCH", `${path}: expected ${expected}, got ${got}`, {
    violations: [{ path, message: "wrong shape", expected, got }],
    hint: "the first axis is the batch; one row still needs it: [[…]]",
  });
}

function missingColumns(names: readonly string[], dataset: Dataset): Fault {
  return new Fault(
    "DATA_INVALID",
    `\`${dataset.name}\` lacks ${names.map((name) => `\`${name}\``).join(", ")}, which the model takes`,
    {
      violations: names.map((name) => ({
        path: `data.${name}`,
        message: "missing column",
        expected: name,
        got: "nothing",
      })),
      hint: `its columns are ${dataset.columns.map(({ name }) => name).join(", ")}`,
    },
  );
}

function wrongKind(column: InputColumn, row: number, got: string): Fault {
  return new Fault(
    "DATA_INVALID",
    `column \`${column.name}\`, row ${row + 1}: expected a ${column.kind}, got \`${got}\``,
    {
      violations: [{ path: `data.${column.name}[${row}]`, message: "wrong kind", expected: column.kind, got }],
      hint: `the model learned \`${column.name}\` as a ${column.kind}; mend the values, or say "types": {"${column.name}": "${column.kind}"} to count them as missing`,
    },
  );
}

function notFinite(path: string, value: number): Fault {
  return new Fault("NON_FINITE", `\`${path}\` is ${value}: not a finite float32`, {
    violations: [{ path, message: "not finite", expected: "a finite number", got: String(value) }],
    hint: "mend the value, or train with a `clip` (or, for NaN, an `impute`) step on its column",
  });
}
