/** @file What a model is to learn from a dataset: its target's encoding, or that of each of its tasks. */
import { Fault, type Shape, sizeOf } from "../../engine/index.ts";
import { allRows, type Dataset } from "../data/dataset.ts";
import type { Registry } from "../registry/registry.ts";
import { fitTarget, type PlainEncoding, type TargetEncoding, type TargetOptions } from "../targets/index.ts";
import type { ModelSpec } from "./spec.ts";
import { type Task, tasksOf } from "./tasks.ts";

/** @param features of one row, after preprocessing @throws DATA_INVALID for targets that cannot be learned */
export function fitTargets(
  registry: Registry,
  { preprocess, backbone, ...spec }: ModelSpec,
  dataset: Dataset,
  features: Shape,
): TargetEncoding {
  const tasks = tasksOf(registry, spec);
  const rows = allRows(dataset.rows);
  const optionsOf = ({ head, options }: Task): TargetOptions => ({
    standardise: preprocess.target === "standardise",
    ...(Array.isArray(options.classes) ? { classes: options.classes as string[] } : {}),
    ...(options.padding === undefined ? {} : { padding: String(options.padding) }),
    ...(typeof backbone.lengths === "string" ? { lengths: backbone.lengths } : {}),
    ...(head.text === undefined ? {} : { text: head.text }),
    ends: head.needs === "translated",
    width: head.target === "inputs" ? sizeOf(features) : Number(options.dimensions ?? 0),
  });
  const [first] = tasks as [Task];
  if (first.name === "") return fitTarget(first.head.target, dataset, rows, optionsOf(first));
  refuseInputs(tasks, dataset);
  const encodings = tasks.map((task) => {
    const encoding = fitTarget(task.head.target, dataset, rows, optionsOf(task), task.columns);
    return [task.name, encoding as PlainEncoding] as const;
  });
  const columns = encodings.flatMap(([, encoding]) => encoding.columns);
  return { kind: "tasks", columns, tasks: Object.fromEntries(encodings) };
}

/** A target that the dataset does not name as one would be an input, too. */
function refuseInputs(tasks: readonly Task[], { name, columns, target }: Dataset): void {
  const named = target === null ? [] : [target].flat();
  const strangers = tasks.flatMap((task) => (task.columns ?? []).filter((column) => !named.includes(column)));
  if (strangers.length === 0) return;
  const isThere = columns.some((column) => column.name === strangers[0]);
  throw new Fault(
    "DATA_INVALID",
    `dataset \`${name}\` does not name \`${strangers[0]}\`, a task's target, as a target`,
    {
      violations: strangers.map((column) => ({
        path: "data.target",
        message: "a task without its target",
        expected: column,
        got: named.join(", ") || "nothing",
      })),
      hint: isThere
        ? `give the data with "target": ${JSON.stringify([...named, ...strangers])}`
        : `its columns are ${columns.map((column) => column.name).join(", ")}; name another \`target\` in the task`,
    },
  );
}
