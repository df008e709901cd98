/** @file The training loop, the same for every pipeline: epochs of batches, between which it listens, tells and saves. */
import { Fault } from "../../engine/index.ts";
import { orderOf } from "../model/batches.ts";
import type { Judge } from "../model/evaluate.ts";
import { emptySums, type Scores, scoresOf } from "../model/score.ts";
import { isFiniteSnapshot, weightArrays } from "../model/weights.ts";
import { atMostEvery } from "./clock.ts";
import { isCheckpointDue, keepBest, publish, saveCheckpoint, trainedRecord } from "./keep.ts";
import { beginRun, endRun, momentOf, type Run } from "./run.ts";
import { ratesOf, tellEpoch, tellOddities, tellProgress } from "./tell.ts";
import { CONTROL, type TrainingContext, type TrainingResult } from "./training.ts";
import { watch } from "./watch.ts";

/** Progress events and weight snapshots come at most this often, in milliseconds. */
const BETWEEN_EVENTS = 100;
/** And take no more than this share of the time: a snapshot of a large model is slow. */
const EVENTS_SHARE = 0.02;

/**
 * Trains a model, synchronously: call it on a thread that has nothing else to do.
 *
 * Equal seeds, data and options give equal bits, whatever the number of threads; so does resuming from a `TrainingState`.
 * @throws DIVERGED with the step when the loss is no longer a number: the weights published last stay good.
 *   CANCELLED when the executor is interrupted outside a step (a cancel between steps is an outcome, not a fault).
 *   DATA_INVALID, SHAPE_MISMATCH, NON_FINITE for data that does not fit; OUT_OF_MEMORY before the first step.
 */
export function train(context: TrainingContext): TrainingResult {
  const run = beginRun(context);
  try {
    tellOddities(run);
    return loop(run);
  } finally {
    endRun(run);
  }
}

function loop(run: Run): TrainingResult {
  const { control } = run.context;
  const tell = atMostEvery(BETWEEN_EVENTS, EVENTS_SHARE, () => tellProgress(run));
  const show = atMostEvery(BETWEEN_EVENTS, EVENTS_SHARE, () => publish(run));
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
    const rows = session.runBatch(order, progress.batch * session.batch, progress.sums, moment);
    if (rows === null) return false;
    if (!Number.isFinite(progress.sums.loss)) throw diverged(run);
    progress.batch++;
    progress.batches++;
    progress.samples += rows;
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
  const { earlyStopping, epochs, seed, shuffle } = prepared.options;
  progress.scores = scoresOf(progress.sums);
  progress.epoch++;
  progress.batch = 0;
  progress.sums = emptySums();
  const validation = judge === null ? null : judgedOn(earlyStopping?.monitor ?? "loss", judge);
  if (earlyStopping !== undefined) {
    const value = valueWatched(earlyStopping.monitor, validation ?? progress.scores);
    const seen = watch(progress.watch, value, progress.epoch, earlyStopping);
    progress.watch = seen.state;
    if (seen.isBetter && earlyStopping.restoreBest) keepBest(run);
    if (seen.isOver) progress.stopped = "earlyStopping";
  }
  tellEpoch(run, progress.scores, validation);
  if (progress.epoch < epochs) run.order = orderOf(prepared.training.count, seed, progress.epoch, shuffle);
}

/** The quick scores, unless what is watched is only among all of them. */
function judgedOn(monitor: string, judge: Judge): Scores {
  const quick = judge.quick();
  if (monitor === "loss" || monitor in quick.metrics) return quick;
  const { loss, metrics } = judge.all();
  return { loss, metrics };
}

function valueWatched(monitor: string, { loss, metrics }: Scores): number {
  const value = monitor === "loss" ? loss : metrics[monitor];
  if (value !== undefined) return value;
  const known = ["loss", ...Object.keys(metrics)].join(" | ");
  throw new Fault("INVALID_PARAMS", `\`earlyStopping.monitor\`: there is no \`${monitor}\` to watch`, {
    violations: [{ path: "earlyStopping.monitor", message: "unknown quantity", expected: known, got: monitor }],
    hint: `one of ${known}; more of them with a held-out part`,
  });
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
    ...(prepared.options.earlyStopping === undefined ? {} : { bestEpoch: progress.watch.bestEpoch }),
    seconds: clock.seconds(),
    samplesPerSecond: ratesOf(run).samplesPerSecond,
  };
  if (word !== CONTROL.run) return { ...told, record: trainedRecord(run, run.published) };

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
