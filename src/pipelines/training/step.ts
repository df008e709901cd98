/** @file The training step as a graph: forward, loss, backward, clipping, optimizer, and the new running statistics. */
import { gradients, type Tensor, type TensorType, type Traced, type Tracer, trace } from "../../engine/index.ts";
import { createScope, type Declaration } from "../layers/scope.ts";
import { type FittedRecord, network } from "../model/network.ts";
import { type Score, score, targetType } from "../model/score.ts";
import { penalised } from "../optimizers/common.ts";
import { find, optionsOf } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import type { TrainOptions } from "./options.ts";

export interface StepContext {
  readonly registry: Registry;
  readonly record: FittedRecord;
  readonly options: Pick<TrainOptions, "optimizer" | "loss" | "clipNorm">;
  readonly leaves: readonly Declaration[];
  /** Rows of a batch. */
  readonly batch: number;
}

/** Where the optimizer keeps `slot` of the parameter at `path`. */
const slotPath = (path: string, slot: string): string => `optimizer.${slot}.${path}`;
const accumulatorPath = (path: string): string => `accumulator.${path}`;
const ACCUMULATED_WEIGHT = "accumulator";
const SCALAR: TensorType = { dtype: "F32", shape: [] };

/** Every state of a training beside the weights: slots, and accumulators where there are any. Starting values by path. */
export function trainingStates(
  { registry, options, leaves }: StepContext,
  accumulates: boolean,
): Record<string, { type: TensorType; initial: number }> {
  const slots = find(registry.optimizers, options.optimizer.type, "optimizer.type").slots(optionsOf(options.optimizer));
  const states: Record<string, { type: TensorType; initial: number }> = {};
  for (const { path, type, trainable } of leaves) {
    if (!trainable) continue;
    for (const [slot, initial] of Object.entries(slots)) states[slotPath(path, slot)] = { type, initial };
    if (accumulates) states[accumulatorPath(path)] = { type, initial: 0 };
  }
  if (accumulates) states[ACCUMULATED_WEIGHT] = { type: SCALAR, initial: 0 };
  return states;
}

/** The forward pass in training, judged; and the parameters it used, by path. */
function forward(t: Tracer, { registry, record, options, batch }: StepContext) {
  const { spec, signature } = record;
  const features = t.input("features", { dtype: "F32", shape: [batch, ...signature.features] });
  const target = t.input("target", targetType(record, batch));
  const weight = t.input("weight", { dtype: "F32", shape: [batch] });
  const random = t.input("random", { dtype: "I32", shape: [4] });
  const present = weight.greater(0).cast("F32").reshape([batch, 1]);
  const { scope, declarations } = createScope(t, { training: true, present, random });
  const raw = network(registry, spec, scope, features, signature.outputs);
  const parameters = [...declarations.leaves.values()].filter(({ trainable }) => trainable);
  return { judged: score(t, registry, record, options.loss, { raw, target, weight }), parameters, declarations };
}

function outputsOf({ lossSum, lossWeight, running }: Score): Record<string, Tensor> {
  return {
    lossSum,
    lossWeight,
    ...Object.fromEntries(Object.entries(running).map(([name, sum]) => [`running.${name}`, sum])),
  };
}

