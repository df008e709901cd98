/** @file Flips: images mirrored from left to right, or turned upside down. */
import { z } from "zod";
import { defineAugmentation } from "../registry/define.ts";
import { probability } from "./parameters.ts";

export const randomHorizontalFlip = defineAugmentation({
  type: "randomHorizontalFlip",
  description: "Swaps left and right (torchvision RandomHorizontalFlip)",
  rows: "image",
  options: z.object({ p: probability(0.5) }),
  prepare({ shape }, { p }) {
    const width = shape[2]!;
    return (image, random) => {
      if (random.uniform() >= p) return;
      for (let start = 0; start < image.length; start += width) image.subarray(start, start + width).reverse();
    };
  },
});

export const randomVerticalFlip = defineAugmentation({
  type: "randomVerticalFlip",
  description: "Swaps top and bottom (torchvision RandomVerticalFlip)",
  rows: "image",
  options: z.object({ p: probability(0.5) }),
  prepare({ shape }, { p }) {
    const [channels, height, width] = shape as [number, number, number];
    const line = new Float32Array(width);
    return (image, random) => {
      if (random.uniform() >= p) return;
      for (let channel = 0; channel < channels; channel++) {
        const row = (index: number) => (channel * height + index) * width;
        for (let top = 0, bottom = height - 1; top < bottom; top++, bottom--) {
          line.set(image.subarray(row(top), row(top) + width));
          image.copyWithin(row(top), row(bottom), row(bottom) + width);
          image.set(line, row(bottom));
        }
      }
    };
  },
});
