/** @file Targets as numbers: classes to codes, labels to zeros and ones, values to values; and back. */
import { Fault, type NdArray, type Tensor } from "../../engine/index.ts";
import { type Column, type Dataset, targetColumns, widthOf } from "../data/dataset.ts";
import type { Constants } from "./apply.ts";

/** What a fitted target knows; plain JSON, saved with the model. */
export type TargetEncoding =
  | {
      readonly kind: "classes";
      readonly columns: readonly [string];
      /** By code. Numeric classes in numeric order, others sorted as strings. */
      readonly classes: readonly string[];
    }
  | {
      readonly kind: "labels";
      readonly columns: readonly string[];
      /** `columns`: one 0/1 column for each label; `tags`: strings such as `red;round`; `tensor`: one 0/1 array a row. */
      readonly source: "columns" | "tags" | "tensor";
      readonly labels: readonly string[];
    }
  | {
      readonly kind: "values";
      readonly columns: readonly string[];
      /** Numbers per row. */
      readonly width: number;
      /** The network learns (value − center) · scale; 0 and 1 when targets are not standardised. By output. */
      readonly center: readonly number[];
      readonly scale: readonly number[];
    };

export interface TargetOptions {
  /** What the pipeline learns: one class a row, any number of labels a row, or numbers. */
  readonly task: "classification" | "multilabel" | "regression";
  /** Regression: learn standardised targets. Default true. */
  readonly standardise?: boolean;
  /** Classes or labels that the spec fixes beforehand; the data may hold no others. */
  readonly classes?: readonly string[];
}

const TAG_SEPARATOR = ";";

/**
 * Learns the encoding from the rows given (all rows that training and validation will use: a class that only the held-out
 * part has would otherwise be unknown to it).
 * Faults: DATA_INVALID when there is no target, a target is missing in a row, one class only, or targets of the wrong kind.
 */
export function fitTarget(dataset: Dataset, rows: Int32Array, options: TargetOptions): TargetEncoding {
  const columns = targetColumns(dataset);
  if (columns.length === 0) {
    throw new Fault("DATA_INVALID", `dataset \`${dataset.name}\` names no target`, {
      violations: [{ path: "data.target", message: "no column to predict", expected: "a column name", got: "nothing" }],
      hint: `name one of its columns: ${dataset.columns.map(({ name }) => name).join(", ")}`,
    });
  }
  refuseMissing(columns, rows);
  return FITS[options.task](columns, rows, options);
}

const FITS: Record<
  TargetOptions["task"],
  (columns: readonly Column[], rows: Int32Array, options: TargetOptions) => TargetEncoding
