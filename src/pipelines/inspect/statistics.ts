/** @file What some numbers are like: in float64, those that are not finite counted apart. */

export interface Histogram {
  /** How many numbers lie between an edge and the next; the last edge belongs to the last bin. */
  readonly counts: readonly number[];
  /** One more than there are bins. */
  readonly edges: readonly number[];
}

export interface Statistics {
  readonly count: number;
  /** NaN and infinities; all else is said of the finite ones. */
  readonly nonFinite: number;
  readonly mean: number;
  /** Of the population. */
  readonly std: number;
  readonly min: number;
  readonly max: number;
  /** Euclidean. */
  readonly norm: number;
  /** Share of exact zeros. */
  readonly zeros: number;
  readonly histogram?: Histogram;
}

/** @param bins of the histogram; 0: none. Of no finite numbers all is 0. */
export function statisticsOf(values: ArrayLike<number>, bins = 0): Statistics {
  let [sum, zeros, finite] = [0, 0, 0];
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (!Number.isFinite(value)) continue;
    finite++;
    sum += value;
    if (value === 0) zeros++;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const nonFinite = values.length - finite;
  if (finite === 0) return { count: values.length, nonFinite, mean: 0, std: 0, min: 0, max: 0, norm: 0, zeros: 0 };
  const mean = sum / finite;
  let [squares, spread] = [0, 0];
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (!Number.isFinite(value)) continue;
    squares += value * value;
    spread += (value - mean) ** 2;
  }
  return {
    count: values.length,
    nonFinite,
    mean,
    std: Math.sqrt(spread / finite),
    min,
    max,
    norm: Math.sqrt(squares),
    zeros: zeros / finite,
    ...(bins > 0 && { histogram: histogramOf(values, min, max, bins) }),
  };
}

/** Bins of one width; of equal numbers a single one. */
function histogramOf(values: ArrayLike<number>, min: number, max: number, bins: number): Histogram {
  if (min === max) {
    let count = 0;
    for (let index = 0; index < values.length; index++) if (Number.isFinite(values[index])) count++;
    return { counts: [count], edges: [min, max] };
  }
  const counts = new Array<number>(bins).fill(0);
  const width = (max - min) / bins;
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (Number.isFinite(value)) counts[Math.min(bins - 1, Math.floor((value - min) / width))]!++;
  }
  return { counts, edges: Array.from({ length: bins + 1 }, (_, edge) => (edge === bins ? max : min + edge * width)) };
}
