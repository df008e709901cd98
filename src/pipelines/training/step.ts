/** @file The training step as a graph: forward, loss, backward, clipping, optimizer, and the new running statistics. */
import {
  type Built,
  gradients,
  type Tensor,
  type TensorType,
  type Traced,
  type Tracer,
  trace,
} from "../../engine/index.ts";
import { createScope, type Declaration, type ScopeOptions } from "../layers/scope.ts";
import type { Rows } from "../model/batches.ts";
import { inputFeatures } from "../model/features.ts";
import { type Beside, type FittedRecord, network } from "../model/network.ts";
import { previousOf } from "../model/previous.ts";
import { type Answered, addScores, type Score, score, scoreOutputs } from "../model/score.ts";
import { penalised } from "../optimizers/common.ts";
import { find, optionsOf } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import { targetType } from "../targets/index.ts";
import { mixes } from "./augment.ts";
import type { Grouping } from "./groups.ts";
import type { TrainOptions } from "./options.ts";

export interface StepContext {
  readonly registry: Registry;
  readonly record: FittedRecord;
  readonly options: Pick<TrainOptions, "optimizer" | "loss" | "clipNorm" | "clipValue" | "averaging" | "augment">;
  readonly leaves: readonly Declaration[];
  readonly grouping: Grouping;
  /** Rows of a batch. */
  readonly batch: number;
  /** What they come from. */
  readonly rows: Pick<Rows, "isRaw">;
}

/** Where the optimizer keeps `slot` of the parameter at `path`. */
const slotPath = (path: string, slot: string): string => `optimizer.${slot}.${path}`;
const accumulatorPath = (path: string): string => `accumulator.${path}`;
const ACCUMULATED_WEIGHT = "accumulator";
/** The path above all averages. */
export const AVERAGE = "average";
const averagePath = (path: string): string => `${AVERAGE}.${path}`;
const SCALAR: TensorType = { dtype: "F32", shape: [] };

/**
 * Every state of a training beside the weights: slots; accumulators and averages where there are any. What each starts
 * from, by path: a number, or the weight of a path.
 */
export function trainingStates(
  { registry, options, leaves, grouping }: StepContext,
  accumulates: boolean,
): Record<string, { type: TensorType; initial: number | string }> {
  const slots = find(registry.optimizers, options.optimizer.type, "optimizer.type").slots(optionsOf(options.optimizer));
  const states: Record<string, { type: TensorType; initial: number | string }> = {};
  for (const { path, type } of leaves) {
    if (options.averaging !== undefined) states[averagePath(path)] = { type, initial: path };
    if (!grouping.groupOf.has(path)) continue;
    for (const [slot, initial] of Object.entries(slots)) states[slotPath(path, slot)] = { type, initial };
    if (accumulates) states[accumulatorPath(path)] = { type, initial: 0 };
  }
  if (accumulates) states[ACCUMULATED_WEIGHT] = { type: SCALAR, initial: 0 };
  return states;
}

/** Of a head that sees each row twice: the rows augmented another way, where they are augmented. */
function secondView(t: Tracer, { registry, record, options, batch, rows }: StepContext): Beside {
  const { views } = find(registry.heads, record.spec.head.type, "head.type");
  if (views === undefined || options.augment.length === 0) return {};
  return { second: inputFeatures(t, record.preprocessing, rows, batch, "second") };
}

/** The forward pass in training, judged; the parameters that learn from it, and new running statistics by path. */
function forward(
  t: Tracer,
  context: StepContext,
  { root = "", share = null }: Pick<ScopeOptions, "root" | "share"> = {},
) {
  const { registry, record, batch, grouping } = context;
  const features = inputFeatures(t, record.preprocessing, context.rows, batch);
  const target = t.input("target", targetType(record.target, batch));
  const weight = t.input("weight", { dtype: "F32", shape: [batch] });
  const random = t.input("random", { dtype: "I32", shape: [4] });
  const present = weight.greater(0).cast("F32").reshape([batch, 1]);
  const { scope, declarations } = createScope(t, { training: true, present, random, root, share });
  const beside = { ...previousOf(registry, record, target), ...secondView(t, context) };
  const answers = network(registry, record, scope, features, beside);
  const parameters = [...declarations.leaves.values()].filter(({ path }) => grouping.groupOf.has(path));
  const ownPath = (path: string): string => (root === "" ? path : path.slice(root.length + 1));
  const statistics = Object.fromEntries(
    [...declarations.updates].filter(([path]) => !grouping.frozen.has(ownPath(path))),
  );
  return { judged: judge(t, context, { answers, target, weight, features }), parameters, statistics };
}

/** Of rows that are mixed, both targets count: each as much as its share of the row. */
function judge(t: Tracer, { registry, record, options, batch }: StepContext, answered: Answered): Score {
  const { target, weight } = answered;
  const by = (against: Tensor, counted: Tensor) =>
    score(t, registry, record, options.loss, { ...answered, target: against, weight: counted });
  if (!mixes(registry, options.augment)) return by(target, weight);
  const share = t.input("share", { dtype: "F32", shape: [batch] });
  const partner = t.input("partner", targetType(record.target, batch));
  return addScores(by(target, weight.mul(share)), by(partner, weight.mul(share.neg().add(1))));
}

