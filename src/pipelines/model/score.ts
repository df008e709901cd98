/** @file The sums that judge a batch, traced: weighted loss, and the heads' running figures. Training and evaluation share them. */
import { Fault, type Tensor, type Tracer } from "../../engine/index.ts";
import type { Loss, Options, Seen } from "../registry/define.ts";
import { find, optionsOf } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import { standardiseTarget, type TargetEncoding, unitsOf } from "../targets/index.ts";
import { targetOfTask } from "../targets/tasks.ts";
import { type FittedRecord, partsOf } from "./network.ts";
import type { Configured } from "./spec.ts";
import { type Answers, encodingOf, rawOf, type Task, tasksOf, withName } from "./tasks.ts";

/** Loss and metrics over some rows. */
export interface Scores {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** Running sums over some rows: divide `loss` by `lossWeight`, each metric by `weight`. */
export interface Sums {
  loss: number;
  lossWeight: number;
  weight: number;
  metrics: Record<string, number>;
}

/** Scalars F32 []. */
export interface Score {
  /** Σ weight · loss of the row, or of the element of a sequence. */
  readonly lossSum: Tensor;
  /** Σ weight · what the loss counts the row. */
  readonly lossWeight: Tensor;
  /** Σ weight */
  readonly weight: Tensor;
  /** Σ weight · figure of the row, by name. */
  readonly running: Readonly<Record<string, Tensor>>;
}

/** A batch as it was answered, and as it should have been. */
export interface Answered {
  readonly answers: Answers;
  /** In its own units; what is learned may be standardised. */
  readonly target: Tensor;
  /** F32 [batch]; zero for padding. */
  readonly weight: Tensor;
  /** What the backbone saw, F32 [batch, ...features]. */
  readonly features: Tensor;
}

export function score(
  t: Tracer,
  registry: Registry,
  { spec, target: encoding, preprocessing }: Pick<FittedRecord, "spec" | "target" | "preprocessing">,
  chosen: Configured,
  given: Answered,
): Score {
  const tasks = tasksOf(registry, spec);
  const parts = partsOf(preprocessing, given.features.shape.slice(1));
  const answered = { ...given, parts };
  if (encoding.kind !== "tasks") return scoreTask(t, tasks[0]!, encoding, lossOf(registry, chosen), answered);
  const { losses, weights } = optionsOf(chosen) as unknown as TaskLosses;
  const judged = tasks.map((task) => {
    const own = lossOf(registry, losses[task.name]!);
    const target = targetOfTask(answered.target, encoding, task.name);
    const part = scoreTask(t, task, encodingOf(task.name, encoding), own, { ...answered, target });
    return { name: task.name, part, share: weights[task.name] ?? 1 };
  });
  return {
    lossSum: judged.map(({ part, share }) => part.lossSum.mul(share)).reduce((a, b) => a.add(b)),
    lossWeight: answered.weight.sum(),
    weight: answered.weight.sum(),
    running: Object.assign(
      {},
      ...judged.map(({ name, part }) => withName(name, { loss: part.lossSum, ...part.running })),
    ) as Record<string, Tensor>,
  };
}

/** The options of the loss of a model of several tasks, completed for each of them. */
export interface TaskLosses {
  readonly losses: Readonly<Record<string, Configured>>;
  readonly weights: Readonly<Record<string, number>>;
}

interface ChosenLoss {
  readonly loss: Loss;
  readonly options: Options;
}

function lossOf(registry: Registry, chosen: Configured): ChosenLoss {
  return { loss: find(registry.losses, chosen.type, "loss.type"), options: optionsOf(chosen) };
}

function scoreTask(
  t: Tracer,
  { name, head, options: headOptions }: Task,
  encoding: TargetEncoding,
  { loss, options }: ChosenLoss,
  { answers, target, weight, features, parts }: Answered & Pick<Seen, "parts">,
): Score {
  const raw = rawOf(name, answers);
  const [batch] = weight.shape as [number];
  const seen = { units: unitsOf(t, encoding), raw, features, parts };
  if (encoding.kind === "sequence") refuseOtherLength(raw.output, target);
  const rows =
    encoding.kind === "sequence" ? elementsOf(raw.output, target, weight) : { output: raw.output, target, weight };
  const wanted = encoding.kind === "inputs" ? features.reshape([batch, -1]) : rows.target;
  const learned = standardiseTarget(t, wanted, encoding);
  const rowWeight = loss.rowWeight?.(t, rows.output, learned, options) ?? null;
  const figures = head.running?.(raw.output, encoding.kind === "inputs" ? wanted : target, headOptions, seen) ?? {};
  const weighted = (perRow: Tensor): Tensor => perRow.reshape(rows.weight.shape).mul(rows.weight).sum();
  return {
    lossSum: weighted(loss.perRow(t, rows.output, learned, options, { weight: rows.weight })),
    lossWeight: rowWeight === null ? rows.weight.sum() : weighted(rowWeight),
    weight: rows.weight.sum(),
    running: Object.fromEntries(Object.entries(figures).map(([figure, perRow]) => [figure, weighted(perRow)])),
  };
}

function refuseOtherLength({ shape }: Tensor, target: Tensor): void {
  if (shape[1] === target.shape[1]) return;
  const [expected, got] = [`${shape[1]} elements a row, as the inputs have`, `${target.shape[1]} elements`];
  throw new Fault("SHAPE_MISMATCH", `\`head\`: ${got} a row in the target, ${shape[1]} in the inputs`, {
    violations: [{ path: "head", message: "one class for each element", expected, got }],
    hint: "give a class for each element; for sequences of other lengths use pipeline `seq2seq`",
  });
}

/** The elements of sequences as rows; those that do not count weigh nothing. @param target I32 [batch, time], −1 for these */
function elementsOf(output: Tensor, target: Tensor, weight: Tensor) {
  const [batch, time] = target.shape as [number, number];
  const counts = target.greaterEqual(0);
  return {
    output: output.reshape([batch * time, output.shape[2]!]),
    target: target.maximum(0).reshape([batch * time]),
    weight: counts
      .cast("F32")
      .mul(weight.reshape([batch, 1]))
      .reshape([batch * time]),
  };
}

/** Both together: all sums are linear in the rows' weights. */
export function addScores(a: Score, b: Score): Score {
  return {
    lossSum: a.lossSum.add(b.lossSum),
    lossWeight: a.lossWeight.add(b.lossWeight),
    weight: a.weight.add(b.weight),
    running: Object.fromEntries(Object.entries(a.running).map(([name, sum]) => [name, sum.add(b.running[name]!)])),
  };
}

/** A score as outputs of a program. */
export function scoreOutputs({ lossSum, lossWeight, weight, running }: Score): Record<string, Tensor> {
  const named = Object.entries(running).map(([name, sum]) => [RUNNING + name, sum] as const);
  return { lossSum, lossWeight, weight, ...Object.fromEntries(named) };
}

const RUNNING = "running.";

/** Reads a program's scores and adds them to sums. */
export function scoreReader(outputs: Readonly<Record<string, ArrayLike<number | bigint>>>) {
  const running = Object.keys(outputs).filter((name) => name.startsWith(RUNNING));
  const names = running.map((name) => name.slice(RUNNING.length));
  const readings = running.map((name) => outputs[name]!);
  return {
    /** Of the running figures. */
    names,
    /** @returns the batch's own sums of loss and of what it counts */
    addTo(sums: Sums): { loss: number; counted: number } {
      const [loss, counted] = [Number(outputs.lossSum![0]), Number(outputs.lossWeight![0])];
      sums.loss += loss;
      sums.lossWeight += counted;
      sums.weight += Number(outputs.weight![0]);
      for (const [index, name] of names.entries())
        sums.metrics[name] = (sums.metrics[name] ?? 0) + Number(readings[index]![0]);
      return { loss, counted };
    },
  };
}

export function emptySums(): Sums {
  return { loss: 0, lossWeight: 0, weight: 0, metrics: {} };
}

/** Means from sums; NaN-free, since no weight means no rows. */
export function scoresOf({ loss, lossWeight, weight, metrics }: Sums): Scores {
  return {
    loss: lossWeight === 0 ? 0 : loss / lossWeight,
    metrics: Object.fromEntries(Object.entries(metrics).map(([name, sum]) => [name, weight === 0 ? 0 : sum / weight])),
  };
}
