/** @file Hits and misses counted by class: precision, recall and F1, averaged in three ways. */

/** Weighted counts for one class, or one label of a multilabel problem. */
export interface Counts {
  readonly truePositives: number;
  /** Said to be this class, and is not. */
  readonly falsePositives: number;
  /** Is this class, and was not said to be. */
  readonly falseNegatives: number;
}

const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

const SCORES = {
  precision: ({ truePositives, falsePositives }: Counts) => ratio(truePositives, truePositives + falsePositives),
  recall: ({ truePositives, falseNegatives }: Counts) => ratio(truePositives, truePositives + falseNegatives),
  f1: ({ truePositives, falsePositives, falseNegatives }: Counts) =>
    ratio(2 * truePositives, 2 * truePositives + falsePositives + falseNegatives),
};

/**
 * Precision, recall and F1: macro (`f1`: the plain mean over the classes that occur in labels or predictions), micro
 * (`f1Micro`: from the summed counts) and weighted (`f1Weighted`: by how often each class occurs). 0/0 counts as 0.
 */
export function agreementMetrics(classes: readonly Counts[]): Record<string, number> {
  const present = classes.filter((c) => c.truePositives + c.falsePositives + c.falseNegatives > 0);
  const total: Counts = {
    truePositives: present.reduce((sum, c) => sum + c.truePositives, 0),
    falsePositives: present.reduce((sum, c) => sum + c.falsePositives, 0),
    falseNegatives: present.reduce((sum, c) => sum + c.falseNegatives, 0),
  };
  const support = total.truePositives + total.falseNegatives;
  const metrics: Record<string, number> = {};
  for (const [name, score] of Object.entries(SCORES)) {
    metrics[name] = ratio(
      present.reduce((sum, c) => sum + score(c), 0),
      present.length,
    );
    metrics[`${name}Micro`] = score(total);
    metrics[`${name}Weighted`] = ratio(
      present.reduce((sum, c) => sum + score(c) * (c.truePositives + c.falseNegatives), 0),
      support,
    );
  }
  return metrics;
}
