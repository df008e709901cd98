/** @file Twin delayed deep deterministic policy gradient: one best action, two critics, an actor that follows more slowly. */
import { z } from "zod";
import { runWhole } from "../../model/whole.ts";
import { defineAlgorithm } from "../../registry/define.ts";
import { parseConfigured } from "../../registry/parse.ts";
import { openActing } from "../acting.ts";
import type { AlgorithmPlan, LearnerContext } from "../algorithm.ts";
import { declarePolicy } from "../policy.ts";
import { actInBox, batchOf, randomWriter } from "./continuous.ts";
import { type Box, boxForm, declareCritics } from "./critics.ts";
import { scalarWriter, slotsOf } from "./improve.ts";
import { openNetworks } from "./networks.ts";
import { createOffPolicy, type Method } from "./offPolicy.ts";
import { count, learningRate, offPolicyOptions } from "./offPolicyOptions.ts";
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
  plan: ({ numEnvs }): AlgorithmPlan => ({
    numEnvs,
    orthogonalInit: false,
    logStdInit: 0,
    normaliser: null,
    sharedBackbone: false,
    squash: false,
    backbone: { type: "mlp", hidden: [256, 256], activation: "relu" },
    form: boxForm("td3", "deterministic"),
  }),
  create: (context, options) => createOffPolicy(context, options, createTd3(context, options)),
});

function createTd3(context: LearnerContext, options: Td3Options): Method {
  const { registry, executor, policy, seed, count: copies } = context;
  const optimizer = parseConfigured(registry.optimizers, options.optimizer, "algorithm.optimizer", "adam");
  const [actor, both] = [declarePolicy(registry, policy, () => {}), declareCritics(registry, policy)];
  const networks = openNetworks(context, {
    policy: actor,
    others: both,
    followed: [...actor, ...both],
    slots: slotsOf(registry, optimizer, [...actor, ...both]),
  });
  const shape = { ...options, optimizer, actor, critics: both };
  const criticProgram = networks.compile(traceTd3Critics(registry, policy, shape));
  const actorProgram = networks.compile(traceTd3Actor(registry, policy, shape));
  const acting = openActing(executor, registry, { spec: policy, state: networks.state, seed, count: copies });
  const [ofCritics, ofActor] = [criticProgram.inputs, actorProgram.inputs];
  const setCritics = scalarWriter(registry, optimizer, "critics", ofCritics as never);
  const setActor = scalarWriter(registry, optimizer, "actor", ofActor as never);
  const setRandom = randomWriter(ofCritics, seed);
  const batch = batchOf(ofCritics);

  function learnCritics(update: number) {
    setCritics(update + 1, options.learningRate);
    setRandom(update, 0);
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

  function learnActor(update: number) {
    setActor(Math.floor(update / options.policyFrequency) + 1, options.learningRate);
    (ofActor.observations as Float32Array).set(batch.observations);
    ofActor.tau![0] = options.tau;
    runWhole(actorProgram);
    return { "losses/actor_loss": Number(actorProgram.outputs.loss![0]) };
  }

  return {
    networks,
    batch,
    priorities: null,
    ...actInBox(policy.action as Box, acting, ({ random }) => random.normal() * options.explorationNoise),
    pieces: (update) => (update % options.policyFrequency === 0 ? 2 : 1),
    learn: ({ update, piece }) => (piece === 0 ? learnCritics(update) : learnActor(update)),
    errors: null,
    tell: () => ({ "charts/learning_rate": options.learningRate }),
    release() {
      for (const each of [acting, criticProgram, actorProgram]) each.release();
      networks.state.release();
    },
  };
}
