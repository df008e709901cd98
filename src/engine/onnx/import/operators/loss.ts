/** @file Losses of class scores: negative log-likelihood, and softmax before it. */
import { type Tensor, where } from "../../../tensor.ts";
import type { Call, Operator } from "../call.ts";
import type { Output } from "../value.ts";
import { expectKnown } from "./names.ts";

const REDUCTIONS: Readonly<Record<string, (losses: Tensor, weights: Tensor) => Tensor>> = {
  none: (losses) => losses,
  sum: (losses) => losses.sum(),
  mean: (losses, weights) => losses.sum().div(weights.sum()),
};

/** @param logs [n, classes, ...places], logarithms of probabilities; targets are [n, ...places]. */
function negativeLogLikelihood(call: Call, logs: Tensor): Tensor {
  const targets = call.tensor(1).cast("I32");
  const weights = call.optional(2);
  const ignored = call.has("ignore_index") ? targets.equal(call.int("ignore_index")) : undefined;
  const safe = ignored === undefined ? targets : where(ignored, 0, targets);
  const [n, ...places] = targets.shape;
  const chosen = logs.takeAlong(safe.reshape([n!, 1, ...places]), 1).reshape(targets.shape);
  const weight = weights === undefined ? logs.constant(1).broadcastTo(targets.shape) : weights.gather(safe, 0);
  const counted = ignored === undefined ? weight : where(ignored, 0, weight);
  const reduce = expectKnown(REDUCTIONS, call.string("reduction", "mean"), "attribute.reduction");
  return reduce(chosen.neg().mul(counted), counted);
}

function softmaxCrossEntropy(call: Call): readonly Output[] {
  const logs = call.tensor(0).logSoftmax(1);
  return [negativeLogLikelihood(call, logs), logs];
}

export const losses: Readonly<Record<string, Operator>> = {
  NegativeLogLikelihoodLoss: (call) => negativeLogLikelihood(call, call.tensor(0)),
  SoftmaxCrossEntropyLoss: softmaxCrossEntropy,
};
