/** @file All metrics of a classifier that gives one class a sample. */
import { agreementMetrics } from "./agreement.ts";
import { calibrationError } from "./calibration.ts";
import { rankingMetrics } from "./ranking.ts";
import { meanOfDefined, type Numbers, onlyDefined, weightedMean, weightsOf } from "./weights.ts";

export interface ClassificationResult {
  /** Class index of each sample, 0 to `classes` − 1. */
  readonly labels: Numbers;
  /** samples × classes, row by row; each row sums to 1. */
  readonly probabilities: Numbers;
  readonly classes: number;
  /** One weight a sample; all 1 when left out. */
  readonly weights?: Numbers | undefined;
  /** The k of top-k accuracy; 3 when left out. Not reported unless k < classes. */
  readonly k?: number | undefined;
}

export interface ClassificationMetrics {
  /**
   * accuracy, top<k>Accuracy, precision, recall, f1 (macro; also …Micro, …Weighted), rocAuc and averagePrecision (two
   * classes: of class 1; more: the mean of one against the rest), logLoss, calibrationError.
   */
  readonly metrics: Record<string, number>;
  /** Summed weights: row = true class, column = predicted class. */
  readonly confusion: number[][];
}

/** The probability that log loss takes for 0, as scikit-learn does for float64. */
const SMALLEST_PROBABILITY = 2 ** -52;

/** Of equal probabilities the lowest class wins, here and in top-k. */
export function classificationMetrics(result: ClassificationResult): ClassificationMetrics {
  const { labels, probabilities, classes, k = 3 } = result;
  const weights = weightsOf(labels.length, result.weights);
  const probability = (sample: number, of: number): number => probabilities[sample * classes + of]!;
  const truth = (sample: number): number => probability(sample, labels[sample]!);

  const predicted = Int32Array.from({ length: labels.length }, (_, sample) => {
    let best = 0;
    for (let candidate = 1; candidate < classes; candidate++) {
      if (probability(sample, candidate) > probability(sample, best)) best = candidate;
    }
    return best;
  });
  const isRight = (sample: number): boolean => predicted[sample] === labels[sample];
  /** How many classes are placed before the true one. */
  const rank = (sample: number): number => {
    let before = 0;
    for (let other = 0; other < classes; other++) {
      const lead = probability(sample, other) - truth(sample);
      if (lead > 0 || (lead === 0 && other < labels[sample]!)) before++;
    }
    return before;
  };

  const confusion = confusionMatrix(labels, predicted, classes, weights);
  const scored = classes === 2 ? [1] : Array.from({ length: classes }, (_, index) => index);
  const rankings = scored.map((of) =>
    rankingMetrics(
      weights,
      (sample) => labels[sample] === of,
      (sample) => probability(sample, of),
    ),
  );
  return {
    metrics: onlyDefined({
      accuracy: weightedMean(weights, (sample) => (isRight(sample) ? 1 : 0)),
      ...(k < classes ? { [`top${k}Accuracy`]: weightedMean(weights, (sample) => (rank(sample) < k ? 1 : 0)) } : {}),
      ...agreementMetrics(countsOf(confusion)),
      rocAuc: meanOfDefined(rankings.map(({ rocAuc }) => rocAuc)),
      averagePrecision: meanOfDefined(rankings.map(({ averagePrecision }) => averagePrecision)),
      logLoss: weightedMean(weights, (sample) => -Math.log(Math.min(1, Math.max(SMALLEST_PROBABILITY, truth(sample))))),
      calibrationError: calibrationError(weights, (sample) => probability(sample, predicted[sample]!), isRight),
    }),
    confusion,
  };
}

/** classes × classes summed weights: row = true class, column = predicted class. */
function confusionMatrix(labels: Numbers, predicted: Numbers, classes: number, weights?: Numbers): number[][] {
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  const weight = weightsOf(labels.length, weights);
  for (let sample = 0; sample < labels.length; sample++)
    matrix[labels[sample]!]![predicted[sample]!]! += weight[sample]!;
  return matrix;
}

function countsOf(confusion: readonly number[][]) {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return confusion.map((row, index) => {
    const truePositives = row[index]!;
    return {
      truePositives,
      falsePositives: sum(confusion.map((other) => other[index]!)) - truePositives,
      falseNegatives: sum(row) - truePositives,
    };
  });
}
