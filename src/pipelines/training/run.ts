/** @file A training under way: what is fixed, what moves, and how it begins, for the loop and for those who tell of it. */

import { Fault } from "../../engine/index.ts";
import { orderOf, type Rows } from "../model/batches.ts";
import { createJudge, type Judge } from "../model/evaluate.ts";
import type { Weights } from "../model/record.ts";
import { emptySums } from "../model/score.ts";
import { packWeights } from "../model/weights.ts";
import { find, optionsOf } from "../registry/parse.ts";
import { shareOf } from "./averaging.ts";
import { type Clock, createClock } from "./clock.ts";
import { type Prepared, prepare } from "./prepare.ts";
import { openSession, type Session, type StepMoment } from "./session.ts";
import { CONTROL, type TrainingContext, type TrainingProgress, type TrainingState } from "./training.ts";
import { UNWATCHED } from "./watch.ts";

export interface Run {
  readonly context: TrainingContext;
  readonly prepared: Prepared;
  readonly session: Session;
  /** Of the held-out part, if there is one. */
  readonly judge: Judge | null;
  readonly extent: Extent;
  readonly clock: Clock;
  /** What was done before this process took over: rates leave it out. */
  readonly earlier: { readonly samples: number; readonly seconds: number };
  /** Moves with each batch. */
  readonly progress: TrainingProgress;
  /** The order of the current epoch. */
  order: Int32Array;
  /** The snapshot that predictions use. */
  published: Weights | null;
  /** One that waits for a batch to show that it is sound. */
  pending: Weights | null;
  /** The best epoch's weights, when they are to be kept. */
  best: Weights | null;
}

/** How much there is to do. */
export interface Extent {
  readonly batchesPerEpoch: number;
  readonly stepsPerEpoch: number;
  /** Optimizer steps in all. */
  readonly steps: number;
}

/** The prefix of the best epoch's weights among a checkpoint's tensors. */
export const BEST = "best.";

export function beginRun(context: TrainingContext): Run {
  const { executor, registry, resume, dataset } = context;
  const prepared = prepare(context);
  const { training, held, options } = prepared;
  const session = openSession(executor, registry, prepared, () => giveUpIfStopped(context));
  const judge = held === null ? null : judgeOf(context, prepared, session, held);
  if (resume !== undefined) session.restore(resume.tensors);
  const progress = resume === undefined ? freshProgress(dataset.hash) : structuredClone(resume.progress);
  const batchesPerEpoch = Math.ceil(training.count / session.batch);
  const stepsPerEpoch = Math.ceil(batchesPerEpoch / options.accumulate);
  return {
    context,
    prepared,
    session,
    judge,
    extent: {
      batchesPerEpoch,
      stepsPerEpoch,
      steps: Math.min(options.epochs * stepsPerEpoch, options.budget?.steps ?? Number.POSITIVE_INFINITY),
    },
    clock: createClock(progress.seconds),
    earlier: { samples: progress.samples, seconds: progress.seconds },
    progress,
    order: orderOf(training.count, options.seed, progress.epoch, options.shuffle),
    published: null,
    pending: null,
    best: resume === undefined ? null : bestOf(resume),
  };
}

/** Before the first step there is nothing to keep: a training that is stopped then has not begun. */
function giveUpIfStopped({ control }: TrainingContext): void {
  const word = Atomics.load(control, 0);
  if (word !== CONTROL.cancel && word !== CONTROL.checkpointAndStop) return;
  throw new Fault("CANCELLED", "stopped before the first step", { retryable: true });
}

function judgeOf(context: TrainingContext, { record, options }: Prepared, session: Session, held: Rows): Judge {
  try {
    return createJudge(context, record, options.loss, session.state, held, session.root);
  } catch (refusal) {
    session.release();
    throw refusal;
  }
}

function freshProgress(dataHash: string): TrainingProgress {
  return {
    dataHash,
    epoch: 0,
    batch: 0,
    step: 0,
    owesStep: false,
    batches: 0,
    samples: 0,
    seconds: 0,
    sums: emptySums(),
    scores: null,
    watch: UNWATCHED,
    bounds: { first: null, lowest: null },
    found: null,
    checkpoint: { step: 0, seconds: 0 },
    stopped: null,
  };
}

function bestOf({ tensors }: TrainingState): Weights | null {
  const entries = Object.entries(tensors).filter(([name]) => name.startsWith(BEST));
  if (entries.length === 0) return null;
  return packWeights(Object.fromEntries(entries.map(([name, value]) => [name.slice(BEST.length), value])));
}

/** The optimizer step that comes next. */
export function momentOf({ context, prepared, extent, progress }: Run): StepMoment {
  const { schedule: chosen, optimizer, averaging, epochs } = prepared.options;
  const schedule = find(context.registry.schedules, chosen.type, "schedule.type");
  const { step, batches, schedule: memory, epoch } = progress;
  const { steps, stepsPerEpoch, batchesPerEpoch } = extent;
  const factor = schedule.factor({ step, steps, stepsPerEpoch, memory }, optionsOf(chosen));
  const endsEpoch = progress.batch + (progress.owesStep ? 0 : 1) === batchesPerEpoch;
  return {
    step: step + 1,
    batches,
    factor,
    learningRate: (progress.found?.suggested ?? Number(optimizer.learningRate)) * factor,
    share: averaging === undefined ? 1 : shareOf(averaging, { step: step + 1, epoch, epochs, endsEpoch }),
  };
}

export function endRun({ judge, session }: Run): void {
  judge?.release();
  session.release();
}
