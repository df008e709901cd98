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
    const [down, across] = [linesOf(height), linesOf(width)];
    return (image, random) => {
      const window = drawWindow(random, height, width, scale, ratio);
      place(down, window.top, window.height);
      place(across, window.left, window.width);
      before.set(image);
      for (let row = 0, to = 0; row < channels * height; row++) {
        const line = row % height;
        const channel = ((row - line) / height) * height * width;
        const [top, bottom] = [channel + down.first[line]! * width, channel + down.second[line]! * width];
        const lower = down.share[line]!;
        for (let column = 0; column < width; column++, to++) {
          const [left, right, further] = [across.first[column]!, across.second[column]!, across.share[column]!];
          const above = before[top + left]! + (before[top + right]! - before[top + left]!) * further;
          const below = before[bottom + left]! + (before[bottom + right]! - before[bottom + left]!) * further;
          image[to] = above + (below - above) * lower;
        }
      }
    };
  },
});

/** For each of some lines the two that it lies between, and how near it is to the second. */
function linesOf(count: number) {
  return { first: new Int32Array(count), second: new Int32Array(count), share: new Float64Array(count) };
}

/** Stretches a window of `size` lines from `start` over all lines, middles of pixels on middles. */
function place({ first, second, share }: ReturnType<typeof linesOf>, start: number, size: number): void {
  for (let line = 0; line < first.length; line++) {
    const at = Math.min(size - 1, Math.max(0, ((line + 0.5) * size) / first.length - 0.5));
    const whole = Math.floor(at);
    first[line] = start + whole;
    second[line] = start + Math.min(size - 1, whole + 1);
    share[line] = at - whole;
  }
}
