/**
 * @file From the values that a tensor took to the range that its integers are to cover, by the methods of onnxruntime's
 * calibrators: the smallest and largest; percentiles; the threshold that loses least information.
 */
import type { Range } from "./integers.ts";

export const METHODS = ["minmax", "percentile", "entropy"] as const;
export type Method = (typeof METHODS)[number];

export interface RangeOptions {
  readonly method: Method;
  /** Of the values that stay inside, both ends together. */
  readonly percentile: number;
  readonly numBins: number;
  /** Of entropy: into how many the histogram is squeezed to see what is lost. */
  readonly numQuantizedBins: number;
}

/** Bins of one width from −threshold to threshold, which the largest magnitude decides. */
export interface Histogram {
  readonly threshold: number;
  readonly counts: Float64Array;
}

export const needsHistogram = ({ method }: RangeOptions): boolean => method !== "minmax";

export const emptyHistogram = ([low, high]: Range, { numBins }: RangeOptions): Histogram => ({
  threshold: Math.max(Math.abs(low), Math.abs(high)),
  counts: new Float64Array(numBins),
});

export function widen(range: Range | undefined, values: ArrayLike<number>): Range {
  let [low, high] = range ?? [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

export function count({ threshold, counts }: Histogram, values: ArrayLike<number>): void {
  if (threshold === 0) return;
  const perUnit = counts.length / (2 * threshold);
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (!Number.isFinite(value)) continue;
    counts[Math.min(counts.length - 1, Math.max(0, Math.floor((value + threshold) * perUnit)))]! += 1;
  }
}

/** @param seen the smallest and the largest @param histogram of all values; left out for min-max */
export function rangeBy(options: RangeOptions, seen: Range, histogram?: Histogram): Range {
  if (!(seen[0] <= seen[1])) return [0, 0];
  if (histogram === undefined || histogram.threshold === 0) return seen;
  const [low, high] = options.method === "entropy" ? byEntropy(histogram, options) : byPercentile(histogram, options);
  return [Math.max(low, seen[0]), Math.min(high, seen[1])];
}

const edgeOf = ({ threshold, counts }: Histogram, bin: number): number =>
  -threshold + (2 * threshold * bin) / counts.length;

/** Half of what may fall outside on either side, at the left edges of their bins. */
function byPercentile(histogram: Histogram, { percentile }: RangeOptions): Range {
  const { counts } = histogram;
  const total = counts.reduce((sum, size) => sum + size, 0);
  const cut = (100 - percentile) / 200;
  const firstFrom = (share: number): number => {
    let below = 0;
    for (let bin = 0; bin < counts.length; bin++) {
      below += counts[bin]! / total;
      if (below >= share) return bin;
    }
    return counts.length;
  };
  return [edgeOf(histogram, firstFrom(cut)), edgeOf(histogram, firstFrom(1 - cut))];
}

/**
 * Of all thresholds around zero, the one whose histogram, squeezed into few bins and spread again, diverges least from
 * itself with all that lies outside gathered at its ends (Migacz 2017, "8-bit inference with TensorRT").
 */
function byEntropy(histogram: Histogram, { numQuantizedBins }: RangeOptions): Range {
  const { counts } = histogram;
  const middle = Math.floor(counts.length / 2);
  let best: { readonly divergence: number; readonly start: number; readonly end: number } | undefined;
  for (let half = Math.floor(numQuantizedBins / 2); half <= middle; half++) {
    const [start, end] = [middle - half, Math.min(middle + half + 1, counts.length)];
    const divergence = divergenceOf(counts, start, end, numQuantizedBins);
    if (best === undefined || divergence < best.divergence) best = { divergence, start, end };
  }
  if (best === undefined) return [-histogram.threshold, histogram.threshold];
  return [edgeOf(histogram, best.start), edgeOf(histogram, best.end)];
}

/** D(p ‖ q) of the histogram between two bins, and of the same squeezed into `bins` and spread again; plain loops, run often. */
function divergenceOf(counts: Float64Array, start: number, end: number, bins: number): number {
  const inside = counts.subarray(start, end);
  const size = inside.length;
  const p = inside.slice();
  p[0]! += sum(counts, 0, start);
  p[size - 1]! += sum(counts, end, counts.length);
  const q = new Float64Array(size);
  const width = Math.floor(size / bins);
  for (let bin = 0; bin < bins; bin++) {
    const [from, to] = [bin * width, (bin + 1) * width];
    let taken = 0;
    for (let index = from; index < to; index++) if (p[index] !== 0) taken++;
    // whole numbers, as onnxruntime's calibrator keeps them
    if (taken > 0) q.fill(Math.floor(sum(inside, from, bin === bins - 1 ? size : to) / taken), from, to);
  }
  const [massOfP, massOfQ] = [sum(p, 0, size), sum(q, 0, size)];
  if (!smooth(p) || !smooth(q)) return Number.POSITIVE_INFINITY;
  let total = 0;
  for (let index = 0; index < size; index++) total += p[index]! * Math.log(p[index]! / q[index]!);
  return total / massOfP + Math.log(massOfQ / massOfP);
}

function sum(values: Float64Array, from: number, to: number): number {
  let total = 0;
  for (let index = from; index < to; index++) total += values[index]!;
  return total;
}

const EPSILON = 1e-4;

/** In place: a little from the bins that have some to those that have none. @returns whether there is enough to give */
function smooth(counts: Float64Array): boolean {
  let empty = 0;
  for (let index = 0; index < counts.length; index++) if (counts[index] === 0) empty++;
  const taken = (EPSILON * empty) / (counts.length - empty);
  if (!(taken < 1)) return false;
  for (let index = 0; index < counts.length; index++) {
    counts[index] = counts[index] === 0 ? EPSILON : counts[index]! - taken;
  }
  return true;
}
