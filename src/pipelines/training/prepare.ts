/** @file Before the first step: which rows are held out, what is fitted to the others, and all of them as features. */
import { type Executor, Fault } from "../../engine/index.ts";
import { allRows, type Dataset, targetColumns } from "../data/dataset.ts";
import { splitEnd, splitRows } from "../data/split.ts";
import type { Declaration } from "../layers/scope.ts";
import type { Rows } from "../model/batches.ts";
import { prepareRows } from "../model/evaluate.ts";
import { fitTargets } from "../model/fitTargets.ts";
import { completeLoss } from "../model/losses.ts";
import { countParameters, declare, type FittedRecord, fitted, resultTypes } from "../model/network.ts";
import type { ModelRecord } from "../model/record.ts";
import type { ModelSpec } from "../model/spec.ts";
import { fitPreprocessing } from "../preprocess/fit.ts";
import { type Preprocessing, soleTensor } from "../preprocess/preprocessing.ts";
import { find } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import { outputNames } from "../targets/index.ts";
import { type Grouping, groupParameters } from "./groups.ts";
import type { TrainOptions } from "./options.ts";
import type { TrainingContext } from "./training.ts";

export interface Prepared {
  readonly record: FittedRecord;
  readonly leaves: readonly Declaration[];
  readonly grouping: Grouping;
  readonly training: Rows;
  readonly held: Rows | null;
  /** With what depends on the data filled in. */
  readonly options: TrainOptions;
}

export function prepare(context: TrainingContext): Prepared {
  const { registry, executor, dataset, resume } = context;
  if (dataset.rows === 0) {
    throw new Fault("DATA_INVALID", `dataset \`${dataset.name}\` has no rows`, { hint: "give at least one row" });
  }
  if (resume !== undefined && resume.progress.dataHash !== dataset.hash) {
    throw new Fault("INVALID_STATE", "the data is not what the training began with", {
      violations: [{ path: "data", message: "other data", expected: resume.progress.dataHash, got: dataset.hash }],
      hint: "resume with the same data, or start a new training",
    });
  }
  const { train, held } = splitOf(context);
  const known = resume === undefined ? context.record : { ...context.record, ...resume.record };
  const record = known.preprocessing === null ? fitRecord(registry, known, dataset, train) : fitted(known);
  const leaves = declare(registry, record, record.signature.features);
  const grouping = groupParameters(leaves, context.options);
  const training = prepareRows(executor, record, dataset, train, context.options.augment.length > 0);
  return {
    record: { ...record, parameters: countParameters(leaves) },
    leaves,
    grouping,
    training,
    held: heldRows(executor, record, context, held),
    options: { ...context.options, loss: completeLoss(registry, record, context.options.loss, training) },
  };
}

function splitOf({ registry, record, dataset, validation, options, split }: TrainingContext): {
  train: Int32Array;
  held: Int32Array | null;
} {
  if (split !== undefined) return split;
  if (typeof validation !== "number" || validation === 0) return { train: allRows(dataset.rows), held: null };
  const { needs } = find(registry.heads, record.spec.head.type, "head.type");
  if (needs === "past") return splitEnd(dataset, validation);
  return splitRows(dataset, validation, options.seed, stratumOf(registry, record, dataset));
}

/** The column whose values shall have the same shares in all parts: that of the classes, where there are any. */
export function stratumOf(
  registry: Registry,
  { spec }: Pick<ModelRecord, "spec">,
  dataset: Dataset,
): string | undefined {
  const isClassified = find(registry.heads, spec.head.type, "head.type").target === "classes";
  return isClassified ? targetColumns(dataset)[0]?.name : undefined;
}

function heldRows(
  executor: Executor,
  record: FittedRecord,
  { dataset, validation }: TrainingContext,
  held: Int32Array | null,
): Rows | null {
  if (held !== null) return prepareRows(executor, record, dataset, held);
  return typeof validation === "object" ? prepareRows(executor, record, validation) : null;
}

/** Learns preprocessing from the training rows, the target's encoding from all of them, and the shapes in between. */
function fitRecord(registry: Registry, record: ModelRecord, dataset: Dataset, train: Int32Array): FittedRecord {
  const { spec } = record;
  const preprocessing = fitPreprocessing(dataset, train, spec.preprocess);
  refuseOtherShape(spec, preprocessing);
  const target = fitTargets(registry, spec, dataset, preprocessing.featureShape);
  const { rawWidth, featureShape: features } = preprocessing;
  const results = resultTypes(registry, { ...record, preprocessing, target }, features);
  const signature = { raw: [rawWidth], features, outputs: outputNames(target).length, results };
  return { ...record, preprocessing, target, signature };
}

function refuseOtherShape({ input }: ModelSpec, preprocessing: Preprocessing): void {
  const given = soleTensor(preprocessing)?.shape ?? [preprocessing.columns.length];
  if (
    input === null ||
    (input.shape.length === given.length && input.shape.every((size, axis) => size === given[axis]))
  )
    return;
  const [expected, got] = [`[${input.shape.join(", ")}]`, `[${given.join(", ")}]`];
  throw new Fault("SHAPE_MISMATCH", `the model takes rows of shape ${expected}, the data has ${got}`, {
    violations: [{ path: "data", message: "not the model's input shape", expected, got }],
    hint: "leave `input` out of the spec to take the shape from the data",
  });
}
