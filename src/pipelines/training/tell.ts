/** @file What a training tells: progress for a bar, each epoch's scores, and what is odd about the request. */

import { type Scores, scoresOf } from "../model/score.ts";
import { find } from "../registry/parse.ts";
import { watchingOf } from "./options.ts";
import { momentOf, type Run } from "./run.ts";

/** Speed since this process began, and the time that is left at it. */
export function ratesOf({ progress, clock, earlier, extent, prepared }: Run): {
  samplesPerSecond: number;
  secondsLeft: number;
} {
  const seconds = clock.seconds();
  const samplesPerSecond = (progress.samples - earlier.samples) / Math.max(1e-9, seconds - earlier.seconds);
  const samplesLeft = ((extent.steps - progress.step) / extent.stepsPerEpoch) * prepared.training.count;
  const budget = prepared.options.budget?.seconds ?? Number.POSITIVE_INFINITY;
  const left = samplesPerSecond > 0 ? samplesLeft / samplesPerSecond : 0;
  return { samplesPerSecond, secondsLeft: Math.max(0, Math.min(left, budget - seconds)) };
}

export function tellProgress(run: Run): void {
  const { context, progress, prepared, extent } = run;
  const rates = ratesOf(run);
  const sums = scoresOf(progress.sums);
  const { loss, metrics } = progress.sums.weight === 0 ? (progress.scores ?? sums) : sums;
  context.emit({
    type: "train.progress",
    data: {
      done: progress.step,
      total: extent.steps,
      rate: (rates.samplesPerSecond / prepared.training.count) * extent.stepsPerEpoch,
      epoch: Math.min(progress.epoch + 1, prepared.options.epochs),
      epochs: prepared.options.epochs,
      step: progress.step,
      loss,
      metrics,
      learningRate: momentOf(run).learningRate,
      ...rates,
    },
  });
}

export function tellEpoch(run: Run, { loss, metrics }: Scores, validation: Scores | null): void {
  const { context, progress, prepared } = run;
  context.emit({
    type: "train.epoch",
    data: {
      epoch: progress.epoch,
      epochs: prepared.options.epochs,
      step: progress.step,
      loss,
      metrics,
      ...(validation === null ? {} : { validation }),
      learningRate: momentOf(run).learningRate,
      ...(watchingOf(prepared.options) === undefined ? {} : { bestEpoch: progress.watch.bestEpoch }),
      ...ratesOf(run),
    },
  });
}

/** More classes than this, of fewer rows than that on average, are hardly classes. */
const MANY_CLASSES = 50;
const FEW_ROWS = 5;
/** Classes that a warning names. */
const MOST_NAMED = 20;

/** Warnings about what works but was hardly meant. */
export function tellOddities({ context, prepared }: Run): void {
  const { options, training, record } = prepared;
  const { defaults } = find(context.registry.pipelines, record.spec.pipeline, "pipeline");
  const warn = (code: string, message: string, hint: string): void =>
    context.emit({ type: "warning", data: { code, message, hint } });
  if (options.batchSize > Math.max(training.count, defaults.batchSize)) {
    warn(
      "BATCH_LARGER_THAN_DATA",
      `batchSize ${options.batchSize} is more than the ${training.count} training rows: each epoch is one step`,
      "lower `batchSize`",
    );
  }
  if (record.target.kind === "classes") {
    const { classes } = record.target;
    if (classes.length > MANY_CLASSES && classes.length * FEW_ROWS > training.count) {
      const isNumeric = classes.every((name) => name.trim() !== "" && Number.isFinite(Number(name)));
      warn(
        "MANY_CLASSES",
        `the target has ${classes.length} classes in ${training.count} training rows`,
        isNumeric
          ? "it looks like a number to predict: use the pipeline `regression`"
          : "was another column meant as the target?",
      );
    }
    const seen = new Set(training.target);
    const missing = record.target.classes.filter((_, code) => !seen.has(code));
    if (missing.length > 0)
      warn(
        "CLASS_WITHOUT_ROWS",
        `no training row has class ${missing.slice(0, MOST_NAMED).join(", ")}${missing.length > MOST_NAMED ? `, … (${missing.length})` : ""}`,
        "give more rows, or hold out fewer",
      );
  }
}
