/** @file The two pieces of an update of TD3, a program each (Fujimoto et al. 2018, algorithm 1). */
import { random, type Traced, trace } from "../../../engine/index.ts";
import { createScope } from "../../layers/scope.ts";
import type { Registry } from "../../registry/registry.ts";
import type { PolicySpec } from "../policy.ts";
import { f32, i32 } from "../programs.ts";
import { spaceSize } from "../spaces.ts";
import type { Learned } from "./actorCritic.ts";
import { actorOf, critics, learnedAmong } from "./critics.ts";
import { improve } from "./improve.ts";
import { followers, TARGET_ROOT } from "./networks.ts";

export interface Td3Update extends Learned {
  /** Standard deviation and limit of the noise on the target actor's actions, in units of [−1, 1]. */
  readonly policyNoise: number;
  readonly noiseClip: number;
}

/**
 * The critics. Inputs: `observations`, `next`, `actions` in [−1, 1], `rewards`, `discounts`, `random`, the optimizer's numbers.
 * Outputs: both critics' mean worth and loss.
 */
export function traceTd3Critics(registry: Registry, spec: PolicySpec, options: Td3Update): Traced {
  const { batchSize, optimizer, policyNoise, noiseClip } = options;
  return trace((t) => {
    const row = f32(batchSize, spaceSize(spec.observation));
    const { scope, declarations } = createScope(t);
    const slow = createScope(t, { root: TARGET_ROOT });
    const next = t.input("next", row);
    const plain = actorOf(registry, spec, slow.scope, next).tanh();
    const noise = random
      .normal(t.input("random", i32(4)), plain.shape)
      .mul(policyNoise)
      .clamp(-noiseClip, noiseClip);
    const [slow1, slow2] = critics(registry, spec, slow.scope, next, plain.add(noise).clamp(-1, 1));
    const [rewards, discounts] = [t.input("rewards", f32(batchSize)), t.input("discounts", f32(batchSize))];
    const goal = rewards.add(discounts.mul(slow1.minimum(slow2)));
    const actions = t.input("actions", f32(batchSize, spaceSize(spec.action)));
    const [worth1, worth2] = critics(registry, spec, scope, t.input("observations", row), actions);
    const [loss1, loss2] = [worth1.sub(goal).square().mean(), worth2.sub(goal).square().mean()];
    const parameters = learnedAmong(declarations.leaves, options.critics);
    const updates = improve(t, registry, { name: "critics", optimizer, loss: loss1.add(loss2), parameters });
    return { outputs: { worth1: worth1.mean(), worth2: worth2.mean(), loss1, loss2 }, updates };
  });
}

/** The actor, then all slower copies. Inputs: `observations`, `tau`, the optimizer's numbers. Outputs: `loss`. */
export function traceTd3Actor(registry: Registry, spec: PolicySpec, options: Td3Update): Traced {
  const { batchSize, optimizer } = options;
  return trace((t) => {
    const { scope, declarations } = createScope(t);
    const observations = t.input("observations", f32(batchSize, spaceSize(spec.observation)));
    const action = actorOf(registry, spec, scope, observations).tanh();
    const [worth] = critics(registry, spec, scope, observations, action);
    const loss = worth.mean().neg();
    const parameters = learnedAmong(declarations.leaves, options.actor);
    const updates = improve(t, registry, { name: "actor", optimizer, loss, parameters });
    const followed = followers(t, [...options.actor, ...options.critics], updates, t.input("tau", f32()));
    return { outputs: { loss }, updates: { ...updates, ...followed } };
  });
}
