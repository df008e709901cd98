/** @file Which token comes next: logits sharpened by a temperature, cut to the likeliest, and drawn from. */

export interface SamplingOptions {
  /** Divides the logits: below 1 bolder, above 1 more even; 0 takes the likeliest always. */
  readonly temperature: number;
  /** Only so many of the likeliest tokens may come. */
  readonly topK?: number | undefined;
  /** Only the likeliest that together have this probability (Holtzman et al. 2020, nucleus sampling). */
  readonly topP?: number | undefined;
}

/**
 * The probabilities to draw from. The likeliest token always stays; of equal ones the first.
 * @param logits of each token @returns what sums to 1
 */
export function samplingProbabilities(
  logits: ArrayLike<number>,
  { temperature, topK, topP }: SamplingOptions,
): Float64Array {
  const order = Array.from({ length: logits.length }, (_, token) => token).sort(
    (a, b) => logits[b]! - logits[a]! || a - b,
  );
  const probabilities = new Float64Array(logits.length);
  const best = order[0]!;
  if (temperature === 0) {
    probabilities[best] = 1;
    return probabilities;
  }
  const kept = order.slice(0, topK);
  const powers = kept.map((token) => Math.exp((logits[token]! - logits[best]!) / temperature));
  const all = powers.reduce((sum, power) => sum + power, 0);
  let [within, reached] = [0, 0];
  for (const [place, power] of powers.entries()) {
    if (topP !== undefined && place > 0 && reached >= topP * all) break;
    reached += power;
    within = place + 1;
  }
  for (let place = 0; place < within; place++) probabilities[kept[place]!] = powers[place]! / reached;
  return probabilities;
}

/** @param uniform in [0, 1) */
export function draw(probabilities: Float64Array, uniform: number): number {
  let reached = 0;
  let last = 0;
  for (let token = 0; token < probabilities.length; token++) {
    if (probabilities[token] === 0) continue;
    reached += probabilities[token]!;
    last = token;
    if (uniform < reached) return token;
  }
  return last;
}
