/** @file Generalized advantage estimation (Schulman et al. 2016, equations 11, 12 and 16), told apart: ended, cut short, not a step. */

/** What happened in `steps` steps of `count` copies: element t · count + i is step t of copy i. */
export interface Steps {
  readonly rewards: Float32Array;
  readonly values: Float32Array;
  readonly terminated: Uint8Array;
  readonly truncated: Uint8Array;
  /** V of the last observation, where an episode was cut short. */
  readonly bootstraps: Float32Array;
  /** 0 for what is no transition: the step with which `nextStep` begins an episode. */
  readonly counts: Float32Array;
}

/**
 * @param lastValues [count]: V of the observation after the last step.
 * @param advantages written: A(t) = δ(t) + γλ A(t + 1) within an episode; 0 for what is no transition.
 */
export function estimateAdvantages(
  { rewards, values, terminated, truncated, bootstraps, counts }: Steps,
  lastValues: ArrayLike<number>,
  advantages: Float32Array,
  { gamma, gaeLambda, count }: { gamma: number; gaeLambda: number; count: number },
): void {
  const steps = values.length / count;
  for (let copy = 0; copy < count; copy++) {
    let advantage = 0;
    let next = lastValues[copy]!;
    for (let step = steps - 1; step >= 0; step--) {
      const at = step * count + copy;
      const value = values[at]!;
      if (counts[at] === 0) advantage = 0;
      else if (terminated[at] === 1) advantage = rewards[at]! - value;
      else if (truncated[at] === 1) advantage = rewards[at]! + gamma * bootstraps[at]! - value;
      else advantage = rewards[at]! + gamma * next - value + gamma * gaeLambda * advantage;
      advantages[at] = advantage;
      next = value;
    }
  }
}
