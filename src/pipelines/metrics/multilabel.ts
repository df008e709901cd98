/** @file All metrics of a classifier that answers several yes/no questions a sample. */
import { agreementMetrics } from "./agreement.ts";
import { calibrationError } from "./calibration.ts";
import { rankingMetrics } from "./ranking.ts";
import { meanOfDefined, type Numbers, onlyDefined, weightedMean, weightsOf } from "./weights.ts";

export interface MultilabelResult {
  /** samples × labels, row by row; 1 for yes, 0 for no. */
  readonly targets: Numbers;
  /** samples × labels, row by row; the probability of yes. */
  readonly probabilities: Numbers;
  /** The number of questions. */
  readonly labels: number;
  /** One weight a sample; all 1 when left out. */
  readonly weights?: Numbers | undefined;
  /** Yes from this probability on; 0.5 when left out. */
  readonly threshold?: number | undefined;
}

const SMALLEST_PROBABILITY = 2 ** -52;

/**
 * accuracy (all labels of a sample right), hammingLoss (share of single answers that are wrong), precision, recall, f1
 * (macro over labels; also …Micro, …Weighted), rocAuc and averagePrecision (mean over labels), logLoss (mean binary
 * cross-entropy) and calibrationError of single answers.
 */
export function multilabelMetrics(result: MultilabelResult): { metrics: Record<string, number> } {
  const { targets, probabilities, labels, threshold = 0.5 } = result;
  const samples = targets.length / labels;
  const weights = weightsOf(samples, result.weights);
  const answerWeights = Float64Array.from({ length: targets.length }, (_, i) => weights[Math.floor(i / labels)]!);
  const isYes = (answer: number): boolean => targets[answer]! > 0.5;
  const saidYes = (answer: number): boolean => probabilities[answer]! >= threshold;
  const isRight = (answer: number): boolean => isYes(answer) === saidYes(answer);
  const truth = (answer: number): number => (isYes(answer) ? probabilities[answer]! : 1 - probabilities[answer]!);
  const allRight = (sample: number): boolean => {
    for (let label = 0; label < labels; label++) if (!isRight(sample * labels + label)) return false;
    return true;
  };

  const perLabel = Array.from({ length: labels }, (_, label) => {
    const counts = { truePositives: 0, falsePositives: 0, falseNegatives: 0 };
    for (let sample = 0; sample < samples; sample++) {
      const answer = sample * labels + label;
      if (isYes(answer) && saidYes(answer)) counts.truePositives += weights[sample]!;
      else if (saidYes(answer)) counts.falsePositives += weights[sample]!;
      else if (isYes(answer)) counts.falseNegatives += weights[sample]!;
    }
    const ranking = rankingMetrics(
      weights,
      (sample) => isYes(sample * labels + label),
      (sample) => probabilities[sample * labels + label]!,
    );
    return { counts, ranking };
  });

  return {
    metrics: onlyDefined({
      accuracy: weightedMean(weights, (sample) => (allRight(sample) ? 1 : 0)),
      hammingLoss: weightedMean(answerWeights, (answer) => (isRight(answer) ? 0 : 1)),
      ...agreementMetrics(perLabel.map(({ counts }) => counts)),
      rocAuc: meanOfDefined(perLabel.map(({ ranking }) => ranking.rocAuc)),
      averagePrecision: meanOfDefined(perLabel.map(({ ranking }) => ranking.averagePrecision)),
      logLoss: weightedMean(answerWeights, (answer) => -Math.log(Math.max(SMALLEST_PROBABILITY, truth(answer)))),
      calibrationError: calibrationError(
        answerWeights,
        (answer) => (saidYes(answer) ? probabilities[answer]! : 1 - probabilities[answer]!),
        isRight,
      ),
    }),
  };
}
