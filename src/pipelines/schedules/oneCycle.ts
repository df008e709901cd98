/** @file One cycle: up, down, and further down. */
import { z } from "zod";
import { afterWarmup } from "./warmup.ts";

const SHAPES = {
  cosine: (from: number, to: number, done: number) => to + ((from - to) * (1 + Math.cos(Math.PI * done))) / 2,
  linear: (from: number, to: number, done: number) => from + (to - from) * done,
} as const;

/** `torch.optim.lr_scheduler.OneCycleLR` with `cycle_momentum=False`; the optimizer's learning rate is its `max_lr`. */
export const oneCycle = afterWarmup({
  type: "oneCycle",
  description: "Up to the learning rate, then down far below where it began (Smith and Topin 2018)",
  options: z.object({
    rise: z.number().gt(0).lt(1).default(0.3).describe("Share of all steps over which the rate rises"),
    start: z.number().positive().max(1).default(0.04).describe("Share of the learning rate that it starts from"),
    end: z.number().positive().max(1).default(4e-6).describe("Share of the learning rate that it ends at"),
    shape: z.enum(["cosine", "linear"]).default("cosine").describe("The curve between these three rates"),
  }),
  factor({ step, steps }, { rise, start, end, shape }) {
    const top = rise * steps - 1;
    if (top > 0 && step <= top) return SHAPES[shape](start, 1, step / top);
    const way = steps - 1 - top;
    return SHAPES[shape](1, end, way <= 0 ? 1 : Math.min(1, (step - top) / way));
  },
});
