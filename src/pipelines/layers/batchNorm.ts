/** @file Batch normalisation: the one norm that looks across samples, and therefore keeps running statistics. */
import { sizeOf, type Tensor } from "../../engine/index.ts";
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
    const { mean, variance, unbiased } = momentsOf(x, scope.present);
    const [kept, added] = scope.share === null ? [1 - momentum, momentum] : [scope.share.neg().add(1), scope.share];
    scope.update("runningMean", runningMean.mul(kept).add(mean.mul(added)));
    scope.update("runningVariance", runningVariance.mul(kept).add(unbiased.mul(added)));
    return x.batchNorm({ scale, shift, mean, variance }, { epsilon });
  },
);

/** Of the rows of a batch that are no padding: `present` is 1 or 0, [batch, 1]; null when all are there. */
function momentsOf(x: Tensor, present: Tensor | null): Moments {
  const [batch, , ...size] = x.shape as [number, number, ...number[]];
  const rows = present?.reshape([batch]).greater(0) ?? x.constant(1, "BOOL").broadcastTo([batch]);
  const count = rows.cast("F32").sum().mul(sizeOf(size));
  const [mean, variance] = x.channelMoments(rows);
  return { mean, variance, unbiased: variance.mul(count).div(count.sub(1).maximum(1)) };
}
