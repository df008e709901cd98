/** @file Lion. */
import { z } from "zod";
import { defineOptimizer } from "../registry/define.ts";
import { commonOptions, toward } from "./common.ts";

/** Chen et al. 2023, algorithm 2: every weight moves by the same length, in the direction of a mean's sign. */
export const lion = defineOptimizer({
  type: "lion",
  description: "Lion: steps by the sign of a running mean; wants a learning rate 3 to 10 times smaller than Adam's",
  options: z.object({
    ...commonOptions({ learningRate: 1e-4 }),
    beta1: z.number().min(0).lt(1).default(0.9).describe("Share of the running mean in the direction of a step"),
    beta2: z.number().min(0).lt(1).default(0.99).describe("Decay of the running mean of gradients"),
  }),
  slots: () => ({ mean: 0 }),
  scalars:
    ({ weightDecay }) =>
    (_step, learningRate) => ({ learningRate, keep: 1 - learningRate * weightDecay }),
  update({ parameter, gradient, slots, scalars }, { beta1, beta2, weightDecay }) {
    const direction = toward(slots.mean!, gradient, 1 - beta1).sign();
    const kept = weightDecay === 0 ? parameter : parameter.mul(scalars.keep!);
    return {
      parameter: kept.sub(direction.mul(scalars.learningRate!)),
      slots: { mean: toward(slots.mean!, gradient, 1 - beta2) },
    };
  },
});
