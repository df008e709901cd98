/** @file Rows on their way into a program: an order for each epoch, and a batch at a time written into its input views. */
import type { Program, Shape, TypedArray } from "../../engine/index.ts";
import { sizeOf } from "../../engine/index.ts";
import { createRandom, permutation } from "../random.ts";

/** Rows ready for a program: preprocessed, or raw, for a program that preprocesses them itself. */
export interface Rows {
  readonly count: number;
  /** Whether preprocessing is still to come, in the graph: of bytes, which would take four times the room as floats. */
  readonly isRaw: boolean;
  /** Of one row, as it stands in `features`. */
  readonly featureShape: Shape;
  /** count × prod(featureShape). */
  readonly features: Float32Array | Uint8Array;
  /** count × what one row's target takes: class indices, 0 and 1, or values in their own units. */
  readonly target: Int32Array | Float32Array;
  /** What each row counts; null: all count 1. */
  readonly weight: Float32Array | null;
}

/** The input views of a program that takes batches; the first axis of each is the batch. */
export interface BatchViews {
  readonly features: TypedArray;
  /** Absent where nothing is a target. */
  readonly target?: TypedArray;
  readonly weight: TypedArray;
  /** Of rows that are mixed: the targets of what is mixed in, and how much of each row is its own. */
  readonly partner?: TypedArray;
  readonly share?: TypedArray;
  /** Of rows that are seen twice: the other view of each. */
  readonly second?: TypedArray;
}

/** Those of a program; inputs that its graph never uses are absent. */
export function viewsOf({ features, target, weight, partner, share, second }: Program["inputs"]): BatchViews {
  const mixed = partner === undefined || share === undefined ? {} : { partner, share };
  const others = { ...(target === undefined ? {} : { target }), ...(second === undefined ? {} : { second }) };
  return { features: features!, weight: weight!, ...others, ...mixed };
}

/** The order in which an epoch (counted from 0) visits `count` rows: a function of seed and epoch alone. */
export function orderOf(count: number, seed: number, epoch: number, shuffle: boolean): Int32Array {
  return shuffle
    ? permutation(count, createRandom(seed, "order", epoch))
    : Int32Array.from({ length: count }, (_, row) => row);
}

/** Below this width a loop beats `set`, which costs some 50 ns a call. */
const NARROW = 24;

/** Copies rows `order[from]` to `order[to − 1]` of a matrix of `width` columns to the beginning of `into`. */
function gather(
  into: TypedArray,
  source: TypedArray,
  width: number,
  order: Int32Array,
  from: number,
  to: number,
): void {
  if (width >= NARROW) {
    for (let index = from; index < to; index++) {
      const start = order[index]! * width;
      (into as Float32Array).set((source as Float32Array).subarray(start, start + width), (index - from) * width);
    }
    return;
  }
  let place = 0;
  for (let index = from; index < to; index++) {
    const start = order[index]! * width;
    for (let element = 0; element < width; element++) into[place++] = source[start + element]!;
  }
}

/**
 * Writes the batch that begins at `order[from]`. Where fewer rows than the batch holds are left, the rest keeps an earlier
 * batch's rows, weighted by zero.
 * @returns how many rows it is, and their weights together.
 */
export function fillBatch(
  views: BatchViews,
  rows: Rows,
  order: Int32Array,
  from: number,
): { count: number; weight: number } {
  const to = Math.min(order.length, from + views.weight.length);
  gather(views.features, rows.features, sizeOf(rows.featureShape), order, from, to);
  return fillTargets(views, rows, order, from);
}

/** The batch's targets and weights alone. */
export function fillTargets(
  views: BatchViews,
  rows: Rows,
  order: Int32Array,
  from: number,
): { count: number; weight: number } {
  const to = Math.min(order.length, from + views.weight.length);
  if (views.target !== undefined) gather(views.target, rows.target, rows.target.length / rows.count, order, from, to);
  const count = to - from;
  const weights = views.weight as Float32Array;
  weights.fill(0, count);
  if (rows.weight === null) {
    weights.fill(1, 0, count);
    return { count, weight: count };
  }
  gather(weights, rows.weight, 1, order, from, to);
  let weight = 0;
  for (let index = 0; index < count; index++) weight += weights[index]!;
  return { count, weight };
}

/** Features that were made elsewhere. */
export function fillFeatures(views: BatchViews, features: Float32Array): void {
  (views.features as Float32Array).set(features);
}

/** What the first `count` rows were mixed with, for programs that ask. */
export function fillPartners(
  { partner, share }: BatchViews,
  { target, count: rows }: Rows,
  partners: Int32Array,
  shares: Float32Array,
  count: number,
): void {
  if (partner === undefined || share === undefined) return;
  gather(partner, target, target.length / rows, partners, 0, count);
  (share as Float32Array).set(shares.subarray(0, count));
}