/** New parameters and slots from the mean loss's gradients: penalties, clipping, then the optimizer's rule for the group. */
function improve(
  t: Tracer,
  { registry, options, grouping }: StepContext,
  parameters: readonly Pick<Declaration, "path" | "tensor">[],
  gradientsOfLoss: readonly Tensor[],
): Record<string, Tensor> {
  const optimizer = find(registry.optimizers, options.optimizer.type, "optimizer.type");
  const rules = grouping.groups.map((group, index) => {
    const chosen = optionsOf(group.optimizer);
    const names = Object.keys(optimizer.scalars(chosen)(1, 1));
    const scalars = () => Object.fromEntries(names.map((name) => [name, t.input(scalarInput(index, name), SCALAR)]));
    return { chosen, slotNames: Object.keys(optimizer.slots(chosen)), scalars };
  });
  const ruleOf = (path: string) => rules[grouping.groupOf.get(path)!]!;

  const whole = gradientsOfLoss.map((gradient, index) => {
    const { path, tensor } = parameters[index]!;
    return penalised(gradient, tensor, ruleOf(path).chosen);
  });
  const { clipValue, clipNorm } = options;
  const limited = clipValue === undefined ? whole : whole.map((gradient) => gradient.clamp(-clipValue, clipValue));
  const clipped = clipNorm === undefined ? limited : clip(limited, clipNorm);
  return Object.fromEntries(
    parameters.flatMap(({ path, tensor }, index) => {
      const { chosen, slotNames, scalars } = ruleOf(path);
      const slots = Object.fromEntries(slotNames.map((slot) => [slot, t.state(slotPath(path, slot), tensor)]));
      const update = { parameter: tensor, gradient: clipped[index]!, slots, scalars: scalars() };
      const updated = optimizer.update(update, chosen);
      const newSlots = Object.entries(updated.slots).map(([slot, value]): [string, Tensor] => [
        slotPath(path, slot),
        value,
      ]);
      return [[path, updated.parameter] as [string, Tensor], ...newSlots];
    }),
  );
}

/** The input of a group's number, see `Optimizer.scalars`. */
export const scalarInput = (group: number, name: string): string => `scalar.${group}.${name}`;
/** Inputs of what is kept of the averages and of what is added to them; they sum to 1. */
export const AVERAGING_INPUTS = { kept: "average.kept", added: "average.added" } as const;

/** The averages after a step. @param next the weights after it; those left out stay as they are. */
function averages(t: Tracer, { leaves, options, grouping }: StepContext, next: Readonly<Record<string, Tensor>>) {
  if (options.averaging === undefined) return {};
  const [kept, added] = [AVERAGING_INPUTS.kept, AVERAGING_INPUTS.added].map((name) => t.input(name, SCALAR));
  const moving = leaves.filter(({ path }) => !grouping.frozen.has(path));
  return Object.fromEntries(
    moving.map(({ path, type }) => {
      const at = averagePath(path);
      const value = next[path] ?? t.state(path, type);
      return [at, t.state(at, type).mul(kept!).add(value.mul(added!))];
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
export function buildStep(t: Tracer, context: StepContext): Required<Built> {
  const { judged, parameters, statistics } = forward(t, context);
  const loss = judged.lossSum.div(divisor(judged.lossWeight));
  const ofLoss = gradients(
    loss,
    parameters.map(({ tensor }) => tensor),
  );
  const next = { ...statistics, ...improve(t, context, parameters, ofLoss) };
  return { outputs: scoreOutputs(judged), updates: { ...next, ...averages(t, context, next) } };
}

export const traceStep = (context: StepContext): Traced => trace((t) => buildStep(t, context));

/** One batch of several that make a step: adds the gradients of the loss's sum to the accumulators. */
export function traceAccumulation(context: StepContext): Traced {
  return trace((t) => {
    const { judged, parameters, statistics } = forward(t, context);
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
      outputs: scoreOutputs(judged),
      updates: {
        ...statistics,
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
      .filter(({ path }) => context.grouping.groupOf.has(path))
      .map(({ path, type }) => ({ path, tensor: t.state(path, type) }));
    const weight = t.state(ACCUMULATED_WEIGHT, SCALAR);
    const sums = parameters.map(({ path, tensor }) => t.state(accumulatorPath(path), tensor));
    const ofLoss = sums.map((sum) => sum.div(divisor(weight)));
    const emptied = parameters.map(({ path, tensor }): [string, Tensor] => [
      accumulatorPath(path),
      t.constant(0).broadcastTo(tensor.shape),
    ]);
    const next = improve(t, context, parameters, ofLoss);
    return {
      outputs: { weight },
      updates: {
        ...next,
        ...averages(t, context, next),
        ...Object.fromEntries(emptied),
        [ACCUMULATED_WEIGHT]: t.constant(0),
      },
    };
  });
}

/** How much of a batch goes into the statistics: 1 of the first, half of the second and so on makes them the batches' mean. */
export const STATISTICS_SHARE = "statistics.share";

/** The running statistics of the averaged weights, moved toward a batch's: their mean is not the statistics of the mean. */
export function traceStatistics(context: StepContext): Traced {
  return trace((t) => {
    const { judged, statistics } = forward(t, context, { root: AVERAGE, share: t.input(STATISTICS_SHARE, SCALAR) });
    return { outputs: { lossSum: judged.lossSum }, updates: statistics };
  });
}
