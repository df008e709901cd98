/** @file What a training keeps: snapshots for predictions, the best epoch's weights, checkpoints to go on from. */
import type { ModelRecord, Weights } from "../model/record.ts";
import { weightArrays } from "../model/weights.ts";
import { VERSIONS } from "../versions.ts";
import { BEST, type Run } from "./run.ts";

/** The record as it is with these weights; without any, as it was before the training. */
export function trainedRecord(run: Run, weights: Weights | null, metrics?: ModelRecord["metrics"]): ModelRecord {
  const { context, prepared, progress } = run;
  if (weights === null) return context.record;
  const { dataset } = context;
  return {
    ...prepared.record,
    state: "trained",
    weights,
    loss: prepared.options.loss,
    metrics: metrics ?? prepared.record.metrics,
    provenance: {
      dataHash: dataset.hash,
      dataName: dataset.name,
      rows: prepared.training.count,
      seed: prepared.options.seed,
      epochs: progress.epoch,
      steps: progress.step,
      versions: VERSIONS,
      trainedAt: new Date().toISOString(),
    },
  };
}

/**
 * Whether a batch's loss is in bounds: no higher above the lowest mean loss of an epoch so far than the loss that the
 * training began with. In the first epoch: no more than twice that.
 */
function isInBounds({ progress }: Run, loss: number): boolean {
  const { first, lowest } = progress.bounds;
  return first === null || loss <= (lowest ?? first) + Math.abs(first);
}

/** Takes a snapshot of the weights, to be shown to whoever predicts once the next batch has found it sound. */
export function takeSnapshot(run: Run): void {
  run.pending = run.session.snapshot(run.published);
}

/** What a batch's loss says of the weights that it was measured with: shows a waiting snapshot of them, or drops it. */
export function publishIfSound(run: Run, loss: number): void {
  const { pending, progress } = run;
  progress.bounds.first ??= loss;
  run.pending = null;
  if (pending === null || !isInBounds(run, loss)) return;
  run.published = pending;
  run.context.publish(trainedRecord(run, pending));
}

export function keepBest(run: Run): void {
  run.best = run.session.snapshot(run.best);
}

/** Hands everything needed to go on to the store. */
export function saveCheckpoint(run: Run): void {
  const { context, prepared, progress, session, clock, best } = run;
  if (context.checkpoint === undefined) return;
  const { spec, seed, signature, preprocessing, target, parameters } = prepared.record;
  const bestTensors = best === null ? {} : weightArrays(best);
  context.checkpoint({
    progress: { ...structuredClone(progress), seconds: clock.seconds() },
    record: { spec, seed, signature, preprocessing, target, parameters },
    tensors: {
      ...session.save(),
      ...Object.fromEntries(Object.entries(bestTensors).map(([path, value]) => [BEST + path, value])),
    },
  });
  progress.checkpoint = { step: progress.step, seconds: clock.seconds() };
  context.emit({ type: "checkpoint.saved", data: { epoch: progress.epoch, step: progress.step } });
}

/** Whether `options.checkpoint` asks for one after this batch; with no rhythm of its own it asks after every epoch. */
export function isCheckpointDue({ prepared, progress, clock }: Run, isEpochOver: boolean): boolean {
  const wanted = prepared.options.checkpoint;
  if (wanted === undefined) return false;
  const { everySteps, everySeconds } = wanted;
  const everyEpochs = wanted.everyEpochs ?? (everySteps === undefined && everySeconds === undefined ? 1 : undefined);
  return (
    (everyEpochs !== undefined && isEpochOver && progress.epoch % everyEpochs === 0) ||
    (everySteps !== undefined && progress.step - progress.checkpoint.step >= everySteps) ||
    (everySeconds !== undefined && clock.seconds() - progress.checkpoint.seconds >= everySeconds)
  );
}
