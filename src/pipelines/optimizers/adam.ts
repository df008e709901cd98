/** @file Adam and its family: steps scaled by running means of the gradient and of its square. */
import { z } from "zod";
import type { Tensor } from "../../engine/index.ts";
import { defineOptimizer, type ParameterUpdate } from "../registry/define.ts";
import { commonOptions, decayed, toward, towardSquare } from "./common.ts";

const moments = {
  beta1: z.number().min(0).lt(1).default(0.9).describe("Decay of the running mean of gradients"),
  beta2: z.number().min(0).lt(1).default(0.999).describe("Decay of the running mean of squared gradients"),
  epsilon: z.number().positive().default(1e-8).describe("Added to the denominator"),
};

const SLOTS = { mean: 0, square: 0 };

/** lr / (1 − β₁ᵗ) and 1 / √(1 − β₂ᵗ), both in float64 as PyTorch computes them. */
const biasCorrections =
  ({ beta1, beta2 }: { beta1: number; beta2: number }) =>
  (step: number, learningRate: number) => ({
    stepSize: learningRate / (1 - beta1 ** step),
    rootScale: 1 / Math.sqrt(1 - beta2 ** step),
  });

/** The step that both Adams share, once weight decay has had its say. */
function adamStep(
  parameter: Tensor,
  gradient: Tensor,
  { slots, scalars }: Pick<ParameterUpdate, "slots" | "scalars">,
  { beta1, beta2, epsilon }: { beta1: number; beta2: number; epsilon: number },
) {
  const mean = toward(slots.mean!, gradient, 1 - beta1);
  const square = towardSquare(slots.square!, gradient, beta2);
  const denominator = square.sqrt().mul(scalars.rootScale!).add(epsilon);
  return { parameter: parameter.sub(mean.div(denominator).mul(scalars.stepSize!)), slots: { mean, square } };
}

/** `torch.optim.Adam` (Kingma and Ba 2015, algorithm 1). */
export const adam = defineOptimizer({
  type: "adam",
  description: "Adam: steps scaled by running means of gradients and their squares",
  options: z.object({ ...commonOptions({ learningRate: 1e-3 }), ...moments }),
  slots: () => SLOTS,
  scalars: biasCorrections,
  update: (update, options) =>
    adamStep(update.parameter, decayed(update.gradient, update.parameter, options.weightDecay), update, options),
});

/** `torch.optim.AdamW` (Loshchilov and Hutter 2019, algorithm 2). */
export const adamw = defineOptimizer({
  type: "adamw",
  description: "Adam with weight decay apart from the gradient",
  options: z.object({ ...commonOptions({ learningRate: 1e-3, weightDecay: 1e-2 }), ...moments }),
  slots: () => SLOTS,
  scalars: (options) => {
    const corrections = biasCorrections(options);
    return (step, learningRate) => ({
      ...corrections(step, learningRate),
      keep: 1 - learningRate * options.weightDecay,
    });
  },
  update: (update, options) => adamStep(update.parameter.mul(update.scalars.keep!), update.gradient, update, options),
});

/** `torch.optim.NAdam` (Dozat 2016). */
export const nadam = defineOptimizer({
  type: "nadam",
  description: "Adam with Nesterov's momentum",
  options: z.object({
    ...commonOptions({ learningRate: 2e-3 }),
    ...moments,
    momentumDecay: z.number().min(0).default(4e-3).describe("How fast the momentum warms up to beta1"),
  }),
  slots: () => SLOTS,
  scalars({ beta1, beta2, momentumDecay }) {
    const momentum = (step: number): number => beta1 * (1 - 0.5 * 0.96 ** (step * momentumDecay));
    let done = 0;
    let product = 1;
    return (step, learningRate) => {
      if (step < done) [done, product] = [0, 1];
      for (; done < step; done++) product *= momentum(done + 1);
      const next = momentum(step + 1);
      return {
        gradientStep: (learningRate * (1 - momentum(step))) / (1 - product),
        meanStep: (learningRate * next) / (1 - product * next),
        rootScale: 1 / Math.sqrt(1 - beta2 ** step),
      };
    };
  },
  update({ parameter, gradient, slots, scalars }, { beta1, beta2, epsilon, weightDecay }) {
    const direction = decayed(gradient, parameter, weightDecay);
    const mean = toward(slots.mean!, direction, 1 - beta1);
    const square = towardSquare(slots.square!, direction, beta2);
    const denominator = square.sqrt().mul(scalars.rootScale!).add(epsilon);
    const ahead = direction.mul(scalars.gradientStep!).add(mean.mul(scalars.meanStep!));
    return { parameter: parameter.sub(ahead.div(denominator)), slots: { mean, square } };
  },
});
