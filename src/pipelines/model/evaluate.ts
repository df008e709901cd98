/** @file Evaluation: loss and all metrics of a model over labelled rows. */
import { type Executor, Fault, type Program, type State, sizeOf, trace } from "../../engine/index.ts";
import { type Dataset, sharedArray } from "../data/dataset.ts";
import { createScope } from "../layers/scope.ts";
import { encodeBytes, encodeDataset } from "../preprocess/encode.ts";
import { encodeTarget } from "../preprocess/target.ts";
import { find, parseConfigured } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import { fillBatch, orderOf, type Rows } from "./batches.ts";
import { featuresOf, inputFeatures, refuseMissing } from "./features.ts";
import { type FittedRecord, fitted, network, results } from "./network.ts";
import { type PredictionContext, stateOf } from "./predict.ts";
import { emptySums, type Scores, score, scoresOf, targetType } from "./score.ts";
import type { Configured } from "./spec.ts";
import { runWhole } from "./whole.ts";

export interface Evaluation {
  /** `loss` first: the one that the model was trained with, on the scale that is learned. */
  readonly metrics: Readonly<Record<string, number>>;
  /** True class by predicted class; classification only. */
  readonly confusion?: readonly (readonly number[])[];
  /** The names of the confusion matrix's rows and columns. */
  readonly classes?: readonly string[];
  readonly samples: number;
}

/**
 * @throws INVALID_STATE for a model without weights; DATA_INVALID for labels outside its classes, columns that are
 *   missing, or no rows.
 */
export function evaluate(context: PredictionContext, dataset: Dataset): Evaluation {
  const { registry, executor } = context;
  const record = fitted(context.record);
  const rows = prepareRows(executor, record, dataset);
  const state = stateOf(executor, record.weights!);
  try {
    const judge = createJudge(context, record, lossOf(registry, record), state, rows);
    const { loss: value, metrics, confusion } = judge.all();
    judge.release();
    return {
      metrics: { loss: value, ...metrics },
      ...(confusion === undefined ? {} : { confusion }),
      ...(record.target.kind === "classes" ? { classes: record.target.classes } : {}),
      samples: rows.count,
    };
  } finally {
    state.release();
  }
}

/** The loss of the last training; of a model that had none here, its pipeline's own. */
function lossOf(registry: Registry, { spec, loss }: FittedRecord): Configured {
  if (loss !== null) return loss;
  const { defaults } = find(registry.pipelines, spec.pipeline, "pipeline");
  return parseConfigured(registry.losses, undefined, "loss", defaults.loss);
}

/**
 * A dataset's rows as a network takes them; bytes stay raw.
 * @param rows which ones, in which order; all when left out.
 * @param keepRaw whether to leave preprocessing to the graph in any case; they are on shared memory then.
 */
export function prepareRows(
  executor: Executor,
  record: FittedRecord,
  dataset: Dataset,
  rows?: Int32Array,
  keepRaw = false,
): Rows {
  const count = rows?.length ?? dataset.rows;
  if (count === 0) {
    throw new Fault("DATA_INVALID", `dataset \`${dataset.name}\` has no rows`, { hint: "give at least one row" });
  }
  const { preprocessing } = record;
  const rest = {
    count,
    target: encodeTarget(dataset, record.target, rows).data as Int32Array | Float32Array,
    weight: weightsOf(dataset, rows),
  };
  const bytes = encodeBytes(dataset, preprocessing, rows);
  if (bytes !== null) return { ...rest, isRaw: true, featureShape: [preprocessing.rawWidth], features: bytes };
  const raw = encodeDataset(dataset, preprocessing, rows);
  if (!keepRaw) {
    const features = featuresOf(executor, preprocessing, raw, count);
    return { ...rest, isRaw: false, featureShape: preprocessing.featureShape, features };
  }
  refuseMissing(raw, preprocessing);
  const features = sharedArray("F32", raw.length);
  features.set(raw);
  return { ...rest, isRaw: true, featureShape: [preprocessing.rawWidth], features };
}

