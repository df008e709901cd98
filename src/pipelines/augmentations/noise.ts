/** @file Noise added to every value. */
import { z } from "zod";
import { defineAugmentation } from "../registry/define.ts";

export const gaussianNoise = defineAugmentation({
  type: "gaussianNoise",
  description: "Adds normal noise to every value (torchvision GaussianNoise)",
  rows: "any",
  options: z.object({
    mean: z.number().default(0).describe("Of the noise, as a share of the data's range"),
    sigma: z.number().min(0).default(0.1).describe("Standard deviation of the noise, as a share of the data's range"),
    clip: z.boolean().default(true).describe("Whether values are kept within the data's range"),
  }),
  prepare({ low, high }, { mean, sigma, clip }) {
    const span = high - low;
    return (values, random) => {
      for (let index = 0; index < values.length; index++) {
        const value = values[index]! + (mean + sigma * random.normal()) * span;
        values[index] = clip ? Math.min(high, Math.max(low, value)) : value;
      }
    };
  },
});
