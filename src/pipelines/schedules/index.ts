/** @file Learning-rate schedules: pure functions of the moment, so that a resumed training needs nothing saved. */
import { z } from "zod";
import { defineSchedule, type Moment, type OptionsSchema, type Schedule } from "../registry/define.ts";

const warmup = {
  warmupSteps: z
    .int()
    .min(0)
    .default(0)
    .describe("Steps over which the rate rises from zero in a straight line, before the schedule begins"),
};

/** A schedule of the part after the warm-up, with the warm-up before it. */
function afterWarmup<Schema extends OptionsSchema>(
  type: string,
  description: string,
  options: Schema,
  factor: (moment: Moment, options: z.output<Schema>) => number,
): Schedule {
  return defineSchedule({
    type,
    description,
    options: options.extend(warmup),
    factor({ step, steps, stepsPerEpoch }, all) {
      const { warmupSteps } = all as { warmupSteps: number };
      if (step < warmupSteps) return (step + 1) / warmupSteps;
      const rest = { step: step - warmupSteps, steps: Math.max(1, steps - warmupSteps), stepsPerEpoch };
      return factor(rest, all as z.output<Schema>);
    },
  });
}

const minimum = z.number().min(0).max(1).default(0).describe("Share of the learning rate that is left at the end");

/** How much of the way is done, 0 to 1. */
const progress = ({ step, steps }: Moment): number => Math.min(1, step / steps);

export const SCHEDULES: readonly Schedule[] = [
  afterWarmup("constant", "The same learning rate throughout", z.object({}), () => 1),
  afterWarmup(
    "step",
    "Multiplied by a factor every few epochs",
    z.object({
      everyEpochs: z.int().min(1).default(10).describe("Epochs between two drops"),
      factor: z.number().positive().max(1).default(0.1).describe("What the rate is multiplied by at each drop"),
    }),
    ({ step, stepsPerEpoch }, { everyEpochs, factor }) => factor ** Math.floor(step / stepsPerEpoch / everyEpochs),
  ),
  afterWarmup(
    "exponential",
    "Multiplied by a factor after every epoch",
    z.object({
      factor: z.number().positive().max(1).default(0.95).describe("What the rate is multiplied by after each epoch"),
    }),
    ({ step, stepsPerEpoch }, { factor }) => factor ** Math.floor(step / stepsPerEpoch),
  ),
  afterWarmup("linear", "Down in a straight line, step by step", z.object({ minimum }), (moment, options) => {
    return 1 - (1 - options.minimum) * progress(moment);
  }),
  afterWarmup(
    "cosine",
    "Down along half a cosine, step by step (Loshchilov and Hutter 2017)",
    z.object({ minimum }),
    (moment, options) => {
      return options.minimum + ((1 - options.minimum) * (1 + Math.cos(Math.PI * progress(moment)))) / 2;
    },
  ),
];
