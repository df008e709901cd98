/** @file All metrics of a model that predicts numbers, with what it says beside them: quantiles, or a variance. */
import { quantileName } from "../heads/regression.ts";
import { regressionMetrics } from "./regression.ts";
import { type Numbers, onlyDefined, weightedMean, weightsOf } from "./weights.ts";

export interface DistributionResult {
  /** `values`, and one for each quantile, or `variance`: samples × outputs, row by row. */
  readonly results: Readonly<Record<string, Numbers>>;
  readonly targets: Numbers;
  readonly outputs: number;
  readonly weights?: Numbers | undefined;
  readonly quantiles?: readonly number[] | undefined;
}

/**
 * Those of `values`; of quantiles also pinball, the mean over the levels, and by level the share of targets at or below
 * (coverageQ0.9); of a variance also the negative log-likelihood of a normal distribution, nll.
 */
export function distributionMetrics(result: DistributionResult): { metrics: Record<string, number> } {
  const { results, targets, outputs, weights, quantiles } = result;
  const { metrics } = regressionMetrics({ targets, predictions: results.values!, outputs, weights });
  const own = weightsOf(targets.length / outputs, weights);
  const mean = (of: (index: number) => number): number =>
    weightedMean(own, (sample) => {
      let sum = 0;
      for (let output = 0; output < outputs; output++) sum += of(sample * outputs + output);
      return sum / outputs;
    });
  const { variance } = results;
  if (variance !== undefined) {
    const nll = (index: number): number => {
      const squared = (targets[index]! - results.values![index]!) ** 2;
      return 0.5 * (Math.log(2 * Math.PI * variance[index]!) + squared / variance[index]!);
    };
    return { metrics: onlyDefined({ ...metrics, nll: mean(nll) }) };
  }
  if (quantiles === undefined) return { metrics };
  const levels = quantiles.map((level) => {
    const predicted = results[quantileName(level)]!;
    const error = (index: number): number => targets[index]! - predicted[index]!;
    return {
      level,
      pinball: mean((index) => Math.max(level * error(index), (level - 1) * error(index))),
      coverage: mean((index) => (targets[index]! <= predicted[index]! ? 1 : 0)),
    };
  });
  const coverage = levels.map(({ level, coverage: share }) => [`coverageQ${level}`, share] as const);
  const pinball = levels.reduce((sum, each) => sum + each.pinball, 0) / levels.length;
  return { metrics: onlyDefined({ ...metrics, pinball, ...Object.fromEntries(coverage) }) };
}
