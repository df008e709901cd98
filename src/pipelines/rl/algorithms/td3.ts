/** @file Twin delayed deep deterministic policy gradient: one best action, two critics, an actor that follows more slowly. */
import { z } from "zod";
import { defineAlgorithm } from "../../registry/define.ts";
import type { LearnerContext } from "../algorithm.ts";
import { actorCriticPlan, openActorCritic } from "./actorCritic.ts";
import { actInBox } from "./continuous.ts";
import type { Box } from "./critics.ts";
import type { Method } from "./method.ts";
import { createOffPolicy } from "./offPolicy.ts";
import { offPolicyOptions } from "./offPolicyOptions.ts";
import { count, learningRate } from "./optionTypes.ts";
import { traceTd3Actor, traceTd3Critics } from "./td3Update.ts";

const noise = (by: string) => z.number().min(0).max(10).describe(by);

const Td3Options = z.object({
  ...offPolicyOptions({ bufferSize: 1_000_000, learningStarts: 25_000, batchSize: 256, trainFrequency: 1, tau: 0.005 }),
  learningRate: learningRate("Length of the optimizer's steps").default(3e-4),
  policyFrequency: count(1000)
    .default(2)
    .describe("Updates of the critics between two of the actor and of the target networks"),
  explorationNoise: noise("Standard deviation of what is added to actions, as a part of half their range").default(0.1),
  policyNoise: noise("Standard deviation of what is added to the target actor's actions").default(0.2),
  noiseClip: noise("Limit of what is added to the target actor's actions").default(0.5),
});

type Td3Options = z.output<typeof Td3Options>;

export const td3 = defineAlgorithm({
  type: "td3",
  description: "TD3 for actions in a box: deterministic, with two critics and a delayed actor (Fujimoto et al. 2018)",
  options: Td3Options,
  plan: ({ numEnvs }) => actorCriticPlan("td3", "deterministic", numEnvs),
  create: (context, options) => createOffPolicy(context, options, createTd3(context, options)),
});

function createTd3(context: LearnerContext, options: Td3Options): Method {
  const { registry, policy } = context;
  const { policyFrequency, learningRate: rate } = options;
  const networks = openActorCritic(context, options, {
    isActorFollowed: true,
    others: [],
    trace(learned) {
      const shape = { ...options, ...learned };
      return { critics: traceTd3Critics(registry, policy, shape), actor: traceTd3Actor(registry, policy, shape) };
    },
  });
  const { inputs, outputs } = networks.actor;

  function learnActor(update: number) {
    inputs.tau![0] = options.tau;
    networks.learnActor(Math.floor(update / policyFrequency) + 1, rate);
    return { "losses/actor_loss": Number(outputs.loss![0]) };
  }

  return {
    ...networks.method,
    ...actInBox(policy.action as Box, networks.acting, ({ random }) => random.normal() * options.explorationNoise),
    rates: { learningRate: rate },
    pieces: (update) => (update % policyFrequency === 0 ? 2 : 1),
    learn: ({ update, piece }) => (piece === 0 ? networks.learnCritics(update, rate) : learnActor(update)),
    tell: () => ({ "charts/learning_rate": rate }),
  };
}
