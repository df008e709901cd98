/** @file Normalizations: batch, instance, group, layer, RMS, local response, Lp. */
import type { Tensor } from "../../../tensor.ts";
import type { Call, Operator } from "../call.ts";
import type { Output } from "../value.ts";

function batchNormalization(call: Call): readonly Output[] {
  const [x, scale, shift, mean, variance] = call.tensors();
  const epsilon = call.float("epsilon", 1e-5);
  if (call.int("training_mode", 0) === 0) {
    return [x!.batchNorm({ scale: scale!, shift: shift!, mean: mean!, variance: variance! }, { epsilon })];
  }
  const momentum = call.float("momentum", 0.9);
  const axes = x!.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  const [own, spread] = [x!.mean(axes), x!.variance(axes)];
  const blend = (old: Tensor, now: Tensor): Tensor => old.mul(momentum).add(now.mul(1 - momentum));
  return [
    x!.batchNorm({ scale: scale!, shift: shift!, mean: own, variance: spread }, { epsilon }),
    blend(mean!, own),
    blend(variance!, spread),
  ];
}

/** The mean and 1 / √(variance + ε) are further outputs. */
function layerNormalization(call: Call): readonly Output[] {
  const [x, scale, shift] = [call.tensor(0), call.tensor(1), call.optional(2)];
  const axes = fromAxis(x, call.axis(x.shape.length, -1));
  const epsilon = call.float("epsilon", 1e-5);
  const mean = x.mean(axes, { keepDims: true });
  const inverse = x.variance(axes, { keepDims: true }).add(epsilon).rsqrt();
  const isPlain = shift !== undefined && scale.shape.length === axes.length && shift.shape.length === axes.length;
  const y = isPlain ? x.layerNorm(scale, shift, { epsilon }) : x.sub(mean).mul(inverse).mul(scale);
  return [isPlain || shift === undefined ? y : y.add(shift), mean, inverse];
}

function fromAxis(x: Tensor, axis: number): number[] {
  return x.shape.flatMap((_, at) => (at < axis ? [] : [at]));
}

function rmsNormalization(call: Call): Output {
  const x = call.tensor(0);
  const squares = x.square().mean(fromAxis(x, call.axis(x.shape.length, -1)), { keepDims: true });
  return x.mul(squares.add(call.float("epsilon", 1e-5)).rsqrt()).mul(call.tensor(1));
}

/** Scale and shift are of each group before opset 21, of each channel since. */
function groupNormalization(call: Call): Output {
  const [x, scale, shift] = [call.tensor(0), call.tensor(1), call.tensor(2)];
  const groups = call.int("num_groups");
  const channels = x.shape[1]!;
  const spread = (vector: Tensor): Tensor =>
    vector.shape[0] === channels
      ? vector
      : vector
          .reshape([groups, 1])
          .broadcastTo([groups, channels / groups])
          .reshape([channels]);
  return x.groupNorm(spread(scale), spread(shift), groups, { epsilon: call.float("epsilon", 1e-5) });
}

function instanceNormalization(call: Call): Output {
  const x = call.tensor(0);
  return x.groupNorm(call.tensor(1), call.tensor(2), x.shape[1]!, { epsilon: call.float("epsilon", 1e-5) });
}

/** Krizhevsky et al. 2012, section 3.3: by the squares of neighbouring channels. */
function localResponse(call: Call): Output {
  const x = call.tensor(0);
  const size = call.int("size");
  const [n, channels] = x.shape as [number, number];
  const before = Math.floor((size - 1) / 2);
  const squares = x.square().reshape([n, channels, -1]);
  const padded = squares.pad([0, before, 0], [0, size - 1 - before, 0]);
  const [first, last] = [Math.max(0, before - channels + 1), Math.min(size, before + channels)]; // farther ones are padding alone
  const sums = Array.from({ length: last - first }, (_, i) =>
    padded.slice([0, first + i, 0], [n, first + i + channels, squares.shape[2]!]),
  ).reduce((sum, part) => sum.add(part));
  const base = sums.mul(call.float("alpha", 1e-4) / size).add(call.float("bias", 1));
  return x.div(base.pow(call.float("beta", 0.75)).reshape(x.shape));
}

function lpNormalization(call: Call): Output {
  const x = call.tensor(0);
  const axis = call.axis(x.shape.length, -1);
  const length = call.int("p", 2) === 1 ? x.abs().sum(axis, { keepDims: true }) : x.norm(axis, { keepDims: true });
  return length.equal(0).where(0, x.div(length.equal(0).where(1, length)));
}

function meanVariance(call: Call): Output {
  const x = call.tensor(0);
  const axes = call.ints("axes", [0, 2, 3]);
  const centred = x.sub(x.mean(axes, { keepDims: true }));
  return centred.div(centred.square().mean(axes, { keepDims: true }).sqrt().add(1e-9));
}

export const normalizations: Readonly<Record<string, Operator>> = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  RMSNormalization: rmsNormalization,
  GroupNormalization: groupNormalization,
  InstanceNormalization: instanceNormalization,
  LRN: localResponse,
  LpNormalization: lpNormalization,
  MeanVarianceNormalization: meanVariance,
};
