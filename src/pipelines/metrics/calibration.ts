/** @file Calibration: does a confidence of 0.8 mean right in 80 % of the cases? */
import type { Numbers } from "./weights.ts";

const BINS = 15;

/**
 * Expected calibration error: |mean confidence − share that is right| in each of 15 equal bins of confidence, averaged by
 * weight (Guo et al. 2017, "On Calibration of Modern Neural Networks", equation 3).
 * @param confidence the probability of the answer given, 0 to 1
 * @returns 0 (calibrated) to 1; NaN without samples
 */
export function calibrationError(
  weights: Numbers,
  confidence: (sample: number) => number,
  isRight: (sample: number) => boolean,
): number {
  const gaps = new Float64Array(BINS); // Σ weight · (confidence − right) in each bin
  let total = 0;
  for (let sample = 0; sample < weights.length; sample++) {
    const weight = weights[sample]!;
    if (weight === 0) continue;
    const p = confidence(sample);
    const bin = Math.min(BINS - 1, Math.max(0, Math.ceil(p * BINS) - 1)); // bins are open below, closed above
    gaps[bin]! += weight * (p - (isRight(sample) ? 1 : 0));
    total += weight;
  }
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / total;
}
