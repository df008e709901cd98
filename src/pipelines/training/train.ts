/** @file A training as a host asks for it: once, or in cross-validation once for each part and once more. */
import { trainFolds } from "./folds.ts";
import type { TrainingContext, TrainingResult } from "./training.ts";
import { trainOnce } from "./trainOnce.ts";

/** Trains a model, synchronously: call it on a thread that has nothing else to do. Faults and promises: see `trainOnce`. */
export function train(context: TrainingContext): TrainingResult {
  return context.options.folds === undefined ? trainOnce(context) : trainFolds(context, context.options.folds);
}
