/** @file Made-up rows as an exported file takes them, and one of them for its card. */
import { type NdArray, type Shape, type StringArray, sizeOf } from "../../engine/index.ts";
import type { InputColumn } from "../preprocess/preprocessing.ts";
import { tokenWriter } from "../preprocess/tokens.ts";
import { createRandom } from "../random.ts";
import type { Registry } from "../registry/registry.ts";
import { outputNames, targetType } from "../targets/index.ts";
import { type ModelCard, plain } from "./card.ts";
import { type FittedRecord, translates } from "./network.ts";
import { soleName } from "./onnxPorts.ts";
import type { inventRows } from "./samples.ts";

/** A sample row larger than this is left out of the card. */
const LARGEST_SAMPLE = 4096;

export type Rows = ReturnType<typeof inventRows>;

/** The same rows as the file takes them. */
export function feedsOf(record: FittedRecord, rows: Rows): Record<string, NdArray | StringArray> {
  if (!Array.isArray(rows)) return { [soleName(record)]: rows as NdArray };
  return Object.fromEntries(
    record.preprocessing.columns.map((column) => {
      const { name, kind, shape, width } = column;
      const cells = rows.map((row) => row[name]);
      const dimensions = [rows.length, ...(shape.length === 0 ? [1] : shape)];
      if (kind === "tokens") return [name, tokensOf(column, cells as string[], dimensions)];
      if (kind === "category") {
        return [name, { dtype: "STRING", shape: dimensions, data: cells.map((cell) => String(cell ?? "")) }];
      }
      const data = new Float32Array(rows.length * width);
      cells.forEach((cell, row) => {
        data.set(([cell ?? Number.NaN] as unknown[]).flat(Number.POSITIVE_INFINITY) as number[], row * width);
      });
      return [name, { dtype: "F32", shape: dimensions, data }];
    }),
  );
}

function tokensOf(column: InputColumn, texts: readonly string[], shape: Shape): NdArray {
  const write = tokenWriter(column);
  const data = new Float32Array(texts.length * column.width);
  for (const [row, text] of texts.entries()) write(text, data, row * column.width, column.name);
  return { dtype: "F32", shape, data };
}

/** Any tokens, to compare two executors on. */
export function inventPrevious(
  registry: Registry,
  record: FittedRecord,
  rows: number,
): { readonly own: Int32Array; readonly theirs: NdArray } | undefined {
  if (!translates(registry, record.spec)) return undefined;
  const [, length] = targetType(record.target, 1).shape as [number, number];
  const stream = createRandom(0, "export", "previous");
  const start = outputNames(record.target).length;
  const own = Int32Array.from({ length: rows * length }, (_, index) =>
    index % length === 0 ? start : stream.integer(start),
  );
  return { own, theirs: { dtype: "I64", shape: [rows, length], data: BigInt64Array.from(own, BigInt) } };
}

export function withSample(
  card: ModelCard,
  record: FittedRecord,
  rows: Rows,
  answers: Readonly<Record<string, NdArray>>,
): ModelCard {
  const feeds = feedsOf(record, rows);
  const first = ({ shape, data }: NdArray | StringArray): unknown[] =>
    Array.from(data.slice(0, sizeOf(shape.slice(1))) as ArrayLike<number | string>, (value) => plain(value));
  const size = Object.values(feeds).reduce((sum, { shape }) => sum + sizeOf(shape.slice(1)), 0);
  if (size > LARGEST_SAMPLE) return card;
  const inputs = Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, first(feed)]));
  const outputs = Object.fromEntries(card.outputs.map(({ name }) => [name, first(answers[name]!)]));
  return { ...card, sample: { inputs, outputs } };
}
