/** @file Dropout. */
import { random, type Tensor } from "../../engine/index.ts";
import { layer, type Scope } from "./scope.ts";

/**
 * Zeroes each element with probability `rate` while training, and scales the rest by 1 / (1 − rate), so that nothing is
 * left to do in prediction (Srivastava et al. 2014, inverted). The mask depends on the seed, the step and the element alone.
 */
export const dropout = layer("dropout", (scope: Scope, x: Tensor, { rate }: { readonly rate: number }): Tensor => {
  if (!scope.training || scope.random === null || rate === 0) return x;
  const kept = random.uniform(scope.random, x.shape).greaterEqual(rate);
  return kept.where(x.mul(1 / (1 - rate)), 0);
});
