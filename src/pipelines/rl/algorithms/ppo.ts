/** @file Proximal policy optimization: rollouts learned several times over, each time no further than their probabilities allow. */
import { adam } from "../../optimizers/adam.ts";
import { defineAlgorithm } from "../../registry/define.ts";
import { createOnPolicy, onPolicyPlan } from "./onPolicy.ts";
import { PpoOptions } from "./ppoOptions.ts";

export const ppo = defineAlgorithm({
  type: "ppo",
  description:
    "Proximal policy optimization with clipped ratios, for all kinds of actions, with masks and memory (Schulman et al. 2017)",
  options: PpoOptions,
  plan: onPolicyPlan,
  create(context, { adamEpsilon: epsilon, ...options }) {
    const optimizer = { type: adam.type, ...adam.options.parse({ epsilon }) };
    return createOnPolicy(context, { ...options, optimizer, surrogate: "clipped" });
  },
});