> = {
  classification(columns, rows, { classes: fixed }) {
    const [column] = columns;
    if (columns.length > 1) {
      throw wrongTarget(
        columns[1]!.name,
        "one target column",
        `${columns.length}`,
        "for several labels a row use pipeline `multilabel`",
      );
    }
    const found = distinctNames(column!, rows);
    refuseContinuous(column!, rows, found.size);
    const classes = fixed ?? [...found].sort(byNumberThenName(found));
    refuseStrangers(column!, rows, classes);
    if (classes.length < 2) {
      throw wrongTarget(
        column!.name,
        "at least 2 classes",
        `only \`${classes[0]}\``,
        "a classifier needs rows of at least two classes; was another column meant as the target?",
      );
    }
    return { kind: "classes", columns: [column!.name], classes };
  },

  multilabel(columns, rows, { classes: fixed }) {
    const names = columns.map(({ name }) => name);
    if (columns.length === 1 && columns[0]!.kind === "tensor") {
      const column = columns[0]!;
      refuseNotBinary(column, rows);
      const labels = fixed ?? Array.from({ length: widthOf(column) }, (_, label) => String(label));
      if (labels.length !== widthOf(column)) {
        throw wrongTarget(
          column.name,
          `${labels.length} labels a row`,
          `${widthOf(column)}`,
          "name as many labels as the target has columns",
        );
      }
      return { kind: "labels", columns: names, source: "tensor", labels };
    }
    if (columns.length === 1 && columns[0]!.kind !== "number" && columns[0]!.kind !== "boolean") {
      const found = new Set<string>();
      const column = columns[0]!;
      for (const name of distinctNames(column, rows)) for (const tag of tagsOf(name)) found.add(tag);
      return {
        kind: "labels",
        columns: names,
        source: "tags",
        labels: fixed ?? [...found].sort(byNumberThenName(found)),
      };
    }
    for (const column of columns) refuseNotBinary(column, rows);
    return { kind: "labels", columns: names, source: "columns", labels: names };
  },

  regression(columns, rows, { standardise = true }) {
    for (const column of columns) {
      if (column.kind === "category" || column.kind === "text") {
        throw wrongTarget(
          column.name,
          "numbers",
          `${column.kind} such as \`${column.categories![column.values[rows[0] ?? 0]!] ?? ""}\``,
          "to predict categories use pipeline `classification`",
        );
      }
    }
    const width = columns.reduce((sum, column) => sum + widthOf(column), 0);
    const values = encodeValues(columns, rows, width);
    const center = new Array<number>(width).fill(0);
    const scale = new Array<number>(width).fill(1);
    for (let output = 0; standardise && output < width; output++) {
      let sum = 0;
      for (let row = 0; row < rows.length; row++) sum += values[row * width + output]!;
      const mean = sum / rows.length;
      let squares = 0;
      for (let row = 0; row < rows.length; row++) squares += (values[row * width + output]! - mean) ** 2;
      const deviation = Math.sqrt(squares / rows.length);
      center[output] = mean;
      scale[output] = deviation > 0 ? 1 / deviation : 1;
    }
    return { kind: "values", columns: columns.map(({ name }) => name), width, center, scale };
  },
};

/**
 * The targets of `rows` (all rows by default), in the order of `rows`.
 * @returns classes: I32 `[rows]` codes; labels: F32 `[rows, labels]` of 0 and 1; values: F32 `[rows, width]` in their own
 * units (`standardiseTarget` is the graph's part).
 * Faults: DATA_INVALID naming column, row, expected and got, for a class or label outside the encoding.
 */
export function encodeTarget(
  dataset: Dataset,
  encoding: TargetEncoding,
  rows: Int32Array = allRows(dataset.rows),
): NdArray {
  const columns = encoding.columns.map((name) => {
    const column = dataset.columns.find((candidate) => candidate.name === name);
    if (column !== undefined) return column;
    const [alone, ...others] = targetColumns(dataset);
    if (encoding.columns.length === 1 && alone !== undefined && others.length === 0) return alone;
    throw new Fault("DATA_INVALID", `dataset \`${dataset.name}\` has no column \`${name}\`, the model's target`, {
      violations: [{ path: `data.${name}`, message: "target column missing", expected: name, got: "nothing" }],
      hint: `its columns are ${dataset.columns.map((column) => column.name).join(", ")}`,
    });
  });
  refuseMissing(columns, rows);
  switch (encoding.kind) {
    case "classes":
      return { dtype: "I32", shape: [rows.length], data: encodeClasses(columns[0]!, rows, encoding.classes) };
    case "labels":
      return {
        dtype: "F32",
        shape: [rows.length, encoding.labels.length],
        data: encodeLabels(columns, rows, encoding),
      };
    case "values":
      return {
        dtype: "F32",
        shape: [rows.length, encoding.width],
        data: Float32Array.from(encodeValues(columns, rows, encoding.width)),
      };
  }
}

/** Values `[batch, width]` in their own units to what the network learns. */
export function standardiseTarget(t: Constants, values: Tensor, encoding: TargetEncoding): Tensor {
  if (encoding.kind !== "values" || isIdentity(encoding)) return values;
  return values.sub(vector(t, encoding.center)).mul(vector(t, encoding.scale));
}

