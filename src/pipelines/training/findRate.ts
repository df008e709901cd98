/** @file The learning-rate range test (Smith 2017, section 3.3): a trial with growing rates, before the training begins. */
import { orderOf } from "../model/batches.ts";
import { emptySums } from "../model/score.ts";
import type { Run } from "./run.ts";
import { CONTROL, type FoundRate } from "./training.ts";

/** Share of the smoothed loss that a new one leaves. */
const SMOOTHING = 0.9;
/** A smoothed loss so many times the lowest one is out of bounds. */
const OUT_OF_BOUNDS = 4;

/** Tries rates where `findLearningRate` asks for it, and puts everything back as it was. */
export function findRate(run: Run): void {
  const { context, prepared, progress, session } = run;
  const wanted = prepared.options.findLearningRate;
  if (wanted === undefined || progress.found !== null || progress.batches > 0) return;
  const before = session.save();
  const found = tryRates(run, wanted);
  session.restore(before);
  if (Atomics.load(context.control, 0) !== CONTROL.run) return; // asked again when it goes on
  progress.found = found;
  if (wanted.only) progress.stopped = "found";
}

type Wanted = NonNullable<Run["prepared"]["options"]["findLearningRate"]>;

/** One step at each of the rates lowest · (highest / lowest)^(i / (steps − 1)), until the loss is out of bounds. */
function tryRates(run: Run, { lowest, highest, steps }: Wanted): FoundRate {
  const { context, prepared, session, extent } = run;
  const { seed, shuffle, accumulate } = prepared.options;
  const rates: number[] = [];
  const losses: number[] = [];
  let order = orderOf(prepared.training.count, seed, 0, shuffle);
  let [batches, mean] = [0, 0];
  for (let step = 0; step < steps; step++) {
    if (Atomics.load(context.control, 0) !== CONTROL.run) break;
    const learningRate = lowest * (highest / lowest) ** (step / (steps - 1));
    const factor = learningRate / Number(prepared.options.optimizer.learningRate);
    const sums = emptySums();
    const moment = { step: step + 1, learningRate, factor, share: 1, batches };
    for (let part = 0; part < accumulate; part++, batches++) {
      const place = batches % extent.batchesPerEpoch;
      if (place === 0) order = orderOf(prepared.training.count, seed, batches / extent.batchesPerEpoch, shuffle);
      session.runBatch(order, place * session.batch, sums, { ...moment, batches });
    }
    session.endStep(moment);
    mean = SMOOTHING * mean + ((1 - SMOOTHING) * sums.loss) / (sums.lossWeight || 1);
    const smoothed = mean / (1 - SMOOTHING ** (step + 1));
    if (!Number.isFinite(smoothed) || smoothed > OUT_OF_BOUNDS * Math.min(...losses, smoothed)) break;
    rates.push(learningRate);
    losses.push(smoothed);
  }
  return { suggested: steepest(rates, losses) ?? Number(prepared.options.optimizer.learningRate), rates, losses };
}

/** The rate at which the loss fell fastest against the rate's logarithm, before its lowest point. Rates grow evenly there. */
export function steepest(rates: readonly number[], losses: readonly number[]): number | undefined {
  const lowest = losses.indexOf(Math.min(...losses));
  let [best, fall] = [-1, 0];
  for (let index = 1; index < lowest; index++) {
    const slope = losses[index + 1]! - losses[index - 1]!;
    if (slope < fall) [best, fall] = [index, slope];
  }
  return rates[best];
}
