/** @file Targets as numbers, whatever their kind: one codec for each, and the two things that are asked of all of them. */
import { Fault, type NdArray, type TensorType } from "../../engine/index.ts";
import { allRows, type Column, type Dataset, targetColumns } from "../data/dataset.ts";
import type { TargetKind } from "../registry/define.ts";
import { classes } from "./classes.ts";
import type { Codec, TargetOptions } from "./codec.ts";
import type { EncodingOf, TargetEncoding } from "./encoding.ts";
import { labels } from "./labels.ts";
import { refuseMissing } from "./refusals.ts";
import { sequence } from "./sequence.ts";
import { tasks } from "./tasks.ts";
import { inputs, none } from "./unsupervised.ts";
import { values } from "./values.ts";

export type { TargetOptions } from "./codec.ts";
export type * from "./encoding.ts";
export { standardiseTarget, unitsOf } from "./values.ts";

const CODECS: { readonly [Kind in TargetKind]: Codec<Kind> } = {
  classes,
  labels,
  values,
  sequence,
  inputs,
  none,
  tasks,
};

const codecOf = <Kind extends TargetKind>(kind: Kind): Codec<Kind> => CODECS[kind] as Codec<Kind>;

/**
 * Learns the encoding from the rows given (all rows that training and validation will use: a class that only the held-out
 * part has would otherwise be unknown to it).
 * @param only the target columns to look at; all that the dataset names when left out.
 * Faults: DATA_INVALID when there is no target, a target is missing in a row, one class only, or targets of the wrong kind.
 */
export function fitTarget<Kind extends TargetKind>(
  kind: Kind,
  dataset: Dataset,
  rows: Int32Array,
  options: TargetOptions = {},
  only?: readonly string[],
): EncodingOf<Kind> {
  const codec = codecOf(kind);
  if (!codec.reads) return codec.fit([], rows, options, dataset);
  const columns = only === undefined ? targetColumns(dataset) : columnsNamed(dataset, only);
  if (columns.length === 0) {
    throw new Fault("DATA_INVALID", `dataset \`${dataset.name}\` names no target`, {
      violations: [{ path: "data.target", message: "no column to predict", expected: "a column name", got: "nothing" }],
      hint: `name one of its columns: ${dataset.columns.map(({ name }) => name).join(", ")}`,
    });
  }
  if (kind !== "sequence") refuseMissing(columns, rows);
  return codec.fit(columns, rows, options, dataset);
}

/**
 * The targets of `rows` (all rows by default), in the order of `rows`: in their own units (`standardiseTarget` is the
 * graph's part).
 * Faults: DATA_INVALID naming column, row, expected and got, for a class or label outside the encoding.
 */
export function encodeTarget(
  dataset: Dataset,
  encoding: TargetEncoding,
  rows: Int32Array = allRows(dataset.rows),
): NdArray {
  const codec = codecOf(encoding.kind) as Codec<TargetKind>;
  const columns = columnsNamed(dataset, encoding.columns);
  if (encoding.kind !== "sequence") refuseMissing(columns, rows);
  const data = codec.encode(columns, rows, encoding as never, dataset);
  return { dtype: codec.dtype, shape: [rows.length, ...codec.shape(encoding as never)], data };
}

/** Those columns; a dataset with one target stands for the one that the model learned, whatever it is called. */
function columnsNamed(dataset: Dataset, names: readonly string[]): Column[] {
  return names.map((name) => {
    const column = dataset.columns.find((candidate) => candidate.name === name);
    if (column !== undefined) return column;
    const [alone, ...others] = targetColumns(dataset);
    if (names.length === 1 && alone !== undefined && others.length === 0) return alone;
    throw new Fault("DATA_INVALID", `dataset \`${dataset.name}\` has no column \`${name}\`, the model's target`, {
      violations: [{ path: `data.${name}`, message: "target column missing", expected: name, got: "nothing" }],
      hint: `its columns are ${dataset.columns.map((other) => other.name).join(", ")}`,
    });
  });
}

/** The type of a batch's targets. */
export function targetType(encoding: TargetEncoding, batch: number): TensorType {
  const codec = codecOf(encoding.kind) as Codec<TargetKind>;
  const dtype = codec.dtype;
  return { dtype, shape: [batch, ...codec.shape(encoding as never)] };
}

/** The names of what a target encoding predicts: classes, labels, or one for each output. */
export function outputNames(encoding: TargetEncoding): readonly string[] {
  return (codecOf(encoding.kind) as Codec<TargetKind>).names(encoding as never);
}
