/** @file Rows as an exported graph takes them, strings already as codes: those of a dataset, or those that were made up to check the file. */
import { Fault, type ModelProto, type NdArray, type Shape, type StringArray, sizeOf } from "../../engine/index.ts";
import { allRows, type Dataset, inputColumns, widthOf } from "../data/dataset.ts";
import { arranged } from "../model/arranged.ts";
import type { PredictionContext } from "../model/loaded.ts";
import { type FittedRecord, translates } from "../model/network.ts";
import { startOf } from "../model/previous.ts";
import { encodeDataset } from "../preprocess/encodeDataset.ts";
import { encodeTarget } from "../targets/index.ts";
import type { Feeds } from "./runGraph.ts";
import { encodeStrings } from "./strings.ts";

export interface Samples {
  readonly count: number;
  /** Whether they were made up, for want of data. */
  readonly isInvented: boolean;
  /** How many a graph of fixed size takes at once; left out: any number. */
  readonly fixed?: number | undefined;
  feeds(from: number, to: number): Feeds;
}

/** Rows of a dataset, evenly spread over it, since neighbours are often alike. */
export function spreadRows(rows: number, count: number): Int32Array {
  if (count >= rows) return allRows(rows);
  return Int32Array.from({ length: count }, (_, index) => Math.floor(((index + 0.5) * rows) / count));
}

/** Those that a file's own check feeds it. */
export function inventedSamples(model: ModelProto, given: Readonly<Record<string, NdArray | StringArray>>): Samples {
  const whole = encodeStrings(model, given);
  const count = Math.min(...Object.values(whole).map(({ shape }) => shape[0]!));
  return { count, isInvented: true, fixed: fixedRows(model), feeds: (from, to) => rowsOf(whole, from, to) };
}

/** Rows that the graph's first input has, where it doesn't leave that open. */
function fixedRows({ graph }: ModelProto): number | undefined {
  const { dimValue } = graph!.input?.[0]?.type?.tensorType?.shape?.dim?.[0] ?? {};
  return dimValue === undefined ? undefined : Number(dimValue);
}

function rowsOf(feeds: Feeds, from: number, to: number): Feeds {
  const entries = Object.entries(feeds).map(([name, { dtype, shape, data }]): [string, NdArray] => {
    const width = sizeOf(shape.slice(1));
    return [name, { dtype, shape: [to - from, ...shape.slice(1)], data: data.slice(from * width, to * width) }];
  });
  return Object.fromEntries(entries);
}

/** Rows of a dataset for a model of ours, its inputs being columns in their order, and what has been written after them. */
export function datasetSamples(
  { registry }: Pick<PredictionContext, "registry">,
  record: FittedRecord,
  model: ModelProto,
  dataset: Dataset,
  count: number,
): Samples {
  const ready = arranged(registry, record.spec, dataset);
  const rows = spreadRows(ready.rows, count);
  const raw = encodeDataset(ready, record.preprocessing, rows);
  const names = (model.graph!.input ?? []).map(({ name = "" }) => name);
  const { columns, rawWidth } = record.preprocessing;
  const whole: Record<string, NdArray> = {};
  for (const [index, { shape, width, offset }] of columns.entries()) {
    const data = new Float32Array(rows.length * width);
    for (let row = 0; row < rows.length; row++) {
      const start = row * rawWidth + offset;
      data.set(raw.subarray(start, start + width), row * width);
    }
    whole[names[index]!] = { dtype: "F32", shape: [rows.length, ...(shape.length === 0 ? [1] : shape)], data };
  }
  if (translates(registry, record.spec)) {
    const target = encodeTarget(ready, record.target, rows);
    whole[names[columns.length]!] = { dtype: "I32", shape: target.shape, data: shifted(target, startOf(record)) };
  }
  return { count: rows.length, isInvented: false, feeds: (from, to) => rowsOf(whole, from, to) };
}

/** What should have been written before each place. */
function shifted({ shape, data }: NdArray, start: number): Int32Array {
  const time = shape[1]!;
  return Int32Array.from(data as Int32Array, (_, index) =>
    index % time === 0 ? start : Math.max(0, Number(data[index - 1])),
  );
}

/**
 * Rows of a dataset for a graph of one input that changes from row to row, such as a policy's observations: its other
 * inputs stay what the first made-up row has.
 * @throws Fault SHAPE_MISMATCH for rows of another width
 */
export function plainSamples(
  model: ModelProto,
  given: Readonly<Record<string, NdArray | StringArray>>,
  dataset: Dataset,
  count: number,
): Samples {
  const invented = encodeStrings(model, given);
  const [[name, first] = ["", undefined], ...others] = Object.entries(invented);
  const columns = inputColumns(dataset);
  const [width, own] = [sizeOf(first!.shape.slice(1)), columns.reduce((sum, column) => sum + widthOf(column), 0)];
  if (own !== width) {
    const [expected, got] = [`${width} numbers a row, ${showRow(first!.shape)}`, `${own}`];
    throw new Fault("SHAPE_MISMATCH", `\`data\`: rows do not fit the input \`${name}\``, {
      violations: [{ path: "data", message: "another width", expected, got }],
      hint: 'give what the model takes, such as {"x": observations}',
    });
  }
  const rows = spreadRows(dataset.rows, count);
  const data = first!.dtype === "F32" ? new Float32Array(rows.length * width) : new Int32Array(rows.length * width);
  let offset = 0;
  for (const column of columns) {
    const size = widthOf(column);
    for (let row = 0; row < rows.length; row++)
      for (let element = 0; element < size; element++)
        data[row * width + offset + element] = column.values[rows[row]! * size + element]!;
    offset += size;
  }
  const whole: Record<string, NdArray> = {
    [name]: { dtype: first!.dtype, shape: [rows.length, ...first!.shape.slice(1)], data },
  };
  for (const [other, value] of others) whole[other] = repeated(value, rows.length);
  const fixed = fixedRows(model);
  const used = fixed === undefined ? rows.length : rows.length - (rows.length % fixed);
  return { count: used, isInvented: false, fixed, feeds: (from, to) => rowsOf(whole, from, to) };
}

const showRow = (shape: Shape): string => `[${shape.slice(1).join(", ")}]`;

function repeated({ dtype, shape, data }: NdArray, count: number): NdArray {
  const width = sizeOf(shape.slice(1));
  const values = new (dtype === "F32" ? Float32Array : Int32Array)(count * width);
  for (let index = 0; index < values.length; index++) values[index] = Number(data[index % data.length]);
  return { dtype, shape: [count, ...shape.slice(1)], data: values };
}

const MOST_NUMBERS = 2 ** 24;

/** Rows that fit in a piece of working memory. @param perRow numbers that are kept for each */
export const batchFor = (perRow: number): number =>
  Math.max(1, Math.min(64, Math.floor(MOST_NUMBERS / Math.max(1, perRow))));

export const rowSize = (shapes: readonly Shape[], rows: number): number =>
  shapes.reduce((sum, shape) => sum + sizeOf(shape) / rows, 0);
