/** @file Running means and variances: of observations, and of discounted returns, by which rewards are scaled. */
import type { NdArray } from "../../engine/index.ts";
import { copyInto } from "./rows.ts";

/** Moments of all rows so far (Chan et al. 1979, as `gymnasium.wrappers.utils.RunningMeanStd` combines them). */
export interface Moments {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
  count: number;
}

/** What Gymnasium begins with, so that the first rows do not divide by zero. */
const FIRST_COUNT = 1e-4;
const EPSILON = 1e-8;

export function newMoments(width: number): Moments {
  return { mean: new Float64Array(width), variance: new Float64Array(width).fill(1), count: FIRST_COUNT };
}

export function setMoments(moments: Moments, { mean, variance, count }: Moments): void {
  moments.mean.set(mean);
  moments.variance.set(variance);
  moments.count = count;
}

/** Adds `rows` rows. */
export function addRows(moments: Moments, values: ArrayLike<number>, rows: number): void {
  const { mean, variance, count } = moments;
  const total = count + rows;
  for (let column = 0; column < mean.length; column++) {
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += values[row * mean.length + column]!;
    const own = sum / rows;
    let squares = 0;
    for (let row = 0; row < rows; row++) squares += (values[row * mean.length + column]! - own) ** 2;
    const delta = own - mean[column]!;
    const both = variance[column]! * count + squares + (delta ** 2 * count * rows) / total;
    mean[column]! += (delta * rows) / total;
    variance[column] = both / total;
  }
  moments.count = total;
}

/** (x − mean) / √(variance + ε), within ±clip. */
export function standardise(moments: Moments, from: ArrayLike<number>, into: Float32Array, clip: number): void {
  const { mean, variance } = moments;
  const width = mean.length;
  for (let at = 0; at < into.length; at++) {
    const column = at % width;
    const value = (from[at]! - mean[column]!) / Math.sqrt(variance[column]! + EPSILON);
    into[at] = value > clip ? clip : Math.max(value, -clip);
  }
}

/** Observations as a policy sees them: by running statistics, where its spec says so, or as they are. */
export interface Normaliser {
  readonly moments: Moments | null;
  /** `rows` rows that count from now on. */
  take(from: ArrayLike<number>, into: Float32Array, rows: number): void;
  /** Rows that only are looked at. */
  look(from: ArrayLike<number>, into: Float32Array): void;
}

/** @param width numbers of an observation @param normaliser of a policy's spec */
export function createNormaliser(width: number, normaliser: { readonly clip: number } | null): Normaliser {
  if (normaliser === null)
    return { moments: null, take: (from, into) => copyInto(into, from), look: (from, into) => copyInto(into, from) };
  const moments = newMoments(width);
  const look = (from: ArrayLike<number>, into: Float32Array): void => standardise(moments, from, into, normaliser.clip);
  return {
    moments,
    take(from, into, rows) {
      addRows(moments, from, rows);
      look(from, into);
    },
    look,
  };
}

/** What standardising multiplies by and adds, for a graph. */
export function affine({ mean, variance }: Moments): { scale: Float32Array; shift: Float32Array } {
  const scale = Float32Array.from(variance, (value) => 1 / Math.sqrt(value + EPSILON));
  return { scale, shift: Float32Array.from(mean, (value, column) => -value / Math.sqrt(variance[column]! + EPSILON)) };
}

/** Rewards by the deviation of their discounted sums (`gymnasium.wrappers.vector.NormalizeReward`). */
export interface RewardScaler {
  readonly moments: Moments;
  /** [count] */
  readonly returns: Float64Array;
}

export const newRewardScaler = (count: number): RewardScaler => ({
  moments: newMoments(1),
  returns: new Float64Array(count),
});

/** Scales rewards in place, after they have been counted. */
export function scaleRewards(
  { moments, returns }: RewardScaler,
  rewards: Float32Array,
  terminated: Uint8Array,
  { gamma, clip }: { gamma: number; clip: number },
): void {
  for (let copy = 0; copy < returns.length; copy++) {
    returns[copy] = returns[copy]! * gamma * (1 - terminated[copy]!) + rewards[copy]!;
  }
  addRows(moments, returns, returns.length);
  const scale = 1 / Math.sqrt(moments.variance[0]! + EPSILON);
  for (let copy = 0; copy < rewards.length; copy++) {
    rewards[copy] = Math.max(-clip, Math.min(clip, rewards[copy]! * scale));
  }
}

/** Moments as tensors under `name`, and back. */
export function momentTensors(name: string, { mean, variance, count }: Moments): Record<string, NdArray> {
  const shape = [mean.length];
  return {
    [`${name}.mean`]: { dtype: "F64", shape, data: mean.slice() },
    [`${name}.variance`]: { dtype: "F64", shape, data: variance.slice() },
    [`${name}.count`]: { dtype: "F64", shape: [1], data: Float64Array.of(count) },
  };
}

export function restoreMoments(name: string, moments: Moments, tensors: Readonly<Record<string, NdArray>>): void {
  moments.mean.set(tensors[`${name}.mean`]!.data as Float64Array);
  moments.variance.set(tensors[`${name}.variance`]!.data as Float64Array);
  moments.count = Number(tensors[`${name}.count`]!.data[0]);
}
