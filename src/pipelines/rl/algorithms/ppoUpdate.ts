/** @file One minibatch of PPO as one program: losses, gradients, clipping and Adam (Schulman et al. 2017; the 37 details). */
import { type Executor, gradients, type Tensor, type Traced, type Tracer, trace } from "../../../engine/index.ts";
import { createScope, type Declaration } from "../../layers/scope.ts";
import { adam } from "../../optimizers/adam.ts";
import type { Registry } from "../../registry/registry.ts";
import { distributionOf } from "../distributions.ts";
import { type PolicySpec, policyNetwork } from "../policy.ts";
import { f32, policyInputs, rawType } from "../programs.ts";

export interface UpdateOptions {
  readonly normAdvantage: boolean;
  readonly clipVloss: boolean;
  readonly entCoef: number;
  readonly vfCoef: number;
  readonly maxGradNorm: number | null;
  readonly adamEpsilon: number;
}

/** What an update's program works on: so many sequences of so many steps; without a memory, rows as sequences of one step. */
export interface UpdateShape {
  readonly sequences: number;
  readonly time: number;
}

export const ADAM = (epsilon: number) => adam.options.parse({ epsilon });
export const SLOTS = ["mean", "square"] as const;
export const slotPath = (slot: string, path: string): string => `optimizer.${slot}.${path}`;

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

  const logRatio = distribution.logProb(raw).sub(oldLogProb);
  const ratio = logRatio.exp();
  const scaled = options.normAdvantage ? standardised(advantages, counts) : advantages;
  const [least, most] = [clip.neg().add(1), clip.add(1)];
  const policyLoss = mean(
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

/** Gradients scaled so that all together are no longer than `limit`, as `torch.nn.utils.clip_grad_norm_`. */
function limited(all: readonly Tensor[], limit: number | null): Tensor[] {
  if (limit === null) return [...all];
  const norm = all
    .map((gradient) => gradient.square().sum())
    .reduce((sum, square) => sum.add(square))
    .sqrt();
  const factor = norm.add(1e-6).reciprocal().mul(limit).minimum(1);
  return all.map((gradient) => gradient.mul(factor));
}

/** Inputs: those of the losses; `stepSize` and `rootScale` of Adam. Outputs: the losses' figures. */
export function traceUpdate(registry: Registry, spec: PolicySpec, shape: UpdateShape, options: UpdateOptions): Traced {
  const chosen = ADAM(options.adamEpsilon);
  return trace((t) => {
    const { loss, leaves, outputs } = losses(t, registry, spec, shape, options);
    const learned = leaves.filter(({ trainable }) => trainable);
    const slopes = gradients(
      loss,
      learned.map(({ tensor }) => tensor),
    );
    const scalars = { stepSize: t.input("stepSize", f32()), rootScale: t.input("rootScale", f32()) };
    const updates: Record<string, Tensor> = {};
    for (const [index, gradient] of limited(slopes, options.maxGradNorm).entries()) {
      const { path, type, tensor } = learned[index]!;
      const slots = Object.fromEntries(SLOTS.map((slot) => [slot, t.state(slotPath(slot, path), type)]));
      const updated = adam.update({ parameter: tensor, gradient, slots, scalars }, chosen);
      updates[path] = updated.parameter;
      for (const slot of SLOTS) updates[slotPath(slot, path)] = updated.slots[slot]!;
    }
    return { outputs, updates };
  });
}

/** The policy's weights and Adam's slots, one state for all programs. */
export function updateState(executor: Executor, leaves: readonly Declaration[]) {
  const types = Object.fromEntries(
    leaves.flatMap(({ path, type, trainable }) => [
      [path, type] as const,
      ...(trainable ? SLOTS.map((slot) => [slotPath(slot, path), type] as const) : []),
    ]),
  );
  return executor.createState(types);
}
