/** @file How good a model is before and after, on data with targets: the metrics of its pipeline from what either graph answers. */
import { type Executor, type ModelProto, sizeOf } from "../../engine/index.ts";
import { type Dataset, targetColumns } from "../data/dataset.ts";
import { arranged } from "../model/arranged.ts";
import { prepareRows } from "../model/evaluate.ts";
import type { PredictionContext } from "../model/loaded.ts";
import { metricsOf, wantedResults } from "../model/metrics.ts";
import type { FittedRecord } from "../model/network.ts";
import { createRunner } from "./runGraph.ts";
import { datasetSamples, type Samples, spreadRows } from "./samples.ts";

export interface Quality {
  /** Rows that were judged. */
  readonly rows: number;
  readonly before: Metrics;
  readonly after: Metrics;
}

type Metrics = Readonly<Record<string, number>>;

/** More rows than this change little, and take long. */
const MOST_ROWS = 10_000;

/** Null for data without targets, and for pipelines that judge by the loss alone. @param models before and after, without strings @param batch rows at a time */
export function qualityOf(
  { registry, executor }: PredictionContext,
  record: FittedRecord,
  models: readonly [ModelProto, ModelProto],
  dataset: Dataset,
  batch: number,
): Quality | null {
  const ready = arranged(registry, record.spec, dataset);
  if (targetColumns(ready).length === 0) return null;
  const samples = datasetSamples({ registry }, record, models[0], dataset, MOST_ROWS);
  const rows = prepareRows(executor, record, ready, spreadRows(ready.rows, MOST_ROWS));
  const names = wantedResults(registry, record);
  const [before, after] = models.map((model) => {
    const results = resultsOf(executor, model, record, names, samples, batch);
    // of the loss, and of what a head counts as it goes, a file knows nothing
    const { metrics } = metricsOf(registry, record, rows, results, { loss: Number.NaN, metrics: {} });
    return Object.fromEntries(Object.entries(metrics).filter(([, value]) => Number.isFinite(value)));
  }) as [Metrics, Metrics];
  return Object.keys(before).length === 0 ? null : { rows: samples.count, before, after };
}

function resultsOf(
  executor: Executor,
  model: ModelProto,
  { signature }: FittedRecord,
  names: readonly string[],
  samples: Samples,
  batch: number,
): Record<string, Float32Array | Int32Array> {
  const results = Object.fromEntries(
    names.map((name) => {
      const { dtype, shape } = signature.results[name]!;
      return [name, new (dtype === "F32" ? Float32Array : Int32Array)(samples.count * sizeOf(shape))];
    }),
  );
  const runner = createRunner(executor, model, names);
  try {
    for (let from = 0; from < samples.count; from += batch) {
      const answers = runner.run(samples.feeds(from, Math.min(from + batch, samples.count)));
      for (const name of names) {
        const all = results[name]!;
        all.set(answers[name]!.data as Float32Array, (from * all.length) / samples.count);
      }
    }
  } finally {
    runner.release();
  }
  return results;
}
