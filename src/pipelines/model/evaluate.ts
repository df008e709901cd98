/** @file Evaluation: loss and all metrics of a model over labelled rows. */
import { type Executor, Fault, type Program, type State, sizeOf, trace } from "../../engine/index.ts";
import { type Dataset, sharedArray } from "../data/dataset.ts";
import { createScope } from "../layers/scope.ts";
import { encodeBytes, encodeDataset } from "../preprocess/encodeDataset.ts";
import type { Registry } from "../registry/registry.ts";
import { encodeTarget, targetType } from "../targets/index.ts";
import { arranged } from "./arranged.ts";
import { fillBatch, orderOf, type Rows, viewsOf } from "./batches.ts";
import { featuresOf, inputFeatures, refuseMissing } from "./features.ts";
import { refuseForeign } from "./foreign.ts";
import { type PredictionContext, stateOf } from "./loaded.ts";
import { completeLoss, usualLosses } from "./losses.ts";
import { metricsOf, wantedResults } from "./metrics.ts";
import { type FittedRecord, fitted, network, results } from "./network.ts";
import { previousOf } from "./previous.ts";
import { rowsAtOnce } from "./rowsApart.ts";
import { emptySums, type Scores, score, scoreOutputs, scoreReader, scoresOf } from "./score.ts";
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
  const rows = prepareRows(executor, record, arranged(registry, record.spec, dataset));
  const state = stateOf(executor, record.weights!);
  try {
    const judge = createJudge(context, record, lossOf(registry, record, rows), state, rows);
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
export function lossOf(registry: Registry, record: FittedRecord, rows: Rows): Configured {
  return record.loss ?? completeLoss(registry, record, usualLosses(registry, record.spec, undefined), rows);
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
  if (bytes !== null) {
    refuseForeign(record, bytes, "data");
    return { ...rest, isRaw: true, featureShape: [preprocessing.rawWidth], features: bytes };
  }
  const raw = encodeDataset(dataset, preprocessing, rows);
  refuseForeign(record, raw, "data");
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
const RESULT = "result.";

/** @param root the path above the weights in `state`. */
export function createJudge(
  { registry, executor }: Pick<PredictionContext, "registry" | "executor">,
  record: FittedRecord,
  loss: Configured,
  state: State,
  rows: Rows,
  root = "",
): Judge {
  const batch = rowsAtOnce(registry, record, rows.count, LARGEST_BATCH);
  const { signature } = record;
  const wanted = wantedResults(registry, record);
  const traced = trace((t) => {
    const features = inputFeatures(t, record.preprocessing, rows, batch);
    const target = t.input("target", targetType(record.target, batch));
    const weight = t.input("weight", { dtype: "F32", shape: [batch] });
    const { scope } = createScope(t, { root });
    const answers = network(registry, record, scope, features, previousOf(registry, record, target));
    const scored = score(t, registry, record, loss, { answers, target, weight, features });
    const all = results(t, registry, record, answers, features);
    const named = Object.fromEntries(wanted.map((name) => [RESULT + name, all[name]!]));
    return { outputs: { ...scoreOutputs(scored), ...named } };
  });
  const program: Program = executor.compile(traced, state);
  const views = viewsOf(program.inputs);
  const order = orderOf(rows.count, 0, 0, false);
  const scores = scoreReader(program.outputs);

  /** Runs over all rows. @param collect where the results go, when they are wanted. */
  const pass = (collect: Readonly<Record<string, Float32Array | Int32Array>> | null): Scores => {
    const sums = emptySums();
    for (let row = 0; row < rows.count; row += batch) {
      const { count } = fillBatch(views, rows, order, row);
      runWhole(program);
      scores.addTo(sums);
      for (const [name, into] of Object.entries(collect ?? {})) {
        const width = into.length / rows.count;
        into.set((program.outputs[RESULT + name] as Float32Array).subarray(0, count * width), row * width);
      }
    }
    return scoresOf(sums);
  };

  return {
    names: scores.names,
    quick: () => pass(null),
    all: () => {
      const collected = Object.fromEntries(
        wanted.map((name) => {
          const { dtype, shape } = signature.results[name]!;
          return [name, new (dtype === "F32" ? Float32Array : Int32Array)(rows.count * sizeOf(shape))];
        }),
      );
      const quick = pass(collected);
      const { metrics, confusion } = metricsOf(registry, record, rows, collected, quick);
      const all = { loss: quick.loss, metrics: { ...quick.metrics, ...metrics } };
      return confusion === undefined ? all : { ...all, confusion };
    },
    release: () => program.release(),
  };
}
