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
    const limit = (value: number): number => (clip ? Math.min(high, Math.max(low, value)) : value);
    return (values, random) => {
      for (let index = 0; index < values.length; index += 2) {
        // Box and Muller (1958), both of the pair.
        const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()));
        const angle = 2 * Math.PI * random.uniform();
        values[index] = limit(values[index]! + (mean + sigma * radius * Math.cos(angle)) * span);
        if (index + 1 < values.length)
          values[index + 1] = limit(values[index + 1]! + (mean + sigma * radius * Math.sin(angle)) * span);
      }
    };
  },
});
