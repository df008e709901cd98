/** @file All metrics of a model that gives each element of a sequence a class. */
import { agreementMetrics } from "./agreement.ts";
import { type Numbers, onlyDefined, weightsOf } from "./weights.ts";

export interface SequenceResult {
  /** samples × length class indices, −1 where nothing counts. */
  readonly targets: Numbers;
  /** samples × length class indices. */
  readonly predicted: Numbers;
  readonly classes: number;
  readonly samples: number;
  /** One weight a sample; all 1 when left out. */
  readonly weights?: Numbers | undefined;
}

/**
 * accuracy, precision, recall, f1 (macro; also …Micro, …Weighted) over all elements that count; sequenceAccuracy: the share
 * of samples without any mistake.
 */
export function sequenceMetrics(result: SequenceResult): { metrics: Record<string, number>; confusion: number[][] } {
  const { targets, predicted, classes, samples } = result;
  const weights = weightsOf(samples, result.weights);
  const length = targets.length / samples;
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  let [right, all, whole, total] = [0, 0, 0, 0];
  for (let sample = 0; sample < samples; sample++) {
    const weight = weights[sample]!;
    let mistakes = 0;
    for (let place = sample * length; place < (sample + 1) * length; place++) {
      const truth = targets[place]!;
      if (truth < 0) continue;
      const isRight = predicted[place] === truth;
      confusion[truth]![predicted[place]!]! += weight;
      all += weight;
      if (isRight) right += weight;
      else mistakes++;
    }
    total += weight;
    if (mistakes === 0) whole += weight;
  }
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  const counts = confusion.map((row, index) => ({
    truePositives: row[index]!,
    falsePositives: sum(confusion.map((other) => other[index]!)) - row[index]!,
    falseNegatives: sum(row) - row[index]!,
  }));
  const metrics = { accuracy: right / all, ...agreementMetrics(counts), sequenceAccuracy: whole / total };
  return { metrics: onlyDefined(metrics), confusion };
}