/** What the network answers `[batch, width]` back to the target's own units. */
export function restoreTarget(t: Constants, outputs: Tensor, encoding: TargetEncoding): Tensor {
  if (encoding.kind !== "values" || isIdentity(encoding)) return outputs;
  return outputs
    .mul(
      vector(
        t,
        encoding.scale.map((scale) => 1 / scale),
      ),
    )
    .add(vector(t, encoding.center));
}

function isIdentity({ center, scale }: Extract<TargetEncoding, { kind: "values" }>): boolean {
  return center.every((value) => value === 0) && scale.every((value) => value === 1);
}

function vector(t: Constants, values: readonly number[]): Tensor {
  return t.constant({ dtype: "F32", shape: [values.length], data: Float32Array.from(values) });
}

/** 0 to count − 1. */
export function allRows(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, row) => row);
}

/** A class's name as the source wrote it: a category, the name of a truth value, or a number's shortest form. */
function nameOf({ kind, values, categories }: Column, row: number): string {
  const value = values[row]!;
  return kind !== "number" && kind !== "date" && categories !== undefined ? categories[value]! : String(value);
}

function distinctNames(column: Column, rows: Int32Array): Set<string> {
  if (column.kind === "tensor" && widthOf(column) !== 1) {
    throw wrongTarget(
      column.name,
      "one class a row",
      `an array of shape [${column.shape.join(", ")}]`,
      "give class numbers, or use pipeline `multilabel`",
    );
  }
  const distinct = new Set<number>();
  const names = new Set<string>();
  for (const row of rows) {
    const value = column.values[row]!;
    if (distinct.has(value)) continue;
    distinct.add(value);
    names.add(nameOf(column, row));
  }
  return names;
}

/** Numbers in numeric order if all names are numbers, else by code unit. */
export function byNumberThenName(names: ReadonlySet<string>): (a: string, b: string) => number {
  const numeric = [...names].every((name) => name.trim() !== "" && Number.isFinite(Number(name)));
  return numeric ? (a, b) => Number(a) - Number(b) : (a, b) => (a < b ? -1 : a > b ? 1 : 0);
}

function tagsOf(joined: string): string[] {
  return joined
    .split(TAG_SEPARATOR)
    .map((tag) => tag.trim())
    .filter((tag) => tag !== "");
}

function encodeClasses(column: Column, rows: Int32Array, classes: readonly string[]): Int32Array {
  refuseStrangers(column, rows, classes);
  const codes = new Map(classes.map((name, code) => [name, code]));
  const byValue = new Map<number, number>();
  const encoded = new Int32Array(rows.length);
  for (let index = 0; index < rows.length; index++) {
    const value = column.values[rows[index]!]!;
    let code = byValue.get(value);
    if (code === undefined) {
      code = codes.get(nameOf(column, rows[index]!))!;
      byValue.set(value, code);
    }
    encoded[index] = code;
  }
  return encoded;
}

function encodeLabels(
  columns: readonly Column[],
  rows: Int32Array,
  { source, labels }: Extract<TargetEncoding, { kind: "labels" }>,
): Float32Array {
  if (source !== "tags") {
    for (const column of columns) refuseNotBinary(column, rows);
    return Float32Array.from(encodeValues(columns, rows, labels.length));
  }
  const column = columns[0]!;
  const codes = new Map(labels.map((label, code) => [label, code]));
  const encoded = new Float32Array(rows.length * labels.length);
  for (let index = 0; index < rows.length; index++) {
    for (const tag of tagsOf(nameOf(column, rows[index]!))) {
      const code = codes.get(tag);
      if (code === undefined) throw strangeClass(column.name, rows[index]!, labels, tag);
      encoded[index * labels.length + code] = 1;
    }
  }
  return encoded;
}

