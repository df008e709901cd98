/** @file PPO's options: the details that decide whether it works (Huang et al. 2022), under CleanRL's names with its defaults. */
import { z } from "zod";
import { count, gradientNorm, learningRate, share } from "./optionTypes.ts";
import type { UpdateOptions } from "./ppoUpdate.ts";

export const PpoOptions = z.object({
  numEnvs: count(65_536)
    .default(4)
    .describe("Copies of an environment inside; a host's environment says how many it has"),
  numSteps: count(1_000_000).default(128).describe("Steps of each copy between two updates"),
  learningRate: learningRate("Adam's learning rate").default(2.5e-4),
  annealLearningRate: z.boolean().default(true).describe("Whether the learning rate falls to 0 over the training"),
  gamma: share.default(0.99).describe("What a reward one step later is worth"),
  gaeLambda: share.default(0.95).describe("Of generalized advantage estimation: 0 trusts values, 1 returns"),
  numMinibatches: count(65_536)
    .default(4)
    .describe("Parts that each rollout is learned in; with a memory, of whole copies"),
  minibatchSize: count(16_777_216).optional().describe("Steps of a part, instead of `numMinibatches`"),
  updateEpochs: count(1000).default(4).describe("How often each rollout is learned"),
  normAdvantage: z.boolean().default(true).describe("Whether advantages of a part are standardised"),
  clipCoef: z.number().positive().max(10).default(0.2).describe("How far the probability ratio may leave 1"),
  annealClip: z.boolean().default(false).describe("Whether `clipCoef` falls to 0 over the training"),
  clipVloss: z.boolean().default(true).describe("Whether values are clipped, too"),
  entCoef: z.number().min(0).max(10).default(0.01).describe("What entropy counts in the loss"),
  vfCoef: z.number().min(0).max(100).default(0.5).describe("What the values' loss counts"),
  maxGradNorm: gradientNorm(0.5),
  targetKl: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe("An update ends at the epoch whose KL divergence passes this"),
  adamEpsilon: z.number().positive().default(1e-5).describe("Added to the denominator of Adam's step"),
  normaliseObservations: z
    .boolean()
    .default(false)
    .describe("Whether observations are standardised by running statistics"),
  clipObservations: z.number().positive().default(10).describe("Limit of standardised observations"),
  normaliseRewards: z
    .boolean()
    .default(false)
    .describe("Whether rewards are divided by the deviation of discounted returns"),
  clipRewards: z.number().positive().default(10).describe("Limit of scaled rewards"),
  orthogonalInit: z
    .boolean()
    .default(true)
    .describe("Whether weights begin orthogonal, with the gains that suit policies"),
  sharedBackbone: z
    .boolean()
    .optional()
    .describe("Whether actor and critic share a backbone; left out: where it is a `cnn` or there is a memory"),
  squash: z
    .boolean()
    .default(false)
    .describe("Whether actions in a box pass through tanh to its bounds, or are clipped to them"),
  logStdInit: z
    .number()
    .min(-20)
    .max(5)
    .default(0)
    .describe("Logarithm of the first standard deviation of actions in a box"),
});

export type PpoOptions = z.output<typeof PpoOptions>;

/** What learning from rollouts takes, whatever it is called. */
export interface OnPolicyOptions
  extends Omit<PpoOptions, "adamEpsilon">,
    Pick<UpdateOptions, "optimizer" | "surrogate"> {}
