/** @file A held-out part: rows shuffled by a seed, in every class the same share if asked. */
import { Fault, sizeOf } from "../../engine/index.ts";
import { createRandom, permutation } from "../random.ts";
import type { Column, Dataset } from "./dataset.ts";

export interface Split {
  readonly train: Int32Array;
  readonly held: Int32Array;
}

/**
 * Row numbers of two parts, each in ascending order: the same for the same seed and data.
 * @param fraction the held-out share, between 0 and 1; at least one row goes to each part.
 * @param stratifyBy a column whose values shall have the same shares in both parts (largest remainders), but for one row of each that stays for training.
 * Faults: DATA_INVALID when there are not two rows to part.
 */
export function splitRows(dataset: Dataset, fraction: number, seed: number, stratifyBy?: string): Split {
  if (!(fraction > 0 && fraction < 1)) {
    throw new Fault("INVALID_PARAMS", `a held-out share of ${fraction} leaves nothing to train or to hold out`, {
      violations: [{ path: "validation", message: "not a share", expected: "between 0 and 1", got: String(fraction) }],
      hint: "0.2 holds out a fifth",
    });
  }
  if (dataset.rows < 2) throw tooFew(dataset.rows);
  const random = createRandom(seed, "split");
  const column = dataset.columns.find(({ name }) => name === stratifyBy);
  const groups = (column === undefined ? [allOf(dataset.rows)] : groupRows(column)).map((rows) =>
    permutation(rows.length, random).map((place) => rows[place]!),
  );
  const wanted = Math.min(dataset.rows - 1, Math.max(1, Math.round(dataset.rows * fraction)));
  const counts = apportion(
    groups.map(({ length }) => length),
    wanted,
  );
  leaveOne(counts, groups);
  const isHeld = new Uint8Array(dataset.rows);
  for (const [index, rows] of groups.entries()) for (const row of rows.slice(0, counts[index]!)) isHeld[row] = 1;
  const train = new Int32Array(dataset.rows - wanted);
  const held = new Int32Array(wanted);
  for (let row = 0, inTrain = 0, inHeld = 0; row < dataset.rows; row++) {
    if (isHeld[row]) held[inHeld++] = row;
    else train[inTrain++] = row;
  }
  return { train, held };
}

function tooFew(rows: number): Fault {
  return new Fault("DATA_INVALID", `${rows} row cannot be split into a training and a held-out part`, {
    violations: [{ path: "data", message: "too few rows", expected: "at least 2 rows", got: String(rows) }],
    hint: "leave `validation` out, or give more rows",
  });
}

/** The last rows held out: of a text, whose rows follow on each other, its end. Faults: DATA_INVALID for a single row. */
export function splitEnd({ rows: count }: Dataset, fraction: number): Split {
  if (count < 2) throw tooFew(count);
  const wanted = Math.min(count - 1, Math.max(1, Math.round(count * fraction)));
  const rows = allOf(count);
  return { train: rows.slice(0, count - wanted), held: rows.slice(count - wanted) };
}

/**
 * Rows dealt out to `count` parts of equal size, to within one; for each part the split that holds it out.
 * Faults: DATA_INVALID when there are fewer rows than parts.
 */
export function splitFolds(dataset: Dataset, count: number, seed: number, stratifyBy?: string): Split[] {
  if (dataset.rows < count) {
    throw new Fault("DATA_INVALID", `${dataset.rows} rows cannot be dealt out to ${count} parts`, {
      violations: [{ path: "folds", message: "more parts than rows", expected: `<= ${dataset.rows}`, got: `${count}` }],
      hint: "ask for fewer folds, or give more rows",
    });
  }
  const random = createRandom(seed, "folds");
  const column = dataset.columns.find(({ name }) => name === stratifyBy);
  const groups = column === undefined ? [allOf(dataset.rows)] : groupRows(column);
  const dealt = groups.flatMap((rows) => Array.from(permutation(rows.length, random), (place) => rows[place]!));
  const partOf = new Int32Array(dataset.rows);
  for (const [index, row] of dealt.entries()) partOf[row] = index % count;
  const rows = allOf(dataset.rows);
  return Array.from({ length: count }, (_, part) => ({
    train: rows.filter((row) => partOf[row] !== part),
    held: rows.filter((row) => partOf[row] === part),
  }));
}

/** `wanted` seats for groups of these sizes: whole shares first, then the largest remainders (Hamilton's method). */
function apportion(sizes: readonly number[], wanted: number): number[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const shares = sizes.map((size) => (size * wanted) / total);
  const counts = shares.map(Math.floor);
  const byRemainder = shares.map((share, index) => ({ index, remainder: share - Math.floor(share) }));
  byRemainder.sort((a, b) => b.remainder - a.remainder || a.index - b.index);
  const left = wanted - counts.reduce((sum, count) => sum + count, 0);
  for (const { index } of byRemainder.slice(0, left)) counts[index]!++;
  return counts;
}

/** Moves seats from groups that would be held out whole to groups with rows to spare, as far as there are any. */
function leaveOne(counts: number[], groups: readonly Int32Array[]): void {
  for (const [index, { length }] of groups.entries()) {
    if (counts[index]! < length) continue;
    const spare = groups.findIndex((other, place) => other.length - counts[place]! > 1);
    if (spare < 0) return;
    counts[index]!--;
    counts[spare]!++;
  }
}

/** Row numbers by value, in order of first appearance. Values that are nearly all different make no groups. */
function groupRows({ values, shape }: Column): Int32Array[] {
  const groups = new Map<number, number[]>();
  if (shape.length > 0) return [allOf(values.length / sizeOf(shape))];
  for (let row = 0; row < values.length; row++) {
    const rows = groups.get(values[row]!);
    if (rows === undefined) groups.set(values[row]!, [row]);
    else rows.push(row);
  }
  return groups.size > values.length / 2
    ? [allOf(values.length)]
    : [...groups.values()].map((rows) => Int32Array.from(rows));
}

function allOf(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, row) => row);
}