function encodeValues(columns: readonly Column[], rows: Int32Array, width: number): Float64Array {
  const values = new Float64Array(rows.length * width);
  let start = 0;
  for (const column of columns) {
    const size = widthOf(column);
    if (start + size > width) break;
    for (let index = 0; index < rows.length; index++) {
      for (let element = 0; element < size; element++) {
        const value = column.values[rows[index]! * size + element]!;
        if (!Number.isFinite(value))
          throw wrongTarget(
            column.name,
            "a finite number",
            `${value} in row ${rows[index]! + 1}`,
            "remove the row or limit the value",
          );
        values[index * width + start + element] = value;
      }
    }
    start += size;
  }
  if (start !== width) {
    throw new Fault(
      "SHAPE_MISMATCH",
      `targets have ${columns.reduce((sum, column) => sum + widthOf(column), 0)} numbers a row, the model learned ${width}`,
      {
        violations: [
          { path: "data.target", message: "wrong width", expected: `[rows, ${width}]`, got: `[rows, ${start}]` },
        ],
      },
    );
  }
  return values;
}

function wrongTarget(column: string, expected: string, got: string, hint: string): Fault {
  return new Fault("DATA_INVALID", `target \`${column}\`: expected ${expected}, got ${got}`, {
    violations: [{ path: `data.${column}`, message: "unsuitable target", expected, got }],
    hint,
  });
}

function strangeClass(column: string, row: number, classes: readonly string[], got: string): Fault {
  const shown = classes.slice(0, 20).join(", ") + (classes.length > 20 ? `, … (${classes.length})` : "");
  return new Fault(
    "DATA_INVALID",
    `target \`${column}\`, row ${row + 1}: \`${got}\` is not one of the model's classes`,
    {
      violations: [{ path: `data.${column}[${row}]`, message: "unknown class", expected: `one of ${shown}`, got }],
      hint: "train a new model on data with this class, or remove such rows",
    },
  );
}

function refuseMissing(columns: readonly Column[], rows: Int32Array): void {
  for (const column of columns) {
    if (column.missing === 0) continue;
    const width = widthOf(column);
    const isMissing = (row: number) => {
      for (let element = 0; element < width; element++) {
        const value = column.values[row * width + element]!;
        if (Number.isNaN(value) || (value === -1 && (column.kind === "category" || column.kind === "text")))
          return true;
      }
      return false;
    };
    const lost = rows.filter(isMissing);
    if (lost.length === 0) continue;
    throw new Fault("DATA_INVALID", `target \`${column.name}\` is missing in ${lost.length} of ${rows.length} rows`, {
      violations: [
        { path: `data.${column.name}[${lost[0]}]`, message: "missing target", expected: "a value", got: "nothing" },
      ],
      hint: 'fill them in, or drop such rows with `"missingTarget": "drop"` in the data reference',
    });
  }
}

function refuseStrangers(column: Column, rows: Int32Array, classes: readonly string[]): void {
  const known = new Set(classes);
  const seen = new Set<number>();
  for (const row of rows) {
    const value = column.values[row]!;
    if (seen.has(value)) continue;
    seen.add(value);
    const name = nameOf(column, row);
    if (!known.has(name)) throw strangeClass(column.name, row, classes, name);
  }
}

/** Fractions with hardly a repetition are measurements, not class numbers. */
function refuseContinuous({ name, kind, values }: Column, rows: Int32Array, distinct: number): void {
  if (kind === "category" || kind === "boolean" || distinct <= 20 || distinct <= rows.length / 2) return;
  if (kind === "number" && rows.every((row) => Number.isInteger(values[row]))) return;
  throw wrongTarget(
    name,
    "classes",
    `${distinct} different values in ${rows.length} rows`,
    kind === "text"
      ? "nearly every row has a class of its own: is it the right column?"
      : "to predict numbers use pipeline `regression`",
  );
}

function refuseNotBinary(column: Column, rows: Int32Array): void {
  const width = widthOf(column);
  for (const row of rows) {
    for (let element = 0; element < width; element++) {
      const value = column.values[row * width + element]!;
      const named = column.kind === "category" || column.kind === "text";
      if (named || (value !== 0 && value !== 1)) {
        const got = named ? `\`${nameOf(column, row)}\`` : String(value);
        throw wrongTarget(
          column.name,
          "0 or 1",
          `${got} in row ${row + 1}`,
          "give each label a column of 0 and 1, or one column of tags such as `red;round`",
        );
      }
    }
  }
}
