/** @file Batch normalisation: the one norm that looks across samples, and therefore keeps running statistics. */
import type { Tensor } from "../../engine/index.ts";
import { ones, zeros } from "./initialisers.ts";
import type { NormOptions } from "./norm.ts";
import { layer, type Scope } from "./scope.ts";

export interface BatchNormOptions extends NormOptions {
  /** The share of the new batch in the running statistics; 0.1 when left out. */
  readonly momentum?: number;
}

/** Of each channel of a batch. */
interface Moments {
  readonly mean: Tensor;
  readonly variance: Tensor;
  /** The estimate of the population's variance: over n − 1. */
  readonly unbiased: Tensor;
}

/**
 * Batch normalisation of each channel (Ioffe and Szegedy 2015, algorithm 1). In training it uses the batch's mean and
 * biased variance, padding left out, and moves the running ones (unbiased variance, as PyTorch keeps it), which are what
 * it uses in prediction.
 * @param x [batch, channels, ...size]
 */
export const batchNorm = layer(
  "batchNorm",
  (scope: Scope, x: Tensor, { epsilon = 1e-5, momentum = 0.1 }: BatchNormOptions = {}): Tensor => {
    const channels = [x.shape[1]!];
    const scale = scope.parameter("weight", channels, ones);
    const shift = scope.parameter("bias", channels, zeros);
    const runningMean = scope.buffer("runningMean", channels, zeros);
    const runningVariance = scope.buffer("runningVariance", channels, ones);
    if (!scope.training) {
      return x.batchNorm({ scale, shift, mean: runningMean, variance: runningVariance }, { epsilon });
    }
    const { mean, variance, unbiased } = scope.present === null ? momentsOf(x) : momentsOfPresent(x, scope.present);
    scope.update("runningMean", runningMean.mul(1 - momentum).add(mean.mul(momentum)));
    scope.update("runningVariance", runningVariance.mul(1 - momentum).add(unbiased.mul(momentum)));
    return x.batchNorm({ scale, shift, mean, variance }, { epsilon });
  },
);

const axesBesideChannels = (x: Tensor): number[] => x.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));

function momentsOf(x: Tensor): Moments {
  const axes = axesBesideChannels(x);
  const count = axes.reduce((product, axis) => product * x.shape[axis]!, 1);
  const variance = x.variance(axes);
  return { mean: x.mean(axes), variance, unbiased: variance.mul(count / Math.max(1, count - 1)) };
}

/** @param present 1 for rows that count, 0 for padding, [batch, 1] */
function momentsOfPresent(x: Tensor, present: Tensor): Moments {
  const axes = axesBesideChannels(x);
  const rows = present.reshape(x.shape.map((size, axis) => (axis === 0 ? size : 1)));
  const perRow = axes.slice(1).reduce((product, axis) => product * x.shape[axis]!, 1);
  const count = rows.sum().mul(perRow).maximum(1);
  const average = (value: Tensor): Tensor => value.mul(rows).sum(axes, { keepDims: true }).div(count);
  const mean = average(x);
  const variance = average(x.sub(mean).square()).reshape([x.shape[1]!]);
  return {
    mean: mean.reshape([x.shape[1]!]),
    variance,
    unbiased: variance.mul(count).div(count.sub(1).maximum(1)),
  };
}
