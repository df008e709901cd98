/** @file Soft actor-critic: the most reward with the most entropy, off the policy, for actions in a box. */
import { z } from "zod";
import { runWhole } from "../../model/whole.ts";
import { defineAlgorithm } from "../../registry/define.ts";
import { parseConfigured } from "../../registry/parse.ts";
import { openActing } from "../acting.ts";
import type { AlgorithmPlan, LearnerContext } from "../algorithm.ts";
import { declarePolicy } from "../policy.ts";
import { f32 } from "../programs.ts";
import { spaceSize } from "../spaces.ts";
import { actInBox, batchOf, randomWriter } from "./continuous.ts";
import { type Box, boxForm, declareCritics } from "./critics.ts";
import { scalarWriter, slotsOf } from "./improve.ts";
import { openNetworks } from "./networks.ts";
import { createOffPolicy, type Method } from "./offPolicy.ts";
import { count, learningRate, offPolicyOptions } from "./offPolicyOptions.ts";
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
  plan: ({ numEnvs }): AlgorithmPlan => ({
    numEnvs,
    orthogonalInit: false,
    logStdInit: 0,
    normaliser: null,
    sharedBackbone: false,
    squash: false,
    backbone: { type: "mlp", hidden: [256, 256], activation: "relu" },
    form: boxForm("sac", "squashedGaussianByState"),
  }),
  create: (context, options) => createOffPolicy(context, options, createSac(context, options)),
});

function createSac(context: LearnerContext, options: SacOptions): Method {
  const { registry, executor, policy, seed, count: copies } = context;
  const optimizer = parseConfigured(registry.optimizers, options.optimizer, "algorithm.optimizer", "adam");
  const [actor, both] = [declarePolicy(registry, policy, () => {}), declareCritics(registry, policy)];
  const temperature = { path: LOG_ALPHA, type: f32() };
  const first = options.autotune ? 0 : Math.log(options.alpha);
  const networks = openNetworks(context, {
    policy: actor,
    others: both,
    followed: both,
    slots: {
      [LOG_ALPHA]: { type: f32(), initial: first },
      ...slotsOf(registry, optimizer, [...actor, ...both, temperature]),
    },
  });
  const targetEntropy = options.autotune ? (options.targetEntropy ?? -spaceSize(policy.action)) : null;
  const shape = { batchSize: options.batchSize, optimizer, actor, critics: both, targetEntropy };
  const criticProgram = networks.compile(traceSacCritics(registry, policy, shape));
  const actorProgram = networks.compile(traceSacActor(registry, policy, shape));
  const acting = openActing(executor, registry, { spec: policy, state: networks.state, seed, count: copies });
  const [ofCritics, ofActor] = [criticProgram.inputs, actorProgram.inputs];
  const writers = {
    critics: scalarWriter(registry, optimizer, "critics", ofCritics as never),
    actor: scalarWriter(registry, optimizer, "actor", ofActor as never),
    alpha: scalarWriter(registry, optimizer, "alpha", ofActor as never),
    randomOfCritics: randomWriter(ofCritics, seed),
    randomOfActor: randomWriter(ofActor, seed),
  };
  const batch = batchOf(ofCritics);
  const { policyFrequency, targetNetworkFrequency } = options;

  function learnCritics(update: number) {
    writers.critics(update + 1, options.qLearningRate);
    writers.randomOfCritics(update, 0);
    ofCritics.tau![0] = (update + 1) % targetNetworkFrequency === 0 ? options.tau : 0;
    runWhole(criticProgram);
    const { worth1, worth2, loss1, loss2 } = criticProgram.outputs;
    const [first, second] = [Number(loss1![0]), Number(loss2![0])];
    return {
      "losses/qf1_values": Number(worth1![0]),
      "losses/qf2_values": Number(worth2![0]),
      "losses/qf1_loss": first,
      "losses/qf2_loss": second,
      "losses/qf_loss": (first + second) / 2,
    };
  }

  function learnActor(update: number, piece: number) {
    const step = Math.floor(update / policyFrequency) * policyFrequency + piece;
    writers.actor(step, options.policyLearningRate);
    writers.alpha(step, options.qLearningRate);
    writers.randomOfActor(update, piece);
    (ofActor.observations as Float32Array).set(batch.observations);
    runWhole(actorProgram);
    const { loss, entropy, alpha, alphaLoss } = actorProgram.outputs;
    return {
      "losses/actor_loss": Number(loss![0]),
      "losses/entropy": Number(entropy![0]),
      "losses/alpha": Number(alpha![0]),
      ...(alphaLoss === undefined ? {} : { "losses/alpha_loss": Number(alphaLoss[0]) }),
    };
  }

  return {
    networks,
    batch,
    priorities: null,
    ...actInBox(policy.action as Box, acting, () => 0),
    pieces: (update) => (update % policyFrequency === 0 ? 1 + policyFrequency : 1),
    learn: ({ update, piece }) => (piece === 0 ? learnCritics(update) : learnActor(update, piece)),
    errors: null,
    tell: () => ({ "charts/learning_rate": options.policyLearningRate }),
    release() {
      for (const each of [acting, criticProgram, actorProgram]) each.release();
      networks.state.release();
    },
  };
}
