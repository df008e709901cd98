/** @file A training as a host asks for it: once, or in cross-validation once for each part and once more. */
import type { Dataset } from "../data/dataset.ts";
import { arranged } from "../model/arranged.ts";
import { trainFolds } from "./folds.ts";
import type { TrainingContext, TrainingResult } from "./training.ts";
import { trainOnce } from "./trainOnce.ts";

/** Trains a model, synchronously: call it on a thread that has nothing else to do. Faults and promises: see `trainOnce`. */
export function train(context: TrainingContext): TrainingResult {
  const { registry, record, dataset, validation, options } = context;
  const asLearned = (data: Dataset): Dataset => arranged(registry, record.spec, data);
  const held = typeof validation === "object" ? asLearned(validation) : validation;
  const own = { ...context, dataset: asLearned(dataset), validation: held };
  return options.folds === undefined ? trainOnce(own) : trainFolds(own, options.folds);
}
