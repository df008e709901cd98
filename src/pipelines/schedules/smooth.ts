/** @file Schedules that lower the learning rate step by step, along a line or a curve. */
import { z } from "zod";
import type { Moment } from "../registry/define.ts";
import { afterWarmup } from "./warmup.ts";

const minimum = z.number().min(0).max(1).default(0).describe("Share of the learning rate that is left at the end");

/** How much of the way is done, 0 to 1. */
const progress = ({ step, steps }: Moment): number => Math.min(1, step / steps);

/** From 1 to `minimum` along half a cosine (Loshchilov and Hutter 2017, equation 5). @param done 0 to 1 */
const alongCosine = (done: number, minimum: number): number =>
  minimum + ((1 - minimum) * (1 + Math.cos(Math.PI * done))) / 2;

/** `torch.optim.lr_scheduler.LinearLR` down to a share. */
export const linear = afterWarmup({
  type: "linear",
  description: "Down in a straight line, step by step",
  options: z.object({ minimum }),
  factor: (moment, options) => 1 - (1 - options.minimum) * progress(moment),
});

/** `PolynomialLR`. */
export const polynomial = afterWarmup({
  type: "polynomial",
  description: "Down along a power of what is left of the way",
  options: z.object({
    power: z.number().positive().default(1).describe("1 is a straight line; larger drops sooner"),
    minimum,
  }),
  factor: (moment, { power, minimum: least }) => least + (1 - least) * (1 - progress(moment)) ** power,
});

/** `CosineAnnealingLR`. */
export const cosine = afterWarmup({
  type: "cosine",
  description: "Down along half a cosine, step by step (Loshchilov and Hutter 2017)",
  options: z.object({ minimum }),
  factor: (moment, options) => alongCosine(progress(moment), options.minimum),
});

/** `CosineAnnealingWarmRestarts`, counted in epochs, the rate moving with each step. */
export const cosineRestarts = afterWarmup({
  type: "cosineRestarts",
  description: "Down along half a cosine, again and again from the top (Loshchilov and Hutter 2017)",
  options: z.object({
    firstEpochs: z.int().min(1).default(10).describe("Epochs of the first descent"),
    growth: z.number().min(1).default(2).describe("How many times as long each descent is as the one before"),
    minimum: z.number().min(0).max(1).default(0).describe("Share of the learning rate at the bottom of each descent"),
  }),
  factor({ step, stepsPerEpoch }, { firstEpochs, growth, minimum: least }) {
    let length = firstEpochs * stepsPerEpoch;
    let since = step;
    if (growth === 1) since %= length;
    while (since >= length) {
      since -= length;
      length *= growth;
    }
    return alongCosine(since / length, least);
  },
});
