/** @file Several trained models as one: the same record as any other, so that it predicts, trains, is saved and exported as one. */
import { Fault, type NdArray } from "../../engine/index.ts";
import { type InputColumn, type Preprocessing, soleTensor } from "../preprocess/preprocessing.ts";
import type { Registry } from "../registry/registry.ts";
import type { TargetEncoding } from "../targets/index.ts";
import { COMBINATIONS, type Combinable } from "./combine.ts";
import { countParameters, declare, type FittedRecord, fitted, initialWeights } from "./network.ts";
import type { ModelRecord } from "./record.ts";
import type { EnsembleSpec, ModelSpec } from "./spec.ts";
import { judgedOf, type Task, tasksOf } from "./tasks.ts";
import { packWeights, weightArrays } from "./weights.ts";

/**
 * Each member keeps its own preprocessing; raw rows go to all of them. `stack` begins as the average and learns from there:
 * train it on rows that the members have not seen; they stay frozen meanwhile unless `freeze` says otherwise.
 * @param records at least two trained models of one pipeline, with equal raw columns and equal classes or labels.
 * @throws INVALID_PARAMS that names the member which does not fit; INVALID_STATE for one that has not been trained.
 */
export function createEnsemble(
  registry: Registry,
  records: readonly ModelRecord[],
  combine: EnsembleSpec["combine"] = "average",
): ModelRecord {
  if (records.length < 2) {
    throw refusal(
      "models",
      "too few",
      "at least 2 models",
      `${records.length}`,
      "an ensemble is made of several models",
    );
  }
  const members = records.map((record) => fitted(record));
  const [first] = members as [FittedRecord];
  for (const [index, member] of members.entries()) refuseMisfit(first, member, `models[${index}]`);
  const [task] = tasksOf(registry, first.spec) as [Task];
  const { kind } = first.target;
  if (!Object.hasOwn(COMBINATIONS, kind) || judgedOf(task) !== kind) {
    const expected = Object.keys(COMBINATIONS).join(" | ");
    const hint = "join models of pipelines such as `classification`, `multilabel` or `regression`";
    throw refusal("models", "answers that cannot be joined", expected, judgedOf(task), hint);
  }
  if (COMBINATIONS[kind as Combinable][combine] === null) {
    throw refusal(
      "combine",
      "means nothing here",
      "average | stack",
      combine,
      `\`${first.spec.pipeline}\` predicts ${kind}`,
    );
  }
  const preprocessing = deferredOf(first.preprocessing);
  const spec: ModelSpec = {
    ...first.spec,
    ensemble: {
      combine,
      members: members.map(({ spec: { backbone, head }, preprocessing: own, target }) => ({
        backbone,
        head,
        preprocessing: own,
        target,
      })),
    },
  };
  const leaves = declare(registry, { spec, preprocessing, target: first.target }, preprocessing.featureShape);
  const own = members.flatMap(({ weights }, index) =>
    Object.entries(weightArrays(weights!)).map(([path, value]): [string, NdArray] => [
      `members.${index}.${path}`,
      value,
    ]),
  );
  const known = Object.fromEntries(own);
  const added = initialWeights(
    leaves.filter(({ path }) => known[path] === undefined),
    spec.seed,
  );
  return {
    ...first,
    spec,
    state: "trained",
    preprocessing,
    signature: { ...first.signature, features: preprocessing.featureShape },
    loss: null,
    metrics: null,
    provenance: null,
    parameters: countParameters(leaves),
    weights: packWeights({ ...known, ...added }),
  };
}

function deferredOf(preprocessing: Preprocessing): Preprocessing {
  const featureShape = soleTensor(preprocessing)?.shape ?? [preprocessing.rawWidth];
  return { ...preprocessing, featureShape, deferred: true };
}

/** What must be equal in all members, as words to compare. */
const ASPECTS: Readonly<Record<string, (record: FittedRecord) => string>> = {
  pipeline: ({ spec }) => spec.pipeline,
  "input columns": ({ preprocessing }) => JSON.stringify(preprocessing.columns.map(rawColumn)),
  target: ({ target }) => JSON.stringify(learned(target)),
};

function rawColumn({ name, kind, shape, categories, unknownCode }: InputColumn) {
  return { name, kind, shape, categories, unknownCode };
}

function learned(target: TargetEncoding): unknown {
  if (target.kind !== "values") return target.kind === "classes" ? target.classes : { ...target, source: undefined };
  return { columns: target.columns, width: target.width };
}

function refuseMisfit(first: FittedRecord, member: FittedRecord, path: string): void {
  if (member.weights === null) {
    throw new Fault("INVALID_STATE", `\`${path}\` has not been trained`, { hint: "call `train.start` first" });
  }
  if (member.spec.ensemble !== undefined) {
    throw refusal(path, "an ensemble itself", "a single model", "an ensemble", "name the models that it is made of");
  }
  for (const [aspect, of] of Object.entries(ASPECTS)) {
    const [expected, got] = [of(first), of(member)];
    if (expected === got) continue;
    const hint =
      "train all members on the same columns and classes; list `classes` in the head where the data lacks some";
    throw refusal(path, `another ${aspect} than the first`, expected, got, hint);
  }
}

function refusal(path: string, message: string, expected: string, got: string, hint: string): Fault {
  return new Fault("INVALID_PARAMS", `\`${path}\`: ${message}`, {
    violations: [{ path, message, expected: expected.slice(0, 300), got: got.slice(0, 300) }],
    hint,
  });
}
