/** @file A whole set of predictions, judged by the metrics of each task's pipeline. */
import type { Registry } from "../registry/registry.ts";
import { outputNames } from "../targets/index.ts";
import { rowsOfTask } from "../targets/tasks.ts";
import type { Rows } from "./batches.ts";
import type { FittedRecord } from "./network.ts";
import type { Scores } from "./score.ts";
import { encodingOf, entriesOf, named, type Task, tasksOf, withName } from "./tasks.ts";

/** The results that metrics are made from. */
export function wantedResults(registry: Registry, { spec, signature }: FittedRecord): string[] {
  return tasksOf(registry, spec).flatMap(({ name, pipeline }) =>
    Object.keys(entriesOf(name, signature.results))
      .filter((result) => pipeline.judges?.includes(result) ?? true)
      .map((result) => named(name, result)),
  );
}

/** @param results over all rows, by name @param quick the mean loss, and the running figures */
export function metricsOf(
  registry: Registry,
  record: FittedRecord,
  rows: Rows,
  results: Readonly<Record<string, Float32Array | Int32Array>>,
  quick: Scores,
): { metrics: Record<string, number>; confusion?: number[][] } {
  const tasks = tasksOf(registry, record.spec);
  const judge = ({ name, pipeline, options }: Task) =>
    pipeline.metrics({
      results: entriesOf(name, results),
      targets: record.target.kind === "tasks" ? rowsOfTask(rows.target, rows.count, record.target, name) : rows.target,
      weights: rows.weight ?? undefined,
      outputs: outputNames(encodingOf(name, record.target)).length,
      rows: rows.count,
      loss: quick.loss,
      running: entriesOf(name, quick.metrics),
      options,
    });
  const [first] = tasks as [Task];
  if (first.name === "") return judge(first);
  return { metrics: Object.assign({}, ...tasks.map((task) => withName(task.name, judge(task).metrics))) };
}
