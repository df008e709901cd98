/** @file Rows in a request to raw rows: objects keyed by column, or arrays in the columns' order, cell by cell. */
import { Fault, type NdArray, sizeOf, type Violation } from "../../engine/index.ts";
import { type DateOrder, missingMarkers, parseBoolean, parseNumber, READERS } from "../data/cells.ts";
import type { Inputs, Row } from "../data/dataset.ts";
import { cellOf, isRow } from "../data/rows.ts";
import { describeArray, toFloats } from "../data/tensors.ts";
import { isNothing, nestedShape, writeNested } from "../data/writers.ts";
import { show } from "../registry/parse.ts";
import { codesOf, type InputColumn, type Preprocessing } from "./preprocessing.ts";
import { LARGEST_F32, notFinite, refuse } from "./refuse.ts";
import { textOf, tokenWriter } from "./tokens.ts";

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

/**
 * Raw rows of objects keyed by column.
 * @param onNote told once for each key that is no column. Faults: DATA_INVALID naming rows and columns, NON_FINITE.
 */
export function encodeRowObjects(
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

/** Rows as arrays, one cell for each column in the model's order. Faults: SHAPE_MISMATCH, DATA_INVALID, NON_FINITE. */
export function encodeRowArrays(inputs: Inputs, preprocessing: Preprocessing): Float32Array {
  const { columns } = preprocessing;
  const order = columns.map(({ name }) => name).join(", ");
  if (!Array.isArray(inputs)) {
    if ("shape" in inputs && inputs.shape.join() === "0") return new Float32Array(0); // no rows at all
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