function weightsOf({ columns, sampleWeight }: Dataset, rows: Int32Array | undefined): Float32Array | null {
  const column = columns.find(({ name }) => name === sampleWeight);
  if (column === undefined) return null;
  return rows === undefined ? Float32Array.from(column.values) : Float32Array.from(rows, (row) => column.values[row]!);
}

/** Judges the weights of a state on fixed rows, as often as asked. */
export interface Judge {
  /** The metrics that `quick` gives. */
  readonly names: readonly string[];
  /** Loss and the head's running metrics: cheap. */
  quick(): Scores;
  /** Loss and all metrics of the pipeline. */
  all(): Scores & { readonly confusion?: number[][] };
  release(): void;
}

const LARGEST_BATCH = 1024;

/** @param root the path above the weights in `state`. */
export function createJudge(
  { registry, executor }: Pick<PredictionContext, "registry" | "executor">,
  record: FittedRecord,
  loss: Configured,
  state: State,
  rows: Rows,
  root = "",
): Judge {
  const batch = Math.min(rows.count, LARGEST_BATCH);
  const { spec, signature, target: encoding } = record;
  const traced = trace((t) => {
    const features = inputFeatures(t, record.preprocessing, rows, batch);
    const target = t.input("target", targetType(record, batch));
    const weight = t.input("weight", { dtype: "F32", shape: [batch] });
    const raw = network(registry, record, createScope(t, { root }).scope, features, signature.outputs);
    const { lossSum, lossWeight, running } = score(t, registry, record, loss, { raw, target, weight });
    const prefixed = (prefix: string, named: Readonly<Record<string, typeof raw>>) =>
      Object.fromEntries(Object.entries(named).map(([name, tensor]) => [`${prefix}.${name}`, tensor]));
    const named = prefixed("result", results(t, registry, spec, encoding, raw));
    return { outputs: { lossSum, lossWeight, ...prefixed("running", running), ...named } };
  });
  const program: Program = executor.compile(traced, state);
  const views = {
    features: program.inputs.features!,
    target: program.inputs.target!,
    weight: program.inputs.weight!,
  };
  const order = orderOf(rows.count, 0, 0, false);
  const outputs = Object.keys(program.outputs);
  const names = (prefix: string) =>
    outputs.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  const [running, named] = [names("running."), names("result.")];

  /** Runs over all rows. @param collect where the results go, when they are wanted. */
  const pass = (collect: Readonly<Record<string, Float32Array | Int32Array>> | null): Scores => {
    const sums = emptySums();
    for (let row = 0; row < rows.count; row += batch) {
      const { count, weight } = fillBatch(views, rows, order, row);
      runWhole(program);
      sums.loss += Number(program.outputs.lossSum![0]);
      sums.lossWeight += Number(program.outputs.lossWeight![0]);
      sums.weight += weight;
      for (const name of running)
        sums.metrics[name] = (sums.metrics[name] ?? 0) + Number(program.outputs[`running.${name}`]![0]);
      for (const [name, into] of Object.entries(collect ?? {})) {
        const width = into.length / rows.count;
        into.set((program.outputs[`result.${name}`] as Float32Array).subarray(0, count * width), row * width);
      }
    }
    return scoresOf(sums);
  };

  return {
    names: running,
    quick: () => pass(null),
    all: () => {
      const collected = Object.fromEntries(
        named.map((name) => {
          const { dtype, shape } = signature.results[name]!;
          return [name, new (dtype === "F32" ? Float32Array : Int32Array)(rows.count * sizeOf(shape))];
        }),
      );
      const { loss: value, metrics: quick } = pass(collected);
      const pipeline = find(registry.pipelines, spec.pipeline, "pipeline");
      const judged = {
        results: collected,
        targets: rows.target,
        weights: rows.weight ?? undefined,
        outputs: signature.outputs,
        rows: rows.count,
      };
      const { metrics, confusion } = pipeline.metrics(judged);
      return { loss: value, metrics: { ...quick, ...metrics }, ...(confusion === undefined ? {} : { confusion }) };
    },
    release: () => program.release(),
  };
}
