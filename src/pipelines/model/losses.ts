/** @file The loss of a training, or of an evaluation, completed by what the rows hold. */
import type { TargetFacts } from "../registry/define.ts";
import { find, optionsOf } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import { outputNames, type TargetEncoding, type TasksEncoding } from "../targets/index.ts";
import { rowsOfTask } from "../targets/tasks.ts";
import type { Rows } from "./batches.ts";
import type { FittedRecord } from "./network.ts";
import type { TaskLosses } from "./score.ts";
import type { Configured, ModelSpec } from "./spec.ts";
import { lossOfTask, type Task, tasksOf } from "./tasks.ts";

/**
 * What a host chose, or the usual loss; of several tasks each one's own.
 * @throws INVALID_PARAMS naming each wrong field; a loss that cannot judge what is predicted is one.
 */
export function usualLosses(registry: Registry, spec: ModelSpec, raw: unknown): Configured {
  const tasks = tasksOf(registry, spec);
  const [first] = tasks as [Task];
  if (first.name === "") return lossOfTask(registry, first, raw, "loss");
  const pipeline = find(registry.pipelines, spec.pipeline, "pipeline");
  const head = find(registry.heads, spec.head.type, "head.type");
  const whole = { name: "", pipeline, head, options: optionsOf(spec.head) };
  const chosen = lossOfTask(registry, whole, raw, "loss");
  const { losses, weights } = optionsOf(chosen) as { losses: Record<string, unknown>; weights: Record<string, number> };
  const names = tasks.map(({ name }) => name);
  for (const part of ["losses", "weights"] as const) {
    for (const name of Object.keys(part === "losses" ? losses : weights)) {
      if (!names.includes(name)) find(new Map(tasks.map((task) => [task.name, task.head])), name, `loss.${part}`);
    }
  }
  const own = tasks.map((task) => [
    task.name,
    lossOfTask(registry, task, losses[task.name], `loss.losses.${task.name}`),
  ]);
  return { ...chosen, losses: Object.fromEntries(own), weights };
}

/** The chosen loss with what it wants to know of the rows' targets. */
export function completeLoss(
  registry: Registry,
  { spec, target }: Pick<FittedRecord, "spec" | "target">,
  chosen: Configured,
  rows: Pick<Rows, "target" | "count">,
): Configured {
  const tasks = tasksOf(registry, spec);
  if (target.kind !== "tasks") return complete(registry, tasks[0]!, target, chosen, rows);
  const { losses } = optionsOf(chosen) as unknown as TaskLosses;
  const own = tasks.map((task) => {
    const values = rowsOfTask(rows.target, rows.count, target as TasksEncoding, task.name);
    const encoding = target.tasks[task.name]!;
    return [task.name, complete(registry, task, encoding, losses[task.name]!, { ...rows, target: values })];
  });
  return { ...chosen, losses: Object.fromEntries(own) };
}

function complete(
  registry: Registry,
  { options }: Task,
  encoding: TargetEncoding,
  chosen: Configured,
  rows: Pick<Rows, "target" | "count">,
): Configured {
  const loss = find(registry.losses, chosen.type, "loss.type");
  if (loss.fit === undefined) return chosen;
  return { type: chosen.type, ...loss.fit(optionsOf(chosen), { ...factsOf(encoding, rows), head: options }) };
}

function factsOf(
  encoding: TargetEncoding,
  { target, count }: Pick<Rows, "target" | "count">,
): Omit<TargetFacts, "head"> {
  const names = outputNames(encoding);
  const counts = new Array<number>(names.length).fill(0);
  if (encoding.kind === "classes" || encoding.kind === "sequence") {
    for (const code of target) if (code >= 0) counts[code]!++;
    return { names, counts };
  }
  if (encoding.kind !== "labels") return { names, counts: counts.fill(count) };
  for (const [index, value] of target.entries()) counts[index % names.length]! += value;
  return { names, counts };
}
