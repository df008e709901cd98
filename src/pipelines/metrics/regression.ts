/** @file All metrics of a model that predicts numbers. */
import { meanOfDefined, type Numbers, onlyDefined, weightedMean, weightsOf } from "./weights.ts";

export interface RegressionResult {
  /** samples × outputs, row by row. */
  readonly targets: Numbers;
  /** samples × outputs, row by row, in the targets' own units. */
  readonly predictions: Numbers;
  readonly outputs: number;
  /** One weight a sample; all 1 when left out. */
  readonly weights?: Numbers | undefined;
  /** The quantile that pinball loss judges; 0.5 when left out. */
  readonly quantile?: number | undefined;
}

/**
 * mse, rmse, mae, r2 and pinball, each the plain mean over the outputs.
 * r2 of a constant target is 1 when predicted exactly, else 0; it is undefined for fewer than two samples.
 */
export function regressionMetrics(result: RegressionResult): { metrics: Record<string, number> } {
  const { targets, predictions, outputs, quantile = 0.5 } = result;
  const weights = weightsOf(targets.length / outputs, result.weights);
  const samples = Array.from({ length: weights.length }, (_, sample) => weights[sample]!).filter((w) => w > 0).length;

  const perOutput = Array.from({ length: outputs }, (_, output) => {
    const target = (sample: number): number => targets[sample * outputs + output]!;
    const error = (sample: number): number => target(sample) - predictions[sample * outputs + output]!;
    const mse = weightedMean(weights, (sample) => error(sample) ** 2);
    const mean = weightedMean(weights, target);
    const variance = weightedMean(weights, (sample) => (target(sample) - mean) ** 2);
    return {
      mse,
      rmse: Math.sqrt(mse),
      mae: weightedMean(weights, (sample) => Math.abs(error(sample))),
      r2: samples < 2 ? Number.NaN : variance === 0 ? (mse === 0 ? 1 : 0) : 1 - mse / variance,
      pinball: weightedMean(weights, (sample) => Math.max(quantile * error(sample), (quantile - 1) * error(sample))),
    };
  });
  const mean = (name: keyof (typeof perOutput)[number]): number => meanOfDefined(perOutput.map((each) => each[name]));
  return {
    metrics: onlyDefined({
      mse: mean("mse"),
      rmse: mean("rmse"),
      mae: mean("mae"),
      r2: mean("r2"),
      pinball: mean("pinball"),
    }),
  };
}
