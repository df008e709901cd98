/** @file One update of behaviour cloning as one program: how likely the policy would have done what was done. */
import { type Tensor, type Traced, trace } from "../../../engine/index.ts";
import { createScope, type Scope } from "../../layers/scope.ts";
import type { Configured } from "../../model/spec.ts";
import type { Registry } from "../../registry/registry.ts";
import { distributionOf } from "../distributions.ts";
import { type PolicySpec, policyNetwork } from "../policy.ts";
import { f32, policyInputs, rawType } from "../programs.ts";
import { improve } from "./improve.ts";

export interface CloningUpdate {
  readonly batchSize: number;
  readonly entCoef: number;
  readonly maxGradNorm: number | null;
  readonly optimizer: Configured;
}

/** Keeps the inverse of tanh finite. */
const NEARLY_ONE = 1 - 1e-6;

/**
 * Inputs: `observations` [batch, size], normalised; `actions` raw, or in [−1, 1] where they are squashed; `mask` where the
 * policy has one; `counts` [batch], 0 for rows that are none; the optimizer's numbers.
 * Outputs: `loss`, `neglogp`, `entropy`, `prob_true_act`: means over the rows that count.
 */
export function traceCloning(registry: Registry, spec: PolicySpec, options: CloningUpdate): Traced {
  const { batchSize, optimizer, maxGradNorm, entCoef } = options;
  return trace((t) => {
    const { scope, declarations } = createScope(t);
    const input = policyInputs(t, spec, batchSize, 1);
    const { parameters } = policyNetwork(registry, spec, scope, input);
    const done = t.input("actions", rawType(spec, batchSize));
    const counts = t.input("counts", f32(batchSize));
    const mean = (x: Tensor): Tensor => x.mul(counts).sum().div(counts.sum());
    const { logProb, entropy } = likelihood(spec, scope, parameters, input.mask, done);
    const neglogp = mean(logProb).neg();
    const loss = neglogp.sub(mean(entropy).mul(entCoef));
    // The critic has no part in it: its gradient is nought.
    const leaves = [...declarations.leaves.values()].filter(({ trainable }) => trainable);
    const parametersOfActor = leaves.filter(({ path }) => !path.startsWith("critic."));
    const updates = improve(t, registry, {
      name: "clone",
      optimizer,
      loss,
      parameters: parametersOfActor,
      maxGradNorm,
    });
    return { outputs: { loss, neglogp, entropy: mean(entropy), prob_true_act: mean(logProb.exp()) }, updates };
  });
}

/** [batch] each. What has no likelihood of its own gets one: choices of most worth by a softmax, certain actions by a Gaussian. */
function likelihood(spec: PolicySpec, scope: Scope, parameters: Tensor, mask: Tensor | null, done: Tensor) {
  if (spec.distribution === "deterministic") {
    const logProb = parameters.tanh().sub(done).square().mul(-0.5).sum([1]);
    return { logProb, entropy: parameters.constant(0).broadcastTo(logProb.shape) };
  }
  const form = spec.distribution === "greedy" ? ({ ...spec, distribution: "categorical" } as const) : spec;
  const distribution = distributionOf(scope.child("actor"), spec.action, form, parameters, mask);
  const isSquashed = form.distribution === "squashedGaussian" || form.distribution === "squashedGaussianByState";
  const raw = isSquashed ? inverseTanh(done.clamp(-NEARLY_ONE, NEARLY_ONE)) : done;
  return { logProb: distribution.logProb(raw), entropy: distribution.entropy(raw) };
}

/** ½ log((1 + x) / (1 − x)) */
const inverseTanh = (x: Tensor): Tensor => x.add(1).log().sub(x.neg().add(1).log()).mul(0.5);
