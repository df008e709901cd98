/** @file One update of DQN as one program: the loss of what actions are worth, its gradients, the optimizer, the target network. */
import { type Tensor, type Traced, trace } from "../../../engine/index.ts";
import { createScope, type Scope } from "../../layers/scope.ts";
import type { Configured } from "../../model/spec.ts";
import type { Registry } from "../../registry/registry.ts";
import { maskWidth } from "../distributions.ts";
import { declarePolicy, type PolicySpec, policyNetwork } from "../policy.ts";
import { bool, f32, i32 } from "../programs.ts";
import { spaceSize } from "../spaces.ts";
import { improve } from "./improve.ts";
import { followers, TARGET_ROOT } from "./networks.ts";

export interface DqnUpdate {
  readonly batchSize: number;
  readonly doubleQ: boolean;
  readonly isWeighted: boolean;
  readonly loss: "mse" | "huber";
  readonly maxGradNorm: number | null;
  readonly optimizer: Configured;
}

const MASKED = -1e8;

/**
 * Inputs: `observations`, `next` [batch, size]; `actions` I32 [batch, 1]; `rewards`, `discounts` [batch]; `weights` [batch] and
 * `mask` BOOL [batch, choices] of what is seen next where there are any; `tau`; the optimizer's numbers.
 * Outputs: `loss`, `values` (mean worth of what was done), `errors` [batch].
 */
export function traceDqn(registry: Registry, spec: PolicySpec, options: DqnUpdate): Traced {
  const { batchSize, doubleQ, isWeighted } = options;
  const followed = declarePolicy(registry, spec, () => {});
  return trace((t) => {
    const row = f32(batchSize, spaceSize(spec.observation));
    const worths = (scope: Scope, observations: Tensor): Tensor =>
      policyNetwork(registry, spec, scope, { observations, memory: [], starts: null }).parameters;
    const [learned, slow] = [createScope(t), createScope(t, { root: TARGET_ROOT })];
    const next = t.input("next", row);
    const mask = spec.masked ? t.input("mask", bool(batchSize, maskWidth(spec.action))) : null;
    const allowed = (all: Tensor): Tensor => (mask === null ? all : mask.where(all, MASKED));

    const done = t.input("actions", i32(batchSize, 1));
    const values = worths(learned.scope, t.input("observations", row)).takeAlong(done, -1).reshape([batchSize]);
    const nextWorths = allowed(worths(slow.scope, next));
    // Van Hasselt et al. 2016: the learned network chooses, the target network says what that is worth.
    const best = doubleQ
      ? nextWorths.takeAlong(allowed(worths(learned.scope, next)).argMax(-1).reshape([batchSize, 1]), -1)
      : nextWorths.max(-1);
    const [rewards, discounts] = [t.input("rewards", f32(batchSize)), t.input("discounts", f32(batchSize))];
    const errors = values.sub(rewards.add(discounts.mul(best.reshape([batchSize]))));
    const each = options.loss === "mse" ? errors.square() : huber(errors);
    const loss = (isWeighted ? each.mul(t.input("weights", f32(batchSize))) : each).mean();
    const parameters = [...learned.declarations.leaves.values()].filter(({ trainable }) => trainable);
    const { optimizer, maxGradNorm } = options;
    const updates = improve(t, registry, { name: "q", optimizer, loss, parameters, maxGradNorm });
    return {
      outputs: { loss, values: values.mean(), errors },
      updates: { ...updates, ...followers(t, followed, updates, t.input("tau", f32())) },
    };
  });
}

/** PyTorch's SmoothL1Loss: half the square up to 1, a line from there. */
function huber(errors: Tensor): Tensor {
  const size = errors.abs();
  return size.less(1).where(errors.square().mul(0.5), size.sub(0.5));
}
