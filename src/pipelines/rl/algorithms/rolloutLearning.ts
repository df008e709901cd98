/** @file A full rollout, learned: minibatch by minibatch and epoch by epoch, under rates that fall, to the figures of an update. */
import type { LearnerContext, Metrics } from "../algorithm.ts";
import { type Progress, shareDone } from "../progress.ts";
import type { Rollout } from "../rollout.ts";
import { diverged } from "./diverged.ts";
import type { Figures, Minibatches } from "./minibatches.ts";
import type { OnPolicyOptions } from "./ppoOptions.ts";

/** Plain JSON. */
export interface LearningProgress extends Progress {
  /** Steps of the optimizer. */
  optimizerSteps: number;
  /** Choices of which none was allowed. */
  allMasked: number;
  /** Of the update under way, null between two: epoch, minibatch, and what was summed up. */
  update: { side: number; epoch: number; minibatch: number; clipFractions: number; minibatches: number } | null;
}

export interface RolloutLearning {
  /** Begins to learn the rollout of this side, whose advantages are there. */
  begin(side: number): void;
  /** Goes on with the update that the progress tells of. */
  goOn(): void;
  /** One minibatch. @returns figures when it was the update's last. @throws DIVERGED */
  advance(): Metrics | null;
}

/** @param steps of all copies in a rollout */
export function openRolloutLearning(
  { seed }: Pick<LearnerContext, "seed">,
  {
    minibatches,
    rollouts,
    progress,
    steps,
  }: {
    readonly minibatches: Minibatches;
    readonly rollouts: readonly Rollout[];
    readonly progress: LearningProgress;
    readonly steps: number;
  },
  options: OnPolicyOptions,
): RolloutLearning {
  /** As they are for this rollout, which began so many steps ago. */
  function ratesNow(): { learningRate: number; clipCoef: number } {
    const left = 1 - shareDone(progress.horizon, progress.steps - steps);
    return {
      learningRate: options.learningRate * (options.annealLearningRate ? left : 1),
      clipCoef: options.clipCoef * (options.annealClip ? left : 1),
    };
  }

  function goOn(): void {
    if (progress.update !== null) minibatches.take(rollouts[progress.update.side]!, seed, progress.updates);
  }

  function told(figures: Figures, clipFraction: number, learningRate: number, rollout: Rollout): Metrics {
    return {
      "charts/learning_rate": learningRate,
      "losses/value_loss": figures.valueLoss,
      "losses/policy_loss": figures.policyLoss,
      "losses/entropy": figures.entropy,
      "losses/old_approx_kl": figures.oldApproxKl,
      "losses/approx_kl": figures.approxKl,
      "losses/clipfrac": clipFraction,
      "losses/explained_variance": explainedVariance(rollout),
      ...(progress.allMasked === 0 ? {} : { "charts/all_masked": progress.allMasked }),
    };
  }

  return {
    begin(side) {
      progress.update = { side, epoch: 0, minibatch: 0, clipFractions: 0, minibatches: 0 };
      goOn();
    },
    goOn,
    advance() {
      const { update } = progress;
      if (update === null) return null;
      const rates = ratesNow();
      const figures = minibatches.run(update.epoch, update.minibatch, { step: ++progress.optimizerSteps, ...rates });
      if (!Number.isFinite(figures.loss)) throw astray(progress.updates + 1, options);
      update.clipFractions += figures.clipFraction;
      update.minibatches++;
      if (++update.minibatch < minibatches.count) return null;
      update.minibatch = 0;
      const isTooFar = options.targetKl !== null && figures.approxKl > options.targetKl;
      if (++update.epoch < options.updateEpochs && !isTooFar) return null;
      progress.updates++;
      progress.update = null;
      return told(figures, update.clipFractions / update.minibatches, rates.learningRate, rollouts[update.side]!);
    },
  };
}

/** 1 − Var(returns − values) / Var(returns), over what counts. */
function explainedVariance({ returns, values, counts }: Rollout): number {
  const variance = (of: (row: number) => number): number => {
    let [total, sum] = [0, 0];
    for (let row = 0; row < counts.length; row++) {
      total += counts[row]!;
      sum += counts[row]! * of(row);
    }
    let squares = 0;
    for (let row = 0; row < counts.length; row++) squares += counts[row]! * (of(row) - sum / total) ** 2;
    return squares / total;
  };
  const all = variance((row) => returns[row]!);
  return all === 0 ? Number.NaN : 1 - variance((row) => returns[row]! - values[row]!) / all;
}

const astray = (update: number, { learningRate }: OnPolicyOptions) =>
  diverged(
    "the loss",
    { update },
    { "algorithm.learningRate": learningRate },
    "lower the learning rate, or look at the size of rewards and observations: `normaliseRewards`, `normaliseObservations`",
  );
