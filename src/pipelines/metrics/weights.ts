/** @file Sample weights: every metric is a weighted mean, and a sample of weight 0 (padding) is as if it were not there. */

/** Anything numeric that is indexed; metrics read it and never write. */
export interface Numbers {
  readonly length: number;
  readonly [index: number]: number;
}

/** The weight of each sample: `weights` as given, or 1 for all `samples`. */
export function weightsOf(samples: number, weights: Numbers | undefined): Numbers {
  return weights ?? new Float64Array(samples).fill(1);
}

/** Σ weight · value(sample) / Σ weight; NaN when all weights are 0. */
export function weightedMean(weights: Numbers, value: (sample: number) => number): number {
  let sum = 0;
  let total = 0;
  for (let sample = 0; sample < weights.length; sample++) {
    const weight = weights[sample]!;
    if (weight === 0) continue;
    sum += weight * value(sample);
    total += weight;
  }
  return sum / total;
}

/** The plain mean of the values that are numbers; NaN when there is none. */
export function meanOfDefined(values: readonly number[]): number {
  const defined = values.filter((value) => !Number.isNaN(value));
  return defined.reduce((sum, value) => sum + value, 0) / defined.length;
}

/** `metrics` without those that are undefined (NaN) for the data. */
export function onlyDefined(metrics: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(metrics).filter(([, value]) => !Number.isNaN(value)));
}
