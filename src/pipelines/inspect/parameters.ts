/** @file What a model's parameters are like, and the gradients that its loss gives them on some rows. */
import { gradients, sizeOf, trace } from "../../engine/index.ts";
import type { Dataset } from "../data/dataset.ts";
import { createScope } from "../layers/scope.ts";
import { arranged } from "../model/arranged.ts";
import { fillBatch, orderOf, viewsOf } from "../model/batches.ts";
import { lossOf, prepareRows } from "../model/evaluate.ts";
import { inputFeatures } from "../model/features.ts";
import { type PredictionContext, stateOf } from "../model/loaded.ts";
import { type FittedRecord, network } from "../model/network.ts";
import { previousOf } from "../model/previous.ts";
import { rowsAtOnce } from "../model/rowsApart.ts";
import { score } from "../model/score.ts";
import { weightArrays } from "../model/weights.ts";
import { runWhole } from "../model/whole.ts";
import { targetType } from "../targets/index.ts";
import { select } from "./select.ts";
import { type Statistics, statisticsOf } from "./statistics.ts";

export interface ParameterStatistics extends Statistics {
  readonly path: string;
  readonly shape: readonly number[];
}

/** Of every parameter and buffer that the patterns name. */
export function weightStatistics(
  record: FittedRecord,
  patterns: readonly string[] | undefined,
  bins: number,
): ParameterStatistics[] {
  const arrays = Object.entries(weightArrays(record.weights!)).map(([path, array]) => ({ path, array }));
  return select(arrays, patterns, "parameter").map(({ path, array: { shape, data } }) => ({
    path,
    shape,
    ...statisticsOf(data as ArrayLike<number>, bins),
  }));
}

export interface GradientStatistics {
  /** The mean over the rows, as the gradients are of it. */
  readonly loss: number;
  /** Of all gradients named, taken together. */
  readonly norm: number;
  readonly parameters: readonly ParameterStatistics[];
  readonly samples: number;
}

const LARGEST_BATCH = 256;

/**
 * The gradients of the model's loss, as its last training had it, over labelled rows; dropout keeps all, and batch norm uses
 * its running statistics, as in prediction.
 */
export function gradientStatistics(
  context: PredictionContext & { readonly record: FittedRecord },
  dataset: Dataset,
  patterns: readonly string[] | undefined,
  bins: number,
): GradientStatistics {
  const { registry, executor, record } = context;
  const rows = prepareRows(executor, record, arranged(registry, record.spec, dataset));
  const batch = rowsAtOnce(registry, record, rows.count, LARGEST_BATCH);
  const traced = trace((t) => {
    const features = inputFeatures(t, record.preprocessing, rows, batch);
    const target = t.input("target", targetType(record.target, batch));
    const weight = t.input("weight", { dtype: "F32", shape: [batch] });
    const { scope, declarations } = createScope(t);
    const answers = network(registry, record, scope, features, previousOf(registry, record, target));
    const loss = lossOf(registry, record, rows);
    const { lossSum, lossWeight } = score(t, registry, record, loss, { answers, target, weight, features });
    const learned = [...declarations.leaves.values()].filter(({ trainable }) => trainable);
    const chosen = select(learned, patterns, "parameter");
    const found = gradients(
      lossSum,
      chosen.map(({ tensor }) => tensor),
    );
    const named = chosen.map(({ path }, index) => [`gradient.${path}`, found[index]!] as const);
    return { outputs: { lossSum, lossWeight, ...Object.fromEntries(named) } };
  });
  const shapes = Object.fromEntries(Object.entries(traced.outputs).map(([name, { shape }]) => [name, shape]));
  const sums = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, new Float64Array(sizeOf(shape))]),
  );
  const state = stateOf(executor, record.weights!);
  try {
    const program = executor.compile(traced, state);
    const views = viewsOf(program.inputs);
    const order = orderOf(rows.count, 0, 0, false);
    for (let row = 0; row < rows.count; row += batch) {
      fillBatch(views, rows, order, row);
      runWhole(program);
      for (const [name, sum] of Object.entries(sums)) {
        const part = program.outputs[name]!;
        for (let index = 0; index < sum.length; index++) sum[index]! += Number(part[index]);
      }
    }
    program.release();
  } finally {
    state.release();
  }
  const { lossSum, lossWeight, ...rest } = sums;
  const all = lossWeight![0]!;
  const parameters = Object.entries(rest).map(([name, sum]) => ({
    path: name.slice("gradient.".length),
    shape: shapes[name]!,
    ...statisticsOf(
      sum.map((value) => (all === 0 ? 0 : value / all)),
      bins,
    ),
  }));
  const norm = Math.hypot(...parameters.map((parameter) => parameter.norm));
  return { loss: all === 0 ? 0 : lossSum![0]! / all, norm, parameters, samples: rows.count };
}
