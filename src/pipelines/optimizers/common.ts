/** @file What every optimizer has: a learning rate, and the three ways to pull weights toward zero. */
import { z } from "zod";
import type { Tensor } from "../../engine/index.ts";

/** The options that all optimizers share, with the defaults that differ. */
export function commonOptions({ learningRate, weightDecay = 0 }: { learningRate: number; weightDecay?: number }) {
  return {
    learningRate: z.number().positive().max(1e6).default(learningRate).describe("Length of a step"),
    weightDecay: z
      .number()
      .min(0)
      .default(weightDecay)
      .describe("Pull toward zero, as this optimizer defines it in PyTorch"),
    l1: z
      .number()
      .min(0)
      .default(0)
      .describe("Penalty on the sum of absolute weights; its gradient counts before clipping"),
    l2: z
      .number()
      .min(0)
      .default(0)
      .describe("Penalty on half the sum of squared weights; its gradient counts before clipping"),
  };
}

/** Weight decay as a part of the gradient. */
export function decayed(gradient: Tensor, parameter: Tensor, weightDecay: number): Tensor {
  return weightDecay === 0 ? gradient : gradient.add(parameter.mul(weightDecay));
}

/** The gradient with those of the penalties l1·Σ|w| and l2/2·Σw². */
export function penalised(
  gradient: Tensor,
  parameter: Tensor,
  { l1 = 0, l2 = 0 }: { l1?: number; l2?: number },
): Tensor {
  const withL2 = decayed(gradient, parameter, l2);
  return l1 === 0 ? withL2 : withL2.add(parameter.sign().mul(l1));
}

/** Numbers below 2⁻²⁴ of this are none beside it. */
const FAINT = 2 ** -100;

/**
 * What fades by a share a step, as the mean of gradients that stay zero, would otherwise end among the subnormal numbers and
 * stay there, where a processor takes many times as long: to multiples of 2⁻¹²³, and 0 below half of that.
 */
export function fading(x: Tensor): Tensor {
  return x.add(FAINT).sub(FAINT);
}

/** The moving average `average + (value − average) · share`. */
export function toward(average: Tensor, value: Tensor, share: number): Tensor {
  return fading(average.add(value.sub(average).mul(share)));
}

/** The moving average of squares, `decay · average + (1 − decay) · value²`. */
export function towardSquare(average: Tensor, value: Tensor, decay: number): Tensor {
  return fading(average.mul(decay).add(value.square().mul(1 - decay)));
}