/** New parameters and slots from the mean loss's gradients: penalties, clipping, then the optimizer's rule. */
function improve(
  t: Tracer,
  { registry, options }: StepContext,
  parameters: readonly Pick<Declaration, "path" | "tensor">[],
  gradientsOfLoss: readonly Tensor[],
): Record<string, Tensor> {
  const optimizer = find(registry.optimizers, options.optimizer.type, "optimizer.type");
  const chosen = optionsOf(options.optimizer);
  const slotNames = Object.keys(optimizer.slots(chosen));
  const scalarNames = Object.keys(optimizer.scalars(chosen)(1, 1));
  const scalars = Object.fromEntries(scalarNames.map((name) => [name, t.input(`scalar.${name}`, SCALAR)]));

  const whole = gradientsOfLoss.map((gradient, index) => penalised(gradient, parameters[index]!.tensor, chosen));
  const clipped = options.clipNorm === undefined ? whole : clip(whole, options.clipNorm);
  return Object.fromEntries(
    parameters.flatMap(({ path, tensor }, index) => {
      const slots = Object.fromEntries(slotNames.map((slot) => [slot, t.state(slotPath(path, slot), tensor)]));
      const updated = optimizer.update({ parameter: tensor, gradient: clipped[index]!, slots, scalars }, chosen);
      const newSlots = Object.entries(updated.slots).map(([slot, value]): [string, Tensor] => [
        slotPath(path, slot),
        value,
      ]);
      return [[path, updated.parameter] as [string, Tensor], ...newSlots];
    }),
  );
}

/** Gradients scaled so that all of them together are no longer than `limit`; 1e-6 as `torch.nn.utils.clip_grad_norm_` has it. */
function clip(all: readonly Tensor[], limit: number): Tensor[] {
  const norm = all
    .map((gradient) => gradient.square().sum())
    .reduce((sum, square) => sum.add(square))
    .sqrt();
  const factor = norm.add(1e-6).reciprocal().mul(limit).minimum(1);
  return all.map((gradient) => gradient.mul(factor));
}

/** A sum of weights to divide by: a batch that counts nothing has no gradient, rather than NaN. */
const divisor = (weight: Tensor): Tensor => weight.equal(0).where(1, weight);

/** One batch, one optimizer step. */
export function traceStep(context: StepContext): Traced {
  return trace((t) => {
    const { judged, parameters, declarations } = forward(t, context);
    const loss = judged.lossSum.div(divisor(judged.lossWeight));
    const ofLoss = gradients(
      loss,
      parameters.map(({ tensor }) => tensor),
    );
    return {
      outputs: outputsOf(judged),
      updates: { ...Object.fromEntries(declarations.updates), ...improve(t, context, parameters, ofLoss) },
    };
  });
}

/** One batch of several that make a step: adds the gradients of the loss's sum to the accumulators. */
export function traceAccumulation(context: StepContext): Traced {
  return trace((t) => {
    const { judged, parameters, declarations } = forward(t, context);
    const ofSum = gradients(
      judged.lossSum,
      parameters.map(({ tensor }) => tensor),
    );
    const sums = parameters.map(({ path, tensor }, index): [string, Tensor] => {
      const at = accumulatorPath(path);
      return [at, t.state(at, tensor).add(ofSum[index]!)];
    });
    const weight = t.state(ACCUMULATED_WEIGHT, SCALAR).add(judged.lossWeight);
    return {
      outputs: outputsOf(judged),
      updates: {
        ...Object.fromEntries(declarations.updates),
        ...Object.fromEntries(sums),
        [ACCUMULATED_WEIGHT]: weight,
      },
    };
  });
}

/** The optimizer step that ends an accumulation, and empties the accumulators. */
export function traceAccumulatedStep(context: StepContext): Traced {
  return trace((t) => {
    const parameters = context.leaves
      .filter(({ trainable }) => trainable)
      .map(({ path, type }) => ({ path, tensor: t.state(path, type) }));
    const weight = t.state(ACCUMULATED_WEIGHT, SCALAR);
    const sums = parameters.map(({ path, tensor }) => t.state(accumulatorPath(path), tensor));
    const ofLoss = sums.map((sum) => sum.div(divisor(weight)));
    const emptied = parameters.map(({ path, tensor }): [string, Tensor] => [
      accumulatorPath(path),
      t.constant(0).broadcastTo(tensor.shape),
    ]);
    return {
      outputs: { weight },
      updates: {
        ...improve(t, context, parameters, ofLoss),
        ...Object.fromEntries(emptied),
        [ACCUMULATED_WEIGHT]: t.constant(0),
      },
    };
  });
}
