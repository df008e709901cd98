/** @file Warm-up: what any schedule may begin with. */
import { z } from "zod";
import { defineSchedule, type Moment, type OptionsSchema, type Schedule } from "../registry/define.ts";

const warmup = {
  warmupSteps: z
    .int()
    .min(0)
    .default(0)
    .describe("Steps over which the rate rises from zero in a straight line, before the schedule begins"),
};

/** A schedule as its author writes it: the part after the warm-up, which counts from its own first step. */
interface AfterWarmup<Schema extends OptionsSchema> {
  readonly type: string;
  readonly description: string;
  readonly options: Schema;
  factor(moment: Moment, options: z.output<Schema>): number;
  watches?(options: z.output<Schema>): string;
  remember?(memory: unknown, value: number, options: z.output<Schema>): unknown;
}

/**
 * The schedule with a warm-up before it: at step s of w, counted from 0, the factor is (s + 1) / w. In PyTorch's words
 * `SequentialLR([LinearLR(1 / w, 1, w − 1), schedule], [w])`.
 */
export function afterWarmup<Schema extends OptionsSchema>(schedule: AfterWarmup<Schema>): Schedule {
  return defineSchedule({
    ...(schedule as unknown as Schedule),
    options: schedule.options.extend(warmup),
    factor({ step, steps, ...rest }, options) {
      const { warmupSteps } = options as { warmupSteps: number };
      if (step < warmupSteps) return (step + 1) / warmupSteps;
      const after = { ...rest, step: step - warmupSteps, steps: Math.max(1, steps - warmupSteps) };
      return schedule.factor(after, options as z.output<Schema>);
    },
  }) as Schedule;
}
