/** @file One minibatch of PPO as one program: losses, gradients, clipping and the optimizer (Schulman et al. 2017; the 37 details). */
import { type Executor, sizeOf, type Tensor, type Traced, type Tracer, trace } from "../../../engine/index.ts";
import { createScope, type Declaration } from "../../layers/scope.ts";
import type { Configured } from "../../model/spec.ts";
import type { Registry } from "../../registry/registry.ts";
import { distributionOf } from "../distributions.ts";
import { type PolicySpec, policyNetwork } from "../policy.ts";
import { f32, policyInputs, rawType } from "../programs.ts";
import { improve, slotsOf } from "./improve.ts";

export interface UpdateOptions {
  readonly normAdvantage: boolean;
  readonly clipVloss: boolean;
  readonly entCoef: number;
  readonly vfCoef: number;
  readonly maxGradNorm: number | null;
  readonly optimizer: Configured;
  /** Clipped ratios, or, for what is learned once, the plain policy gradient (Mnih et al. 2016). */
  readonly surrogate: "clipped" | "plain";
}

/** What an update's program works on: so many sequences of so many steps; without a memory, rows as sequences of one step. */
export interface UpdateShape {
  readonly sequences: number;
  readonly time: number;
}

/** Means over the rows that count. */
function averaging(counts: Tensor) {
  const total = counts.sum();
  const divisor = total.equal(0).where(1, total);
  return { mean: (x: Tensor): Tensor => x.mul(counts).sum().div(divisor), total };
}

/** Advantages of a minibatch to mean 0 and deviation 1 (n − 1, as PyTorch's `std`). */
function standardised(advantages: Tensor, counts: Tensor): Tensor {
  const { mean, total } = averaging(counts);
  const centred = advantages.sub(mean(advantages));
  const squares = centred.square().mul(counts).sum();
  return centred.div(squares.div(total.sub(1).maximum(1)).sqrt().add(1e-8));
}

export interface Losses {
  readonly loss: Tensor;
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/** The loss of a minibatch and its figures, each a scalar. */
export function losses(t: Tracer, registry: Registry, spec: PolicySpec, shape: UpdateShape, options: UpdateOptions) {
  const rows = shape.sequences * shape.time;
  const { scope, declarations } = createScope(t);
  const input = policyInputs(t, spec, shape.sequences, shape.time);
  const { parameters, value } = policyNetwork(registry, spec, scope, input);
  const distribution = distributionOf(scope.child("actor"), spec.action, spec, parameters, input.mask);
  const raw = t.input("actions", rawType(spec, rows));
  const [oldLogProb, advantages, returns, oldValue, counts] = (
    ["logProbs", "advantages", "returns", "values", "counts"] as const
  ).map((name) => t.input(name, f32(rows))) as [Tensor, Tensor, Tensor, Tensor, Tensor];
  const clip = t.input("clipCoef", f32());
  const { mean } = averaging(counts);

  const logProb = distribution.logProb(raw);
  const logRatio = logProb.sub(oldLogProb);
  const ratio = logRatio.exp();
  const scaled = options.normAdvantage ? standardised(advantages, counts) : advantages;
  const [least, most] = [clip.neg().add(1), clip.add(1)];
  const policyLoss =
    options.surrogate === "plain"
      ? mean(scaled.neg().mul(logProb))
      : mean(
          scaled
            .neg()
            .mul(ratio)
            .maximum(scaled.neg().mul(ratio.maximum(least).minimum(most))),
        );
  const unclipped = value.sub(returns).square();
  const moved = value.sub(oldValue).maximum(clip.neg()).minimum(clip);
  const squares = options.clipVloss ? unclipped.maximum(oldValue.add(moved).sub(returns).square()) : unclipped;
  const valueLoss = mean(squares).mul(0.5);
  const entropy = mean(distribution.entropy(raw));
  const loss = policyLoss.sub(entropy.mul(options.entCoef)).add(valueLoss.mul(options.vfCoef));
  return {
    loss,
    leaves: [...declarations.leaves.values()],
    outputs: {
      loss,
      policyLoss,
      valueLoss,
      entropy,
      oldApproxKl: mean(logRatio.neg()),
      approxKl: mean(ratio.sub(1).sub(logRatio)),
      clipFraction: mean(ratio.sub(1).abs().greater(clip).cast("F32")),
    },
  };
}

/** Inputs: those of the losses; the optimizer's numbers. Outputs: the losses' figures. */
export function traceUpdate(registry: Registry, spec: PolicySpec, shape: UpdateShape, options: UpdateOptions): Traced {
  const { optimizer, maxGradNorm } = options;
  return trace((t) => {
    const { loss, leaves, outputs } = losses(t, registry, spec, shape, options);
    const parameters = leaves.filter(({ trainable }) => trainable);
    return { outputs, updates: improve(t, registry, { name: "policy", optimizer, loss, parameters, maxGradNorm }) };
  });
}

/** The policy's weights and the optimizer's slots, one state for all programs. */
export function updateState(
  executor: Executor,
  registry: Registry,
  leaves: readonly Declaration[],
  optimizer: Configured,
) {
  const slots = slotsOf(
    registry,
    optimizer,
    leaves.filter(({ trainable }) => trainable),
  );
  const weights = leaves.map(({ path, type }) => [path, type] as const);
  const types = Object.entries(slots).map(([path, { type }]) => [path, type] as const);
  const state = executor.createState(Object.fromEntries([...weights, ...types]));
  for (const [path, { type, initial }] of Object.entries(slots)) {
    if (initial !== 0) state.write(path, { ...type, data: new Float32Array(sizeOf(type.shape)).fill(initial) });
  }
  return state;
}
