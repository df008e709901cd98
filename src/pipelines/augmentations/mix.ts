/** @file Two rows in one, and their targets by their shares: the loss is that of both, weighted so. */
import { z } from "zod";
import type { RandomStream } from "../random.ts";
import { defineAugmentation } from "../registry/define.ts";
import { probability } from "./parameters.ts";

const alpha = z
  .number()
  .positive()
  .default(1)
  .describe(
    "Shares are drawn from a beta distribution with both parameters this: 1 for all alike, less for mostly one row",
  );

export const mixUp = defineAugmentation({
  type: "mixUp",
  description: "A weighted mean of two rows (Zhang et al. 2018; torchvision MixUp)",
  rows: "any",
  mixes: true,
  options: z.object({ alpha, p: probability(1) }),
  prepare(_facts, { alpha, p }) {
    return (values, random, partner) => {
      if (random.uniform() >= p) return 1;
      const share = beta(random, alpha);
      for (let index = 0; index < values.length; index++)
        values[index] = share * values[index]! + (1 - share) * partner[index]!;
      return share;
    };
  },
});

export const cutMix = defineAugmentation({
  type: "cutMix",
  description: "A rectangle of another image pasted in (Yun et al. 2019; torchvision CutMix)",
  rows: "image",
  mixes: true,
  options: z.object({ alpha, p: probability(1) }),
  prepare({ shape }, { alpha, p }) {
    const [channels, height, width] = shape as [number, number, number];
    return (image, random, partner) => {
      if (random.uniform() >= p) return 1;
      const half = 0.5 * Math.sqrt(1 - beta(random, alpha));
      const [x, y] = [random.integer(width), random.integer(height)];
      const [across, down] = [Math.trunc(half * width), Math.trunc(half * height)];
      const [left, right] = [Math.max(0, x - across), Math.min(width, x + across)];
      const [top, bottom] = [Math.max(0, y - down), Math.min(height, y + down)];
      for (let row = 0; row < channels * height; row++) {
        if (row % height < top || row % height >= bottom) continue;
        image.set(partner.subarray(row * width + left, row * width + right), row * width + left);
      }
      return 1 - ((right - left) * (bottom - top)) / (width * height);
    };
  },
});

/** Beta(alpha, alpha) as a ratio of gamma variates. */
function beta(random: RandomStream, alpha: number): number {
  if (alpha === 1) return random.uniform();
  const [a, b] = [gamma(random, alpha), gamma(random, alpha)];
  return a + b === 0 ? 0.5 : a / (a + b);
}

/** Marsaglia and Tsang (2000), "A simple method for generating gamma variables"; below 1 by their section 6. */
function gamma(random: RandomStream, shape: number): number {
  if (shape < 1) return gamma(random, shape + 1) * (1 - random.uniform()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = random.normal();
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(1 - random.uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}
