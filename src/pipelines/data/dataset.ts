/** @file What every source of data becomes: columns of numbers in shared memory, free to pass between threads. */
import { type NdArray, sizeOf } from "../../engine/index.ts";
import type { DateOrder } from "./cells.ts";

/**
 * How a column's values are to be understood.
 * - `number`: Float64Array, NaN where missing.
 * - `boolean`: Float64Array of 0 and 1, NaN where missing; `categories` names the two as the source wrote them.
 * - `date`: Float64Array, days since 1970-01-01 UTC, fractional; NaN where missing.
 * - `category`, `text`: Int32Array of codes into `categories`, −1 where missing. Text is what has too many different values.
 * - `tensor`: Float32Array, rows × prod(shape), C order; NaN where missing. Bytes stay a Uint8Array: a quarter of the memory.
 */
export type ColumnKind = "number" | "boolean" | "date" | "category" | "text" | "tensor";

export interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
  /** Of one row; `[]` for a scalar. */
  readonly shape: readonly number[];
  /** On a SharedArrayBuffer. */
  readonly values: Float64Array | Float32Array | Int32Array | Uint8Array;
  /** The distinct strings, in order of first appearance; of a boolean, its names for false and true. */
  readonly categories?: readonly string[];
  /** Of dates written as text: the order of day, month and year. */
  readonly dateOrder?: DateOrder;
  /** How many values are missing. */
  readonly missing: number;
}

/** A row that could not be read, as it stood. */
export interface BadRow {
  /** Counted from 1, as editors do; for rows in a request, the row's number. */
  readonly line: number;
  readonly problem: string;
  /** The beginning of the row. */
  readonly text: string;
}

/** What reading the source found out, so that a host can see what was inferred, and override it. */
export interface LoadReport {
  /** `csv`, `json`, `ndjson`, `rows`, `tensors`, `npy`, `idx`, `cifar`, `images`, `builtin`. */
  readonly source: string;
  readonly rows: number;
  /** Inferred kind by column. */
  readonly kinds: Readonly<Record<string, ColumnKind>>;
  /** What the sniffing of a file decided: delimiter, header, decimal mark. */
  readonly inferred: Readonly<Record<string, string | boolean>>;
  readonly badRows: { readonly count: number; readonly first: readonly BadRow[] };
  /** Problems and decisions in words. */
  readonly notes: readonly string[];
}

export interface Dataset {
  readonly name: string;
  readonly rows: number;
  readonly columns: readonly Column[];
  /** The column to predict; several for multilabel or several outputs; null when none was named. */
  readonly target: string | readonly string[] | null;
  /** The column that says how much each row counts, in training and in evaluation; null: all count 1. */
  readonly sampleWeight: string | null;
  /** SHA-256 of columns and target, independent of the form that they came in. */
  readonly hash: string;
  readonly report: LoadReport;
}

/** A row as a host writes it. */
export type Row = Readonly<Record<string, unknown>>;

/** What prediction takes: rows keyed by column, one array for a tensor model or an all-number table, or nested arrays. */
export type Inputs = readonly Row[] | readonly unknown[] | NdArray;

/** The target's columns, in order; empty when the dataset has no target. */
export function targetColumns({ target, columns }: Dataset): Column[] {
  const names = target === null ? [] : [target].flat();
  return names.flatMap((name) => columns.filter((column) => column.name === name));
}

/** All columns but the target's and the sample weights. */
export function inputColumns({ target, sampleWeight, columns }: Dataset): Column[] {
  const names = target === null ? [] : [target].flat();
  return columns.filter(({ name }) => name !== sampleWeight && !names.includes(name));
}

/** 0 to count − 1. */
export function allRows(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, row) => row);
}

/** Elements of one row. */
export function widthOf({ shape }: Pick<Column, "shape">): number {
  return sizeOf(shape);
}

interface SharedArrays {
  F64: Float64Array;
  F32: Float32Array;
  I32: Int32Array;
  U8: Uint8Array;
}

const ARRAYS: { readonly [D in keyof SharedArrays]: (length: number) => SharedArrays[D] } = {
  F64: (length) => new Float64Array(new SharedArrayBuffer(length * 8)),
  F32: (length) => new Float32Array(new SharedArrayBuffer(length * 4)),
  I32: (length) => new Int32Array(new SharedArrayBuffer(length * 4)),
  U8: (length) => new Uint8Array(new SharedArrayBuffer(length)),
};

/** A zeroed array on a SharedArrayBuffer. */
export function sharedArray<D extends keyof SharedArrays>(dtype: D, length: number): SharedArrays[D] {
  return ARRAYS[dtype](length);
}

/** The dtype of a column's values. */
export function storedAs({ values }: Pick<Column, "values">): keyof SharedArrays {
  if (values instanceof Float64Array) return "F64";
  if (values instanceof Float32Array) return "F32";
  return values instanceof Int32Array ? "I32" : "U8";
}
