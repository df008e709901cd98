/** @file The training loop, the same for every pipeline: epochs of batches, between which it listens, tells and saves. */
import { Fault } from "../../engine/index.ts";
import { orderOf } from "../model/batches.ts";
import type { Judge } from "../model/evaluate.ts";
import { emptySums, type Scores, scoresOf } from "../model/score.ts";
import { isFiniteSnapshot, weightArrays } from "../model/weights.ts";
import { suggest } from "../registry/nearest.ts";
import { find, optionsOf } from "../registry/parse.ts";
import { atMostEvery } from "./clock.ts";
import { findRate } from "./findRate.ts";
import { isCheckpointDue, keepBest, publishIfSound, saveCheckpoint, takeSnapshot, trainedRecord } from "./keep.ts";
import { watchingOf } from "./options.ts";
import { beginRun, endRun, momentOf, type Run } from "./run.ts";
import { ratesOf, tellEpoch, tellOddities, tellProgress } from "./tell.ts";
import { CONTROL, type TrainingContext, type TrainingResult } from "./training.ts";
import { watch } from "./watch.ts";

/** Progress events and weight snapshots come at most this often, in milliseconds. */
const BETWEEN_EVENTS = 100;
/** And take no more than this share of the time: a snapshot of a large model is slow. */
const EVENTS_SHARE = 0.02;

/**
 * Trains a model once, synchronously.
 *
 * Equal seeds, data and options give equal bits, whatever the number of threads; so does resuming from a `TrainingState`.
 * @throws DIVERGED with the step when the loss is no longer a number: the weights published last are the last that a later batch
 *   found in bounds (see `publishIfSound`).
 *   CANCELLED when the executor is interrupted outside a step (a cancel between steps is an outcome, not a fault).
 *   DATA_INVALID, SHAPE_MISMATCH, NON_FINITE for data that does not fit; OUT_OF_MEMORY before the first step.
 */
export function trainOnce(context: TrainingContext): TrainingResult {
  const run = beginRun(context);
  try {
    refuseUnknownQuantities(run);
    tellOddities(run);
    findRate(run);
    return loop(run);
  } finally {
    endRun(run);
  }
}

function loop(run: Run): TrainingResult {
  const { control } = run.context;
  const tell = atMostEvery(BETWEEN_EVENTS, EVENTS_SHARE, () => tellProgress(run));
  const show = atMostEvery(BETWEEN_EVENTS, EVENTS_SHARE, () => takeSnapshot(run));
  while (!isDone(run)) {
    if (Atomics.load(control, 0) === CONTROL.pause) run.clock.pausing(() => waitWhilePaused(control));
    const word = Atomics.load(control, 0);
    if (word === CONTROL.checkpointAndStop) saveCheckpoint(run);
    if (word === CONTROL.checkpointAndStop || word === CONTROL.cancel) return conclude(run, word);

    const hasRun = runBatch(run);
    if (!hasRun) continue;
    const isEpochOver = run.progress.batch === run.extent.batchesPerEpoch && !run.progress.owesStep;
    if (isEpochOver) endEpoch(run);
    stopAtBudget(run);
    const now = performance.now();
    tell(now);
    show(now);
    if (isCheckpointDue(run, isEpochOver)) saveCheckpoint(run);
  }
  return conclude(run, CONTROL.run);
}

function isDone({ progress, prepared, extent }: Run): boolean {
  return progress.stopped !== null || progress.epoch >= prepared.options.epochs || progress.step >= extent.steps;
}

function waitWhilePaused(control: Int32Array): void {
  while (Atomics.load(control, 0) === CONTROL.pause) Atomics.wait(control, 0, CONTROL.pause);
}

/** One batch, and the optimizer step if one is due. @returns false when it was interrupted: then nothing has changed. */
function runBatch(run: Run): boolean {
  const { progress, session, extent, prepared, order } = run;
  const moment = momentOf(run);
  if (!progress.owesStep) {
    const outcome = session.runBatch(order, progress.batch * session.batch, progress.sums, moment);
    if (outcome === null) return false;
    if (!Number.isFinite(progress.sums.loss)) throw diverged(run);
    publishIfSound(run, outcome.loss);
    progress.batch++;
    progress.batches++;
    progress.samples += outcome.rows;
    progress.owesStep = progress.batch % prepared.options.accumulate === 0 || progress.batch === extent.batchesPerEpoch;
  }
  if (!progress.owesStep) return true;
  if (!session.endStep(moment)) return false;
  progress.step++;
  progress.owesStep = false;
  return true;
}

function diverged({ progress, prepared }: Run): Fault {
  const [epoch, step] = [progress.epoch + 1, progress.step + 1];
  const learningRate = Number(prepared.options.optimizer.learningRate);
  return new Fault("DIVERGED", `the loss is not a finite number at step ${step} (epoch ${epoch})`, {
    violations: [{ path: "optimizer.learningRate", message: "perhaps too large", got: String(learningRate) }],
    hint: `lower the learning rate (now ${learningRate}), or set \`clipNorm\` to 1; the model keeps its last good weights`,
    context: { step, epoch, learningRate },
  });
}

