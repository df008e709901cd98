/** @file Crops: a window of an image, as it is or stretched to the image's size. */
import { z } from "zod";
import type { RandomStream } from "../random.ts";
import { defineAugmentation } from "../registry/define.ts";
import { area, between, betweenLogarithms, fill, type Range, ratio } from "./parameters.ts";

/** Where a place outside of `size` is taken from; −1: from nowhere. */
const EDGES: Readonly<Record<string, (place: number, size: number) => number>> = {
  constant: (place, size) => (place < 0 || place >= size ? -1 : place),
  edge: (place, size) => Math.min(size - 1, Math.max(0, place)),
  /** 2 1 | 0 1 2 | 1 0 */
  reflect(place, size) {
    if (size === 1) return 0;
    const around = Math.abs(place) % (2 * size - 2);
    return around < size ? around : 2 * size - 2 - around;
  },
  /** 1 0 | 0 1 2 | 2 1 */
  symmetric(place, size) {
    const around = ((place % (2 * size)) + 2 * size) % (2 * size);
    return around < size ? around : 2 * size - 1 - around;
  },
};

export const randomCrop = defineAugmentation({
  type: "randomCrop",
  description: "Pads the image on all sides and cuts out a window of its own size (torchvision RandomCrop)",
  rows: "image",
  options: z.object({
    padding: z.int().min(0).max(4096).default(4).describe("Pixels added on each side; 4 is usual for images of 32×32"),
    fill,
    paddingMode: z
      .enum(["constant", "edge", "reflect", "symmetric"])
      .default("constant")
      .describe("What is added: `fill`, the last pixel, or the image mirrored without or with its last pixel"),
  }),
  prepare({ shape }, { padding, fill, paddingMode }) {
    const [channels, height, width] = shape as [number, number, number];
    const before = new Float32Array(channels * height * width);
    const from = EDGES[paddingMode]!;
    return (image, random) => {
      const top = random.integer(2 * padding + 1) - padding;
      const left = random.integer(2 * padding + 1) - padding;
      if (top === 0 && left === 0) return;
      before.set(image);
      for (let row = 0, place = 0; row < channels * height; row++) {
        const y = from((row % height) + top, height);
        const start = (Math.floor(row / height) * height + y) * width;
        for (let column = 0; column < width; column++, place++) {
          const x = from(column + left, width);
          image[place] = x < 0 || y < 0 ? fill : before[start + x]!;
        }
      }
    };
  },
});

/** Tries that a window's area and ratio are drawn anew, before the largest one in the middle is taken. */
const TRIES = 10;

interface Window {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

function drawWindow(random: RandomStream, height: number, width: number, scale: Range, sides: Range): Window {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const pixels = height * width * between(random, scale);
    const aspect = betweenLogarithms(random, sides);
    const [w, h] = [Math.round(Math.sqrt(pixels * aspect)), Math.round(Math.sqrt(pixels / aspect))];
    if (w > 0 && h > 0 && w <= width && h <= height)
      return { top: random.integer(height - h + 1), left: random.integer(width - w + 1), height: h, width: w };
  }
  const aspect = Math.min(sides[1], Math.max(sides[0], width / height));
  const h = Math.min(height, Math.round(width / aspect));
  const w = Math.min(width, Math.round(height * aspect));
  return { top: Math.floor((height - h) / 2), left: Math.floor((width - w) / 2), height: h, width: w };
}

export const randomResizedCrop = defineAugmentation({
  type: "randomResizedCrop",
  description:
    "Stretches a window of random area and ratio to the image's size, bilinear (torchvision RandomResizedCrop)",
  rows: "image",
  options: z.object({ scale: area([0.08, 1]), ratio: ratio([3 / 4, 4 / 3]) }),
  prepare({ shape }, { scale, ratio }) {
    const [channels, height, width] = shape as [number, number, number];
    const before = new Float32Array(channels * height * width);
    return (image, random) => {
      const window = drawWindow(random, height, width, scale, ratio);
      before.set(image);
      for (let row = 0; row < height; row++) {
        const y = Math.min(window.height - 1, Math.max(0, ((row + 0.5) * window.height) / height - 0.5));
        const top = Math.floor(y);
        const below = Math.min(window.height - 1, top + 1);
        for (let column = 0; column < width; column++) {
          const x = Math.min(window.width - 1, Math.max(0, ((column + 0.5) * window.width) / width - 0.5));
          const left = Math.floor(x);
          const right = Math.min(window.width - 1, left + 1);
          for (let channel = 0; channel < channels; channel++) {
            const at = (v: number, h: number) => before[(channel * height + window.top + v) * width + window.left + h]!;
            const upper = at(top, left) + (at(top, right) - at(top, left)) * (x - left);
            const lower = at(below, left) + (at(below, right) - at(below, left)) * (x - left);
            image[(channel * height + row) * width + column] = upper + (lower - upper) * (y - top);
          }
        }
      }
    };
  },
});
