/** @file Cross-validation: a training for each part of the data that is held out in turn, then one on all rows. */
import { Fault } from "../../engine/index.ts";
import { splitFolds } from "../data/split.ts";
import type { Scores } from "../model/score.ts";
import { type TrainOptions, watchingOf } from "./options.ts";
import { stratumOf } from "./prepare.ts";
import type { FoldScores, TrainingContext, TrainingEvent, TrainingResult, TrainingState } from "./training.ts";
import { trainOnce } from "./trainOnce.ts";

/**
 * Each part's training begins from the model as it is, with preprocessing fitted anew, so that no held-out row has a say in
 * it. The last one, on all rows, is what becomes of the model: where epochs were chosen by the held-out part, it has the
 * median of their numbers.
 * @returns the last training's result, judged by the parts: mean and standard deviation (of the sample) of their scores.
 */
export function trainFolds(context: TrainingContext, count: number): TrainingResult {
  const { registry, record, dataset, validation, options, resume } = context;
  if (validation !== undefined && validation !== 0) {
    throw new Fault("INVALID_PARAMS", "`folds` and `validation` are two ways to judge a model", {
      violations: [{ path: "validation", message: "given beside `folds`", expected: "one of the two", got: "both" }],
      hint: "leave `validation` out: each part is held out once",
    });
  }
  const splits = splitFolds(dataset, count, options.seed, stratumOf(registry, record, dataset));
  const done: FoldScores[] = [...(resume?.progress.folds ?? [])];
  const first = done.length;
  const once = { ...options, folds: undefined } as TrainOptions;
  for (const [index, split] of splits.entries()) {
    if (index < first) continue;
    const isUnderWay = index === first && resume !== undefined;
    const result = trainOnce({
      ...context,
      ...within(context, { fold: index + 1, folds: count }, done),
      options: once,
      split,
      resume: isUnderWay ? resume : undefined,
      publish: () => {},
    });
    if (result.outcome !== "completed") return { ...result, record };
    const { loss, metrics } = result.validation!;
    done.push({ loss, metrics, epochs: result.bestEpoch ?? result.epochs });
  }
  const result = trainOnce({
    ...context,
    ...within(context, {}, done),
    options: lastOptions(once, done),
    resume: first === count ? resume : undefined,
  });
  return { ...result, ...judgement(done), ...(result.outcome === "completed" ? withJudgement(result, done) : {}) };
}

/** What a part's training tells and saves, with its place in the whole. */
function within(
  { emit, checkpoint }: TrainingContext,
  place: { readonly fold?: number; readonly folds?: number },
  done: readonly FoldScores[],
): Pick<TrainingContext, "emit" | "checkpoint"> {
  return {
    emit: (event) =>
      emit(
        event.type === "train.epoch" || event.type === "train.progress"
          ? ({ ...event, data: { ...event.data, ...place } } as TrainingEvent)
          : event,
      ),
    checkpoint:
      checkpoint === undefined
        ? undefined
        : (state: TrainingState) => checkpoint({ ...state, progress: { ...state.progress, folds: [...done] } }),
  };
}

/** Nothing is held out any more: what the held-out parts decided stands. */
function lastOptions(options: TrainOptions, done: readonly FoldScores[]): TrainOptions {
  if (watchingOf(options) === undefined) return options;
  const epochs = done.map((fold) => fold.epochs).sort((a, b) => a - b)[Math.floor(done.length / 2)]!;
  return { ...options, epochs: Math.max(1, epochs), earlyStopping: undefined, keepBest: undefined };
}

function judgement(done: readonly FoldScores[]): Pick<TrainingResult, "validation" | "folds" | "deviation"> {
  const over = (combine: (values: readonly number[]) => number): Scores => ({
    loss: combine(done.map(({ loss }) => loss)),
    metrics: Object.fromEntries(
      Object.keys(done[0]!.metrics).map((name) => [name, combine(done.map(({ metrics }) => metrics[name]!))]),
    ),
  });
  return { validation: over(mean), deviation: over(deviation), folds: done };
}

function withJudgement({ record }: TrainingResult, done: readonly FoldScores[]): Pick<TrainingResult, "record"> {
  const { loss, metrics } = judgement(done).validation!;
  const training = record.metrics?.training ?? {};
  return { record: { ...record, metrics: { training, validation: { loss, ...metrics } } } };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const deviation = (values: readonly number[]): number => {
  const center = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - center) ** 2, 0) / (values.length - 1));
};
