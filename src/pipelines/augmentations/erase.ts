/** @file Erasing: a rectangle of an image overwritten (Zhong et al. 2020; with equal sides, DeVries and Taylor's cutout, 2017). */
import { z } from "zod";
import { defineAugmentation } from "../registry/define.ts";
import { area, between, betweenLogarithms, probability, ratio } from "./parameters.ts";

/** Tries that area and ratio are drawn anew when the rectangle does not fit, before the image is left whole. */
const TRIES = 10;

export const randomErasing = defineAugmentation({
  type: "randomErasing",
  description: "Overwrites a random rectangle (torchvision RandomErasing; ratio [1, 1] makes it cutout)",
  rows: "image",
  options: z.object({
    p: probability(0.5),
    scale: area([0.02, 0.33]),
    ratio: ratio([0.3, 3.3]),
    value: z
      .union([z.number(), z.literal("random")])
      .default(0)
      .describe("What is written, a raw value; `random` for noise over the range of the data"),
  }),
  prepare({ shape, low, high }, { p, scale, ratio, value }) {
    const [channels, height, width] = shape as [number, number, number];
    return (image, random) => {
      if (random.uniform() >= p) return;
      for (let attempt = 0; attempt < TRIES; attempt++) {
        const pixels = height * width * between(random, scale);
        const aspect = betweenLogarithms(random, ratio);
        const [h, w] = [Math.round(Math.sqrt(pixels * aspect)), Math.round(Math.sqrt(pixels / aspect))];
        if (h >= height || w >= width) continue;
        const [top, left] = [random.integer(height - h + 1), random.integer(width - w + 1)];
        for (let channel = 0; channel < channels; channel++) {
          for (let row = top; row < top + h; row++) {
            const start = (channel * height + row) * width + left;
            for (let index = start; index < start + w; index++)
              image[index] = value === "random" ? between(random, [low, high]) : value;
          }
        }
        return;
      }
    };
  },
});
