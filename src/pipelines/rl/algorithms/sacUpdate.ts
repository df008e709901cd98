/** @file The two pieces of an update of soft actor-critic, a program each (Haarnoja et al. 2018, algorithm 1, with two critics). */
import { type Tensor, type Traced, type Tracer, trace } from "../../../engine/index.ts";
import { createScope, type Scope } from "../../layers/scope.ts";
import type { Registry } from "../../registry/registry.ts";
import { distributionOf } from "../distributions.ts";
import type { PolicySpec } from "../policy.ts";
import { f32, i32 } from "../programs.ts";
import { spaceSize } from "../spaces.ts";
import type { Learned } from "./actorCritic.ts";
import { actorOf, critics, learnedAmong } from "./critics.ts";
import { improve } from "./improve.ts";
import { followers, TARGET_ROOT } from "./networks.ts";

export interface SacUpdate extends Learned {
  /** Null: it stays. */
  readonly targetEntropy: number | null;
}

/** The logarithm of the temperature, by which entropy is paid for. */
export const LOG_ALPHA = "logAlpha";

/** An action in [−1, 1] drawn from the actor, and its logarithmic density there, [batch]. */
function drawn(t: Tracer, registry: Registry, spec: PolicySpec, scope: Scope, observations: Tensor) {
  const parameters = actorOf(registry, spec, scope, observations);
  const distribution = distributionOf(scope.child("actor"), spec.action, spec, parameters, null);
  const raw = distribution.sample(t.input("random", i32(4)));
  return { action: raw.tanh(), logProb: distribution.logProb(raw) };
}

/**
 * The critics, and their slower copies. Inputs: `observations`, `next`, `actions` in [−1, 1], `rewards`, `discounts`,
 * `random`, `tau`, the optimizer's numbers. Outputs: both critics' mean worth and loss.
 */
export function traceSacCritics(registry: Registry, spec: PolicySpec, options: SacUpdate): Traced {
  const { batchSize, optimizer } = options;
  return trace((t) => {
    const row = f32(batchSize, spaceSize(spec.observation));
    const { scope, declarations } = createScope(t);
    const slow = createScope(t, { root: TARGET_ROOT });
    const next = t.input("next", row);
    const then = drawn(t, registry, spec, scope, next);
    const [slow1, slow2] = critics(registry, spec, slow.scope, next, then.action);
    const alpha = t.state(LOG_ALPHA, f32()).exp();
    const after = slow1.minimum(slow2).sub(then.logProb.mul(alpha));
    const goal = t.input("rewards", f32(batchSize)).add(t.input("discounts", f32(batchSize)).mul(after));
    const actions = t.input("actions", f32(batchSize, spaceSize(spec.action)));
    const [worth1, worth2] = critics(registry, spec, scope, t.input("observations", row), actions);
    const [loss1, loss2] = [worth1.sub(goal).square().mean(), worth2.sub(goal).square().mean()];
    const parameters = learnedAmong(declarations.leaves, options.critics);
    const updates = improve(t, registry, { name: "critics", optimizer, loss: loss1.add(loss2), parameters });
    const followed = followers(t, options.critics, updates, t.input("tau", f32()));
    return {
      outputs: { worth1: worth1.mean(), worth2: worth2.mean(), loss1, loss2 },
      updates: { ...updates, ...followed },
    };
  });
}

/** The actor, and the temperature. Inputs: `observations`, `random`, the optimizers' numbers. Outputs: losses, entropy, alpha. */
export function traceSacActor(registry: Registry, spec: PolicySpec, options: SacUpdate): Traced {
  const { batchSize, optimizer, targetEntropy } = options;
  return trace((t) => {
    const { scope, declarations } = createScope(t);
    const observations = t.input("observations", f32(batchSize, spaceSize(spec.observation)));
    const now = drawn(t, registry, spec, scope, observations);
    const [worth1, worth2] = critics(registry, spec, scope, observations, now.action);
    const logAlpha = t.state(LOG_ALPHA, f32());
    const loss = now.logProb.mul(logAlpha.exp()).sub(worth1.minimum(worth2)).mean();
    const parameters = learnedAmong(declarations.leaves, options.actor);
    const updates = improve(t, registry, { name: "actor", optimizer, loss, parameters });
    const logProb = now.logProb.mean();
    const outputs = { loss, entropy: logProb.neg(), alpha: logAlpha.exp() };
    if (targetEntropy === null) return { outputs, updates };
    const alphaLoss = logAlpha.exp().neg().mul(logProb.add(targetEntropy));
    const temperature = { path: LOG_ALPHA, type: f32(), tensor: logAlpha };
    const warmer = improve(t, registry, { name: "alpha", optimizer, loss: alphaLoss, parameters: [temperature] });
    return { outputs: { ...outputs, alphaLoss }, updates: { ...updates, ...warmer } };
  });
}
