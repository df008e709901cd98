/** @file Stochastic gradient descent. */
import { z } from "zod";
import { defineOptimizer } from "../registry/define.ts";
import { commonOptions, decayed, fading } from "./common.ts";

/** `torch.optim.SGD`; momentum after Sutskever et al. 2013. */
export const sgd = defineOptimizer({
  type: "sgd",
  description: "Stochastic gradient descent, with momentum or Nesterov's",
  options: z.object({
    ...commonOptions({ learningRate: 1e-3 }),
    momentum: z.number().min(0).lt(1).default(0).describe("Share of the last step's direction that is kept"),
    dampening: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .describe("Share of the new gradient left out of the momentum, but for the first"),
    nesterov: z.boolean().default(false).describe("Look ahead along the momentum; needs momentum, and no dampening"),
  }),
  slots: ({ momentum }) => (momentum === 0 ? {} : { momentum: 0 }),
  scalars:
    ({ dampening }) =>
    (step, learningRate) => ({ learningRate, ...(dampening === 0 ? {} : { share: step === 1 ? 1 : 1 - dampening }) }),
  update({ parameter, gradient, slots, scalars }, { momentum, nesterov, weightDecay, dampening }) {
    const direction = decayed(gradient, parameter, weightDecay);
    if (momentum === 0) return { parameter: parameter.sub(direction.mul(scalars.learningRate!)), slots: {} };
    const share = dampening === 0 ? direction : direction.mul(scalars.share!);
    const velocity = fading(slots.momentum!.mul(momentum).add(share));
    const along = nesterov ? direction.add(velocity.mul(momentum)) : velocity;
    return { parameter: parameter.sub(along.mul(scalars.learningRate!)), slots: { momentum: velocity } };
  },
});