/** Scores of the epoch, early stopping's verdict, and the order of the next epoch. */
function endEpoch(run: Run): void {
  const { progress, prepared, judge } = run;
  const { epochs, seed, shuffle } = prepared.options;
  const watching = watchingOf(prepared.options);
  progress.scores = scoresOf(progress.sums);
  progress.epoch++;
  progress.batch = 0;
  progress.sums = emptySums();
  progress.bounds.lowest = Math.min(progress.scores.loss, progress.bounds.lowest ?? Number.POSITIVE_INFINITY);
  const validation = judge === null ? null : judgedOn(quantitiesWatched(run), judge);
  const scores = validation ?? progress.scores;
  rememberSchedule(run, scores);
  if (watching !== undefined) {
    const seen = watch(progress.watch, quantityIn(watching.monitor, scores), progress.epoch, watching);
    progress.watch = seen.state;
    if (seen.isBetter && watching.restoreBest) keepBest(run);
    if (seen.isOver) progress.stopped = "earlyStopping";
  }
  tellEpoch(run, progress.scores, validation);
  if (progress.epoch < epochs) run.order = orderOf(prepared.training.count, seed, progress.epoch, shuffle);
}

/** The quick scores, unless something watched is only among all of them. */
function judgedOn(watched: Readonly<Record<string, string>>, judge: Judge): Scores {
  const isQuick = Object.values(watched).every((monitor) => monitor === "loss" || judge.names.includes(monitor));
  if (isQuick) return judge.quick();
  const { loss, metrics } = judge.all();
  return { loss, metrics };
}

function quantityIn(monitor: string, { loss, metrics }: Scores): number {
  return monitor === "loss" ? loss : metrics[monitor]!;
}

/** What decisions depend on, by the option that names it. */
function quantitiesWatched({ context, prepared }: Run): Record<string, string> {
  const { earlyStopping, keepBest, schedule: chosen } = prepared.options;
  const schedule = find(context.registry.schedules, chosen.type, "schedule.type");
  const watched = {
    "earlyStopping.monitor": earlyStopping?.monitor,
    "keepBest.monitor": keepBest?.monitor,
    "schedule.monitor": schedule.watches?.(optionsOf(chosen)),
  };
  return Object.fromEntries(
    Object.entries(watched).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** Before anything is trained: everything that is to be watched can be measured. */
function refuseUnknownQuantities(run: Run): void {
  const { judge, session } = run;
  const watched = Object.entries(quantitiesWatched(run));
  const quick = ["loss", ...(judge?.names ?? session.metrics)];
  if (watched.every(([, monitor]) => quick.includes(monitor))) return;
  const known = judge === null ? quick : ["loss", ...Object.keys(judge.all().metrics)];
  for (const [path, monitor] of watched) {
    if (known.includes(monitor)) continue;
    throw new Fault("INVALID_PARAMS", `\`${path}\`: there is no \`${monitor}\` to watch`, {
      violations: [{ path, message: "unknown quantity", expected: known.join(" | "), got: monitor }],
      hint: `${suggest(monitor, known)}${judge === null ? "; there are more with a held-out part" : ""}`,
    });
  }
}

function rememberSchedule({ context, prepared, progress }: Run, scores: Scores): void {
  const { schedule: chosen } = prepared.options;
  const schedule = find(context.registry.schedules, chosen.type, "schedule.type");
  if (schedule.remember === undefined) return;
  const options = optionsOf(chosen);
  const value = quantityIn(schedule.watches?.(options) ?? "loss", scores);
  progress.schedule = schedule.remember(progress.schedule, value, options);
}

function stopAtBudget({ progress, prepared, clock, extent }: Run): void {
  const { seconds } = prepared.options.budget ?? {};
  if (progress.epoch >= prepared.options.epochs || progress.stopped !== null) return;
  const isOver = progress.step >= extent.steps || (seconds !== undefined && clock.seconds() >= seconds);
  if (isOver) progress.stopped = "budget";
}

const OUTCOMES = {
  [CONTROL.run]: "completed",
  [CONTROL.cancel]: "cancelled",
  [CONTROL.checkpointAndStop]: "checkpointed",
} as const;

/** The mean of weights over epochs has statistics of its own (Izmailov et al. 2018, section 3.2): they are measured anew. */
function averageStatistics({ prepared, session, extent }: Run): void {
  if (prepared.options.averaging?.type !== "swa") return;
  session.measureStatistics(extent.batchesPerEpoch);
}

/** What comes out: of a completed training the final weights, judged; of one that was stopped what was published last. */
function conclude(run: Run, word: keyof typeof OUTCOMES): TrainingResult {
  const { progress, prepared, session, judge, clock, best, context } = run;
  const scores = progress.scores ?? scoresOf(progress.sums);
  const stopped = word === CONTROL.run ? progress.stopped : ("control" as const);
  const told = {
    outcome: OUTCOMES[word],
    ...(stopped === null ? {} : { stopped }),
    epochs: progress.epoch,
    steps: progress.step,
    loss: scores.loss,
    metrics: scores.metrics,
    ...(watchingOf(prepared.options) === undefined ? {} : { bestEpoch: progress.watch.bestEpoch }),
    ...(progress.found === null ? {} : { learningRate: progress.found }),
    seconds: clock.seconds(),
    samplesPerSecond: ratesOf(run).samplesPerSecond,
  };
  if (word !== CONTROL.run || progress.stopped === "found")
    return { ...told, record: trainedRecord(run, run.published ?? run.pending) };

  averageStatistics(run);
  if (best !== null) session.writeWeights(weightArrays(best));
  const final = session.snapshot(run.published);
  if (!isFiniteSnapshot(final)) throw diverged(run);
  const validation = judge?.all();
  const record = trainedRecord(run, final, {
    training: { loss: scores.loss, ...scores.metrics },
    validation: validation === undefined ? null : { loss: validation.loss, ...validation.metrics },
  });
  context.publish(record);
  return { ...told, ...(validation === undefined ? {} : { validation }), record };
}
