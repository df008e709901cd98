/** @file Schedules that hold the learning rate for a while and then drop it. */
import { z } from "zod";
import { afterWarmup } from "./warmup.ts";

const dropTo = (description: string, usual: number) =>
  z.number().positive().max(1).default(usual).describe(description);

export const constant = afterWarmup({
  type: "constant",
  description: "The same learning rate throughout",
  options: z.object({}),
  factor: () => 1,
});

/** `torch.optim.lr_scheduler.StepLR`, counted in epochs. */
export const step = afterWarmup({
  type: "step",
  description: "Multiplied by a factor every few epochs",
  options: z.object({
    everyEpochs: z.int().min(1).default(10).describe("Epochs between two drops"),
    factor: dropTo("What the rate is multiplied by at each drop", 0.1),
  }),
  factor: ({ step, stepsPerEpoch }, { everyEpochs, factor }) =>
    factor ** Math.floor(step / stepsPerEpoch / everyEpochs),
});

/** `MultiStepLR`, counted in epochs. */
export const multiStep = afterWarmup({
  type: "multiStep",
  description: "Multiplied by a factor after each of the epochs named",
  options: z.object({
    epochs: z.array(z.int().min(1)).min(1).describe("Epochs after which the rate drops"),
    factor: dropTo("What the rate is multiplied by at each drop", 0.1),
  }),
  factor: ({ step, stepsPerEpoch }, { epochs, factor }) =>
    factor ** epochs.filter((epoch) => step >= epoch * stepsPerEpoch).length,
});

/** `ExponentialLR`, counted in epochs. */
export const exponential = afterWarmup({
  type: "exponential",
  description: "Multiplied by a factor after every epoch",
  options: z.object({ factor: dropTo("What the rate is multiplied by after each epoch", 0.95) }),
  factor: ({ step, stepsPerEpoch }, { factor }) => factor ** Math.floor(step / stepsPerEpoch),
});
