/** @file Advantage actor-critic: the plain policy gradient of short rollouts of many copies, each learned once as a whole. */
import { z } from "zod";
import { defineAlgorithm } from "../../registry/define.ts";
import { optionsOf, parseConfigured } from "../../registry/parse.ts";
import { createOnPolicy, onPolicyPlan } from "./onPolicy.ts";
import { PpoOptions } from "./ppoOptions.ts";

const shared = PpoOptions.pick({
  gamma: true,
  maxGradNorm: true,
  normaliseObservations: true,
  clipObservations: true,
  normaliseRewards: true,
  clipRewards: true,
  orthogonalInit: true,
  sharedBackbone: true,
  squash: true,
  logStdInit: true,
});

/** Stable-Baselines3's names are CleanRL's here; its defaults, since CleanRL has no A2C. */
const A2cOptions = shared.extend({
  numEnvs: PpoOptions.shape.numEnvs
    .default(8)
    .describe("Copies of an environment inside; a host's environment says how many it has"),
  numSteps: PpoOptions.shape.numSteps.default(5).describe("Steps of each copy between two updates"),
  learningRate: PpoOptions.shape.learningRate.default(7e-4).describe("The optimizer's learning rate"),
  annealLearningRate: z.boolean().default(false).describe("Whether the learning rate falls to 0 over the training"),
  gaeLambda: PpoOptions.shape.gaeLambda
    .default(1)
    .describe("Of generalized advantage estimation: 0 trusts values, 1 returns"),
  entCoef: PpoOptions.shape.entCoef.default(0).describe("What entropy counts in the loss"),
  vfCoef: PpoOptions.shape.vfCoef.default(0.5).describe("What the values' mean squared error counts"),
  normAdvantage: z.boolean().default(false).describe("Whether advantages are standardised"),
  optimizer: z
    .string()
    .default("rmsprop")
    .describe("Any optimizer of the catalog, with its own defaults but learning rate and, of RMSprop, epsilon"),
  rmsPropEpsilon: z.number().positive().default(1e-5).describe("Added to the denominator of RMSprop's step"),
});

export const a2c = defineAlgorithm({
  type: "a2c",
  description: "Advantage actor-critic, for all kinds of actions, with masks and memory (Mnih et al. 2016)",
  options: A2cOptions,
  plan: onPolicyPlan,
  create(context, { optimizer: type, rmsPropEpsilon, ...options }) {
    const { registry } = context;
    const plain = parseConfigured(registry.optimizers, type, "algorithm.optimizer", "rmsprop");
    const optimizer = type === "rmsprop" ? { ...plain, epsilon: rmsPropEpsilon } : plain;
    return createOnPolicy(context, {
      ...options,
      optimizer: { type: optimizer.type, ...optionsOf(optimizer) },
      surrogate: "plain",
      // A PPO that learns every rollout once, as a whole, without clipping (Huang et al. 2022, "A2C is a special case of PPO").
      updateEpochs: 1,
      numMinibatches: 1,
      clipCoef: 1,
      annealClip: false,
      clipVloss: false,
      targetKl: null,
      // PPO counts half the squared error.
      vfCoef: 2 * options.vfCoef,
    });
  },
});
