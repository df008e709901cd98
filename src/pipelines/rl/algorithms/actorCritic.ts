/** @file What SAC and TD3 share: an actor and two critics with slower copies, a program that improves each, and what critics tell. */
import type { Program, TensorType, Traced } from "../../../engine/index.ts";
import type { Declaration } from "../../layers/scope.ts";
import type { Configured } from "../../model/spec.ts";
import { runWhole } from "../../model/whole.ts";
import { parseConfigured } from "../../registry/parse.ts";
import { type Acting, openActing } from "../acting.ts";
import type { AlgorithmPlan, LearnerContext } from "../algorithm.ts";
import { declarePolicy, type PolicySpec } from "../policy.ts";
import { batchOf, randomWriter } from "./continuous.ts";
import { boxForm, declareCritics } from "./critics.ts";
import { scalarWriter, slotsOf } from "./improve.ts";
import type { Method } from "./method.ts";
import { openNetworks } from "./networks.ts";
import { offPolicyPlan } from "./offPolicyOptions.ts";

/** What both programs are traced from. */
export interface Learned {
  readonly batchSize: number;
  readonly optimizer: Configured;
  readonly actor: readonly Declaration[];
  readonly critics: readonly Declaration[];
}

export const actorCriticPlan = (
  type: string,
  distribution: PolicySpec["distribution"],
  numEnvs: number,
): AlgorithmPlan =>
  offPolicyPlan({
    numEnvs,
    sharedBackbone: false,
    backbone: { type: "mlp", hidden: [256, 256], activation: "relu" },
    form: boxForm(type, distribution),
  });

export interface ActorCritic {
  /** Of a method, what they share. */
  readonly method: Pick<Method, "networks" | "batch" | "priorities" | "errors" | "release">;
  readonly optimizer: Configured;
  readonly acting: Acting;
  readonly critics: Program;
  readonly actor: Program;
  /** One step of the critics on the batch. @returns figures under CleanRL's names */
  learnCritics(update: number, learningRate: number): Readonly<Record<string, number>>;
  /** One step of the actor on what the batch saw, once its other inputs are set. */
  learnActor(step: number, learningRate: number): void;
}

export function openActorCritic(
  context: LearnerContext,
  options: { readonly batchSize: number; readonly optimizer: string },
  wanted: {
    /** Whether the actor has a slower copy, too. */
    readonly isActorFollowed: boolean;
    /** Numbers beside the networks that are learned, with what they begin with. */
    readonly others: readonly { readonly path: string; readonly type: TensorType; readonly initial: number }[];
    trace(learned: Learned): { readonly critics: Traced; readonly actor: Traced };
  },
): ActorCritic {
  const { registry, executor, policy, seed, count } = context;
  const optimizer = parseConfigured(registry.optimizers, options.optimizer, "algorithm.optimizer", "adam");
  const [actor, critics] = [declarePolicy(registry, policy, () => {}), declareCritics(registry, policy)];
  const networks = openNetworks(context, {
    policy: actor,
    others: critics,
    followed: wanted.isActorFollowed ? [...actor, ...critics] : critics,
    slots: {
      ...Object.fromEntries(wanted.others.map(({ path, type, initial }) => [path, { type, initial }])),
      ...slotsOf(registry, optimizer, [...actor, ...critics, ...wanted.others]),
    },
  });
  const traced = wanted.trace({ batchSize: options.batchSize, optimizer, actor, critics });
  const programs = { critics: networks.compile(traced.critics), actor: networks.compile(traced.actor) };
  const acting = openActing(executor, registry, { spec: policy, state: networks.state, seed, count });
  const setCritics = scalarWriter(registry, optimizer, "critics", programs.critics.inputs as never);
  const setActor = scalarWriter(registry, optimizer, "actor", programs.actor.inputs as never);
  const setRandom = randomWriter(programs.critics.inputs, seed);
  const batch = batchOf(programs.critics.inputs);
  return {
    ...programs,
    optimizer,
    acting,
    method: {
      networks,
      batch,
      priorities: null,
      errors: null,
      release() {
        for (const each of [acting, programs.critics, programs.actor]) each.release();
        networks.state.release();
      },
    },
    learnCritics(update, learningRate) {
      setCritics(update + 1, learningRate);
      setRandom(update, 0);
      runWhole(programs.critics);
      return criticFigures(programs.critics);
    },
    learnActor(step, learningRate) {
      setActor(step, learningRate);
      (programs.actor.inputs.observations as Float32Array).set(batch.observations);
      runWhole(programs.actor);
    },
  };
}

function criticFigures({ outputs }: Program) {
  const [first, second] = [Number(outputs.loss1![0]), Number(outputs.loss2![0])];
  return {
    "losses/qf1_values": Number(outputs.worth1![0]),
    "losses/qf2_values": Number(outputs.worth2![0]),
    "losses/qf1_loss": first,
    "losses/qf2_loss": second,
    "losses/qf_loss": (first + second) / 2,
  };
}
