/** @file Batch and layer normalisation. */
import type { Tensor } from "../../engine/index.ts";
import { ones, zeros } from "./initialisers.ts";
import type { Scope } from "./scope.ts";

export interface NormOptions {
  /** Added to the variance; 1e-5 when left out. */
  readonly epsilon?: number;
}

export interface BatchNormOptions extends NormOptions {
  /** The share of the new batch in the running statistics; 0.1 when left out. */
  readonly momentum?: number;
}

/**
 * Batch normalisation over all axes but the last (Ioffe and Szegedy 2015, algorithm 1). In training it uses the batch's
 * mean and biased variance, padding left out, and moves the running ones (unbiased variance, as PyTorch keeps it), which
 * are what it uses in prediction.
 * @param x [batch, ..., channels]
 */
export function batchNorm(scope: Scope, x: Tensor, { epsilon = 1e-5, momentum = 0.1 }: BatchNormOptions = {}): Tensor {
  const channels = [x.shape.at(-1)!];
  const scale = scope.parameter("weight", channels, ones);
  const shift = scope.parameter("bias", channels, zeros);
  const runningMean = scope.buffer("runningMean", channels, zeros);
  const runningVariance = scope.buffer("runningVariance", channels, ones);
  if (!scope.training) {
    return x.sub(runningMean).mul(runningVariance.add(epsilon).rsqrt().mul(scale)).add(shift);
  }

  const axes = x.shape.slice(0, -1).map((_, axis) => axis);
  const perRow = axes.slice(1).reduce((product, axis) => product * x.shape[axis]!, 1);
  const rows = scope.present === null ? null : scope.present.reshape([x.shape[0]!, ...axes.slice(1).map(() => 1), 1]);
  const count = rows === null ? null : rows.sum().mul(perRow).maximum(1);
  const average = (value: Tensor): Tensor =>
    rows === null || count === null ? value.mean(axes) : value.mul(rows).sum(axes).div(count);

  const mean = average(x);
  const centred = x.sub(mean);
  const variance = average(centred.square());
  const unbiased =
    count === null
      ? variance.mul((x.shape[0]! * perRow) / Math.max(1, x.shape[0]! * perRow - 1))
      : variance.mul(count).div(count.sub(1).maximum(1));
  scope.update("runningMean", runningMean.mul(1 - momentum).add(mean.mul(momentum)));
  scope.update("runningVariance", runningVariance.mul(1 - momentum).add(unbiased.mul(momentum)));
  return centred.mul(variance.add(epsilon).rsqrt().mul(scale)).add(shift);
}

/** Layer normalisation over the last axis (Ba et al. 2016, equation 4). @param x [..., channels] */
export function layerNorm(scope: Scope, x: Tensor, { epsilon = 1e-5 }: NormOptions = {}): Tensor {
  const channels = [x.shape.at(-1)!];
  const scale = scope.parameter("weight", channels, ones);
  const shift = scope.parameter("bias", channels, zeros);
  return x.layerNorm(scale, shift, { epsilon });
}
