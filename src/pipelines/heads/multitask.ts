/** @file The head that stands for several: each learns a target of its own from the same features (Caruana 1997). */
import { z } from "zod";
import { Fault } from "../../engine/index.ts";
import { defineHead, type TaskChoice } from "../registry/define.ts";

const Task = z.union([
  z.string(),
  z.strictObject({
    pipeline: z.string().describe("What is learned: classification, regression, multilabel, or a plugin's"),
    head: z
      .union([z.string(), z.looseObject({})])
      .optional()
      .describe("The pipeline's own when left out"),
    target: z
      .union([z.string(), z.array(z.string()).min(1)])
      .optional()
      .describe("Its column or columns; left out, the column of its name"),
  }),
]);

const together = (): never => {
  throw new Fault("INVALID_STATE", "`multitask` is taken apart into its tasks before anything is built");
};

export const multitask = defineHead({
  type: "multitask",
  description: "Several heads on one backbone, each with a target of its own",
  options: z.object({
    tasks: z
      .record(z.string().regex(/^[^.]+$/, "names have no dots"), Task)
      .default({})
      .describe(
        'By name: a pipeline, or an object with its head and target: {"species": "classification", "age": "regression"}',
      ),
  }),
  target: "tasks",
  tasks({ tasks }) {
    if (Object.keys(tasks).length === 0) {
      throw new Fault("INVALID_PARAMS", "`head.tasks` names no task", {
        violations: [{ path: "head.tasks", message: "empty", expected: "at least one task", got: "none" }],
        hint: 'such as {"type": "multitask", "tasks": {"species": "classification", "age": "regression"}}',
      });
    }
    const choice = (task: z.output<typeof Task>): TaskChoice => {
      if (typeof task === "string") return { pipeline: task };
      const { pipeline, head, target } = task;
      return {
        pipeline,
        ...(head === undefined ? {} : { head }),
        ...(target === undefined ? {} : { columns: [target].flat() }),
      };
    };
    return Object.fromEntries(Object.entries(tasks).map(([name, task]) => [name, choice(task)]));
  },
  build: together,
  results: together,
});
