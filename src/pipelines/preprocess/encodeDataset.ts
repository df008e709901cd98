/** @file Datasets to raw rows: which column fills which input of the model, and how its values are converted. */
import { parseNumber } from "../data/cells.ts";
import { allRows, type Column, type Dataset, inputColumns, sharedArray, widthOf } from "../data/dataset.ts";
import { nameOf } from "../targets/names.ts";
import { codesOf, type InputColumn, type Preprocessing, soleTensor } from "./preprocessing.ts";
import { LARGEST_F32, mismatch, missingColumns, notFinite, wrongKind } from "./refuse.ts";
import { tokenWriter } from "./tokens.ts";

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
