/** @file What a model learns, as a list: one task for most, several on one backbone for a head of tasks. */
import { Fault, type Tensor } from "../../engine/index.ts";
import type { Head, Options, Pipeline, Raw } from "../registry/define.ts";
import { find, optionsOf, parseConfigured } from "../registry/parse.ts";
import type { Registry } from "../registry/registry.ts";
import { outputNames, type TargetEncoding } from "../targets/index.ts";
import type { Configured, ModelSpec } from "./spec.ts";

export interface Task {
  /** Empty where it is the only one. */
  readonly name: string;
  readonly pipeline: Pipeline;
  readonly head: Head;
  readonly options: Options;
  /** Of one among several: its target. */
  readonly columns?: readonly string[];
}

/** Tensors of all tasks by name; those of one among several begin with its name and a dot. */
export type Answers = Readonly<Record<string, Tensor>>;

type Spec = Pick<ModelSpec, "pipeline" | "head">;

/** @throws INVALID_PARAMS for a task that is no pipeline of classes, labels or values */
export function tasksOf(registry: Registry, { pipeline, head: chosen }: Spec): Task[] {
  const head = find(registry.heads, chosen.type, "head.type");
  const options = optionsOf(chosen);
  if (head.tasks === undefined)
    return [{ name: "", pipeline: find(registry.pipelines, pipeline, "pipeline"), head, options }];
  return Object.entries(head.tasks(options)).map(([name, task]) => {
    const path = `head.tasks.${name}`;
    const own = find(registry.pipelines, task.pipeline, `${path}.pipeline`);
    const configured = parseConfigured(registry.heads, task.head, `${path}.head`, own.head);
    const part = find(registry.heads, configured.type, `${path}.head.type`);
    if (!PLAIN.includes(part.target)) {
      throw new Fault("INVALID_PARAMS", `\`${path}\`: \`${task.pipeline}\` cannot be one of several tasks`, {
        violations: [{ path, message: "not a task of rows", expected: PLAIN.join(" | "), got: part.target }],
        hint: "give it a model of its own",
      });
    }
    return { name, pipeline: own, head: part, options: optionsOf(configured), columns: task.columns ?? [name] };
  });
}

const PLAIN: readonly string[] = ["classes", "labels", "values"];

/** What a loss must be able to judge. */
export function judgedOf({ head, options }: Pick<Task, "head" | "options">): string {
  return head.judged?.(options) ?? (head.target === "sequence" ? "classes" : head.target);
}

/** The pipeline's own loss, or the first that can judge what the head's options ask for. */
export function usualLoss(registry: Registry, task: Task): string {
  const judged = judgedOf(task);
  const { loss } = task.pipeline.defaults;
  if (find(registry.losses, loss, "loss").targets.includes(judged)) return loss;
  return [...registry.losses.values()].find(({ targets }) => targets.includes(judged))?.type ?? loss;
}

/** @throws INVALID_PARAMS for a loss that cannot judge what the task answers */
export function lossOfTask(registry: Registry, task: Task, raw: unknown, path: string): Configured {
  const chosen = parseConfigured(registry.losses, raw, path, usualLoss(registry, task));
  const { targets } = find(registry.losses, chosen.type, `${path}.type`);
  const judged = judgedOf(task);
  if (targets.includes(judged)) return chosen;
  const fitting = [...registry.losses.values()].filter((other) => other.targets.includes(judged));
  const expected = fitting.map(({ type }) => type).join(" | ");
  throw new Fault(
    "INVALID_PARAMS",
    `loss \`${chosen.type}\` judges ${targets.join(" or ")}, but \`${task.pipeline.type}\` predicts ${judged}`,
    {
      violations: [{ path: `${path}.type`, message: "does not fit the pipeline", expected, got: chosen.type }],
      hint: `use ${expected}`,
    },
  );
}

/** @param name of a task, or empty for the only one. */
export const named = (name: string, what: string): string => (name === "" ? what : `${name}.${what}`);

/** A record's entries under the name of each. */
export function withName<T>(name: string, entries: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(entries).map(([what, value]) => [named(name, what), value]));
}

/** One task's entries of a record. */
export function entriesOf<T>(name: string, entries: Readonly<Record<string, T>>): Record<string, T> {
  const prefix = named(name, "");
  return Object.fromEntries(
    Object.entries(entries).flatMap(([what, value]) =>
      what.startsWith(prefix) ? [[what.slice(prefix.length), value] as const] : [],
    ),
  );
}

export const rawOf = (name: string, answers: Answers): Raw => entriesOf(name, answers) as unknown as Raw;

/** What one task's target is. */
export function encodingOf(name: string, target: TargetEncoding): TargetEncoding {
  return target.kind === "tasks" ? target.tasks[name]! : target;
}

/** How many numbers a task answers; null where only the data say. @param features of one row */
export function outputsOf(
  { name, head, options }: Task,
  target: TargetEncoding | null,
  features: readonly number[],
): number | null {
  if (target !== null) return outputNames(encodingOf(name, target)).length;
  if (head.target === "inputs") return features.reduce((size, length) => size * length, 1);
  if (head.target === "none") return Number(options.dimensions);
  return Array.isArray(options.classes) && head.target !== "sequence" ? options.classes.length : null;
}
