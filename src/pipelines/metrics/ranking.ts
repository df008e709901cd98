/** @file How well one score separates yes from no, over all thresholds at once: ROC AUC and average precision. */
import type { Numbers } from "./weights.ts";

/** Areas under the two curves; NaN where undefined (no positives, or no negatives). */
export interface RankingMetrics {
  /** Area under the ROC curve by the trapezoid rule; tied scores count one half. */
  readonly rocAuc: number;
  /** Σ (Rₙ − Rₙ₋₁) · Pₙ over the distinct thresholds, without interpolation. */
  readonly averagePrecision: number;
}

/**
 * Walks the samples from the highest score down, one group of equal scores at a time.
 * @param score of a sample, any finite number; higher means more likely positive
 */
export function rankingMetrics(
  weights: Numbers,
  isPositive: (sample: number) => boolean,
  score: (sample: number) => number,
): RankingMetrics {
  const scores = Float64Array.from({ length: weights.length }, (_, sample) => score(sample));
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]!);
  let positives = 0;
  let negatives = 0;
  let areaUnderRoc = 0; // in units of positives × negatives
  let areaUnderPrecision = 0; // in units of positives
  for (let start = 0; start < order.length; ) {
    const threshold = scores[order[start]!]!;
    let end = start;
    let newPositives = 0;
    let newNegatives = 0;
    for (; end < order.length && scores[order[end]!] === threshold; end++) {
      const sample = order[end]!;
      if (isPositive(sample)) newPositives += weights[sample]!;
      else newNegatives += weights[sample]!;
    }
    if (end === start) return { rocAuc: Number.NaN, averagePrecision: Number.NaN }; // a score that is not a number
    areaUnderRoc += newNegatives * (positives + newPositives / 2);
    positives += newPositives;
    negatives += newNegatives;
    if (newPositives > 0) areaUnderPrecision += (newPositives * positives) / (positives + negatives);
    start = end;
  }
  return {
    rocAuc: areaUnderRoc / (positives * negatives),
    averagePrecision: areaUnderPrecision / positives,
  };
}
