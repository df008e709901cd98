/** @file The loss of a model of several tasks. */
import { z } from "zod";
import { Fault } from "../../engine/index.ts";
import { defineLoss } from "../registry/define.ts";

const Choice = z.union([z.string(), z.looseObject({ type: z.string().describe("Name of a loss") })]);

/** The sum is made where the tasks are known: `model/score.ts`. */
export const weightedSum = defineLoss({
  type: "weightedSum",
  description: "The losses of several tasks, each times its weight",
  options: z.object({
    losses: z
      .record(z.string(), Choice)
      .default({})
      .describe('By task: its loss, such as {"age": "huber"}; left out, its pipeline\'s own'),
    weights: z
      .record(z.string(), z.number().min(0))
      .default({})
      .describe('By task: what its loss counts, such as {"age": 0.5}; others 1'),
  }),
  targets: ["tasks"],
  perRow() {
    throw new Fault("INVALID_STATE", "`weightedSum` is the loss of a model of several tasks only");
  },
});
