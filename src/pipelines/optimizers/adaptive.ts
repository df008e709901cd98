/** @file RMSprop and Adagrad: steps scaled by the size of past gradients. */
import { z } from "zod";
import { defineOptimizer } from "../registry/define.ts";
import { commonOptions, decayed, fading, toward, towardSquare } from "./common.ts";

/** `torch.optim.RMSprop` (Hinton 2012, lecture 6e; centered after Graves 2013). */
export const rmsprop = defineOptimizer({
  type: "rmsprop",
  description: "RMSprop: steps divided by a running root mean square of the gradient",
  options: z.object({
    ...commonOptions({ learningRate: 1e-2 }),
    alpha: z.number().min(0).lt(1).default(0.99).describe("Decay of the running mean of squared gradients"),
    epsilon: z.number().positive().default(1e-8).describe("Added to the denominator"),
    momentum: z.number().min(0).lt(1).default(0).describe("Share of the last step's direction that is kept"),
    centered: z
      .boolean()
      .default(false)
      .describe("Whether the squared mean gradient is taken off: divides by the standard deviation"),
  }),
  slots: ({ momentum, centered }) => ({
    square: 0,
    ...(centered ? { mean: 0 } : {}),
    ...(momentum === 0 ? {} : { momentum: 0 }),
  }),
  scalars: () => (_step, learningRate) => ({ learningRate }),
  update({ parameter, gradient, slots, scalars }, { alpha, epsilon, momentum, centered, weightDecay }) {
    const direction = decayed(gradient, parameter, weightDecay);
    const square = towardSquare(slots.square!, direction, alpha);
    const mean = centered ? toward(slots.mean!, direction, 1 - alpha) : null;
    const scaled = direction.div((mean === null ? square : square.sub(mean.square())).sqrt().add(epsilon));
    const velocity = momentum === 0 ? null : fading(slots.momentum!.mul(momentum).add(scaled));
    return {
      parameter: parameter.sub((velocity ?? scaled).mul(scalars.learningRate!)),
      slots: { square, ...(mean === null ? {} : { mean }), ...(velocity === null ? {} : { momentum: velocity }) },
    };
  },
});

/** `torch.optim.Adagrad` (Duchi et al. 2011). */
export const adagrad = defineOptimizer({
  type: "adagrad",
  description: "Adagrad: steps divided by the root of the sum of all squared gradients so far",
  options: z.object({
    ...commonOptions({ learningRate: 1e-2 }),
    learningRateDecay: z
      .number()
      .min(0)
      .default(0)
      .describe("The learning rate at step t is divided by 1 + (t − 1) · this"),
    initialAccumulator: z.number().min(0).default(0).describe("What the sum of squares starts from"),
    epsilon: z.number().positive().default(1e-10).describe("Added to the denominator"),
  }),
  slots: ({ initialAccumulator }) => ({ sum: initialAccumulator }),
  scalars:
    ({ learningRateDecay }) =>
    (step, learningRate) => ({ learningRate: learningRate / (1 + (step - 1) * learningRateDecay) }),
  update({ parameter, gradient, slots, scalars }, { epsilon, weightDecay }) {
    const direction = decayed(gradient, parameter, weightDecay);
    const sum = slots.sum!.add(direction.square());
    return {
      parameter: parameter.sub(direction.div(sum.sqrt().add(epsilon)).mul(scalars.learningRate!)),
      slots: { sum },
    };
  },
});
