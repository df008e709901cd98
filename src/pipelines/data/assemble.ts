/** @file The last step of every form: the target checked, rows without one dropped if asked, the whole fingerprinted. */
import { createHash } from "node:crypto";
import { Fault } from "../../engine/index.ts";
import {
  type Column,
  type Dataset,
  type LoadReport,
  sharedArray,
  storedAs,
  targetColumns,
  widthOf,
} from "./dataset.ts";
import { unknownColumn } from "./table.ts";

export interface Parts {
  readonly name: string;
  readonly columns: readonly Column[];
  readonly rows: number;
  readonly target: string | readonly string[] | undefined;
  readonly sampleWeight?: string | undefined;
  readonly missingTarget?: "error" | "drop";
  readonly report: Omit<LoadReport, "rows" | "kinds">;
}

/** Faults: DATA_INVALID for no rows, for a target that is no column, and for weights that are no weights. */
export function assembleDataset({
  name,
  columns,
  rows,
  target = null as never,
  sampleWeight = null as never,
  missingTarget,
  report,
}: Parts): Dataset {
  if (rows === 0) {
    throw new Fault("DATA_INVALID", `${name} holds no rows`, {
      violations: [{ path: "data", message: "empty", expected: "at least one row", got: "0 rows" }],
      hint: "check the path, the header and the delimiter",
    });
  }
  const names = columns.map((column) => column.name);
  const targets = target === null ? [] : [target].flat();
  for (const [index, wanted] of targets.entries()) {
    if (!names.includes(wanted)) throw unknownColumn("target", wanted, names);
    if (targets.indexOf(wanted) < index) throw repeatedTarget(wanted);
  }
  if (sampleWeight !== null) refuseWeights(columns, sampleWeight, targets);
  const dataset: Dataset = {
    name,
    rows,
    columns,
    target,
    sampleWeight,
    hash: hashOf(columns, { target, sampleWeight }),
    report: { ...report, rows, kinds: kindsOf(columns) },
  };
  return missingTarget === "drop" ? dropUnlabelled(dataset) : dataset;
}

/** Some rows of a dataset, in the order given, as a dataset of their own. */
function takeRows(dataset: Dataset, rows: Int32Array): Dataset {
  const columns = dataset.columns.map((column) => takeColumn(column, rows));
  return {
    ...dataset,
    rows: rows.length,
    columns,
    hash: hashOf(columns, dataset),
    report: { ...dataset.report, rows: rows.length },
  };
}

/** A weight is a finite number, none is negative, and some row counts. */
function refuseWeights(columns: readonly Column[], name: string, targets: readonly string[]): void {
  const column = columns.find((candidate) => candidate.name === name);
  if (column === undefined) {
    throw unknownColumn(
      "sampleWeight",
      name,
      columns.map((candidate) => candidate.name),
    );
  }
  const { kind, shape, values } = column;
  const refuse = (message: string, expected: string, got: string): Fault =>
    new Fault("DATA_INVALID", `sample weights \`${name}\`: expected ${expected}, got ${got}`, {
      violations: [{ path: `data.${name}`, message, expected, got }],
      hint: "a row counts as much as its weight says; 0 leaves it out",
    });
  if (targets.includes(name)) throw refuse("also the target", "a column of its own", "the target");
  if ((kind !== "number" && kind !== "boolean") || shape.length > 0) throw refuse("not numbers", "numbers", kind);
  const wrong = values.findIndex((value: number) => !(value >= 0 && value < Number.POSITIVE_INFINITY));
  if (wrong >= 0) throw refuse("not a weight", "a number >= 0 in every row", `${values[wrong]} in row ${wrong + 1}`);
  if (values.every((value: number) => value === 0)) throw refuse("nothing counts", "a weight above 0", "only zeros");
}

function repeatedTarget(name: string): Fault {
  return new Fault("DATA_INVALID", `target \`${name}\` is named twice`, {
    violations: [{ path: "target", message: "named twice", expected: "different columns", got: name }],
    hint: "name each target column once",
  });
}

function dropUnlabelled(dataset: Dataset): Dataset {
  const targets = targetColumns(dataset).filter(({ missing }) => missing > 0);
  const kept = Int32Array.from(
    (function* () {
      for (let row = 0; row < dataset.rows; row++) if (!targets.some((column) => isMissing(column, row))) yield row;
    })(),
  );
  const dropped = dataset.rows - kept.length;
  if (dropped === 0) return dataset;
  if (kept.length === 0)
    throw new Fault("DATA_INVALID", `${dataset.name}: no row has a target`, { hint: "is it the right column?" });
  const taken = takeRows(dataset, kept);
  return {
    ...taken,
    report: { ...taken.report, notes: [...taken.report.notes, `${dropped} rows without a target left out`] },
  };
}

/** Whether any element of a row is missing. */
export function isMissing({ kind, shape, values }: Pick<Column, "kind" | "shape" | "values">, row: number): boolean {
  const width = widthOf({ shape });
  for (let index = row * width; index < (row + 1) * width; index++) {
    if (kind === "category" || kind === "text" ? values[index] === -1 : Number.isNaN(values[index])) return true;
  }
  return false;
}

function takeColumn(column: Column, rows: Int32Array): Column {
  const width = widthOf(column);
  const { values } = column;
  const taken = sharedArray(storedAs(column), rows.length * width);
  for (let index = 0; index < rows.length; index++) {
    const start = rows[index]! * width;
    for (let element = 0; element < width; element++) taken[index * width + element] = values[start + element]!;
  }
  const narrowed = { ...column, values: taken };
  let missing = 0;
  for (let row = 0; column.missing > 0 && row < rows.length; row++) if (isMissing(narrowed, row)) missing++;
  return { ...narrowed, missing };
}

function kindsOf(columns: readonly Column[]): LoadReport["kinds"] {
  return Object.fromEntries(columns.map(({ name, kind }) => [name, kind]));
}

function hashOf(
  columns: readonly Column[],
  { target, sampleWeight }: Pick<Dataset, "target" | "sampleWeight">,
): string {
  const roles = sampleWeight === null ? { target } : { target, sampleWeight };
  const hash = createHash("sha256").update(JSON.stringify(roles));
  for (const { name, kind, shape, values, categories } of columns) {
    hash.update(JSON.stringify({ name, kind, shape, categories }));
    for (const piece of asWritten(values))
      hash.update(new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength));
  }
  return hash.digest("hex");
}

const BYTES_AT_ONCE = 2 ** 20;

/** Bytes count as the float32 numbers that they stand for, so that the form makes no difference. */
function* asWritten(values: Column["values"]): Generator<Column["values"]> {
  if (!(values instanceof Uint8Array)) return yield values;
  for (let start = 0; start < values.length; start += BYTES_AT_ONCE)
    yield new Float32Array(values.subarray(start, start + BYTES_AT_ONCE));
}
