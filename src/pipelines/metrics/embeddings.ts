/** @file How good embeddings are: whether a row's nearest neighbour is of its class, and how evenly they fill the sphere. */
import { type Numbers, onlyDefined } from "./weights.ts";

export interface EmbeddingResult {
  /** samples × width, of length 1. */
  readonly embeddings: Numbers;
  readonly samples: number;
  /** Class index of each sample, where there are classes. */
  readonly labels?: Numbers | undefined;
}

/** Pairs are compared among the first of so many samples. */
const MOST = 1000;

/**
 * uniformity: log of the mean of exp(−2 · squared distance) over all pairs (Wang and Isola 2020, section 4.1), lower is
 * better; nearestAccuracy: the share of samples whose nearest other is of their class.
 */
export function embeddingMetrics({ embeddings, samples, labels }: EmbeddingResult): {
  metrics: Record<string, number>;
} {
  const width = embeddings.length / samples;
  const count = Math.min(samples, MOST);
  let [sum, right] = [0, 0];
  for (let a = 0; a < count; a++) {
    let [nearest, best] = [-1, Number.NEGATIVE_INFINITY];
    for (let b = 0; b < count; b++) {
      if (a === b) continue;
      let product = 0;
      for (let i = 0; i < width; i++) product += embeddings[a * width + i]! * embeddings[b * width + i]!;
      sum += Math.exp(-4 * (1 - product));
      if (product > best) [nearest, best] = [b, product];
    }
    if (labels !== undefined && nearest >= 0 && labels[nearest] === labels[a]) right++;
  }
  const pairs = count * (count - 1);
  return {
    metrics: onlyDefined({
      uniformity: Math.log(sum / pairs),
      ...(labels === undefined ? {} : { nearestAccuracy: right / count }),
    }),
  };
}
