/** @file Soft actor-critic: the most reward with the most entropy, off the policy, for actions in a box. */
import { z } from "zod";
import { defineAlgorithm } from "../../registry/define.ts";
import type { LearnerContext } from "../algorithm.ts";
import { f32 } from "../programs.ts";
import { spaceSize } from "../spaces.ts";
import { actorCriticPlan, openActorCritic } from "./actorCritic.ts";
import { actInBox, randomWriter } from "./continuous.ts";
import type { Box } from "./critics.ts";
import { scalarWriter } from "./improve.ts";
import type { Method } from "./method.ts";
import { createOffPolicy } from "./offPolicy.ts";
import { offPolicyOptions } from "./offPolicyOptions.ts";
import { count, learningRate } from "./optionTypes.ts";
import { LOG_ALPHA, traceSacActor, traceSacCritics } from "./sacUpdate.ts";

const SacOptions = z.object({
  ...offPolicyOptions({ bufferSize: 1_000_000, learningStarts: 5000, batchSize: 256, trainFrequency: 1, tau: 0.005 }),
  targetNetworkFrequency: count(1_000_000).default(1).describe("Updates between two moves of the target networks"),
  policyLearningRate: learningRate("Length of the optimizer's steps, for the actor").default(3e-4),
  qLearningRate: learningRate("Length of the optimizer's steps, for critics and temperature").default(1e-3),
  policyFrequency: count(1000)
    .default(2)
    .describe("Updates of the critics between two trainings of the actor, each as many updates"),
  autotune: z
    .boolean()
    .default(true)
    .describe("Whether the temperature is learned, so that entropy comes to `targetEntropy`"),
  alpha: z.number().positive().default(0.2).describe("The temperature, where it is not learned"),
  targetEntropy: z.number().optional().describe("Entropy that is aimed at; left out, minus the numbers of an action"),
});

type SacOptions = z.output<typeof SacOptions>;

export const sac = defineAlgorithm({
  type: "sac",
  description:
    "Soft actor-critic for actions in a box: sample-efficient, with a learned temperature (Haarnoja et al. 2018)",
  options: SacOptions,
  plan: ({ numEnvs }) => actorCriticPlan("sac", "squashedGaussianByState", numEnvs),
  create: (context, options) => createOffPolicy(context, options, createSac(context, options)),
});

function createSac(context: LearnerContext, options: SacOptions): Method {
  const { registry, policy, seed } = context;
  const { policyFrequency, targetNetworkFrequency } = options;
  const temperature = { path: LOG_ALPHA, type: f32(), initial: options.autotune ? 0 : Math.log(options.alpha) };
  const targetEntropy = options.autotune ? (options.targetEntropy ?? -spaceSize(policy.action)) : null;
  const networks = openActorCritic(context, options, {
    isActorFollowed: false,
    others: [temperature],
    trace(learned) {
      const shape = { ...learned, targetEntropy };
      return { critics: traceSacCritics(registry, policy, shape), actor: traceSacActor(registry, policy, shape) };
    },
  });
  const { optimizer } = networks;
  const { inputs, outputs } = networks.actor;
  const setAlpha = scalarWriter(registry, optimizer, "alpha", inputs as never);
  const setRandom = randomWriter(inputs, seed);

  function learnCritics(update: number) {
    networks.critics.inputs.tau![0] = (update + 1) % targetNetworkFrequency === 0 ? options.tau : 0;
    return networks.learnCritics(update, options.qLearningRate);
  }

  function learnActor(update: number, piece: number) {
    const step = Math.floor(update / policyFrequency) * policyFrequency + piece;
    setAlpha(step, options.qLearningRate);
    setRandom(update, piece);
    networks.learnActor(step, options.policyLearningRate);
    const { loss, entropy, alpha, alphaLoss } = outputs;
    return {
      "losses/actor_loss": Number(loss![0]),
      "losses/entropy": Number(entropy![0]),
      "losses/alpha": Number(alpha![0]),
      ...(alphaLoss === undefined ? {} : { "losses/alpha_loss": Number(alphaLoss[0]) }),
    };
  }

  return {
    ...networks.method,
    ...actInBox(policy.action as Box, networks.acting, () => 0),
    rates: { policyLearningRate: options.policyLearningRate, qLearningRate: options.qLearningRate },
    pieces: (update) => (update % policyFrequency === 0 ? 1 + policyFrequency : 1),
    learn: ({ update, piece }) => (piece === 0 ? learnCritics(update) : learnActor(update, piece)),
    tell: () => ({ "charts/learning_rate": options.policyLearningRate }),
  };
}
