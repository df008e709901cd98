/** @file Options that several augmentations share, and the numbers drawn from them. */
import { z } from "zod";
import type { RandomStream } from "../random.ts";

export type Range = readonly [number, number];

export const probability = (usual: number) =>
  z.number().min(0).max(1).default(usual).describe("How likely a row is changed at all");

export const fill = z.number().default(0).describe("The raw value of pixels that come from outside of the image");

export const interpolation = z
  .enum(["nearest", "bilinear"])
  .default("nearest")
  .describe("How a value between pixels is found");

/** `degrees` as torchvision takes them: one number for −d to d. */
export const degrees = z
  .union([z.number().min(0), z.tuple([z.number(), z.number()])])
  .describe("The angle is drawn from −degrees to degrees, or from [least, most]");

export function symmetric(value: number | Range): Range {
  return typeof value === "number" ? [-value, value] : value;
}

export function between(random: RandomStream, [least, most]: Range): number {
  return least + (most - least) * random.uniform();
}

/** Uniform in the logarithm. */
export function betweenLogarithms(random: RandomStream, [least, most]: Range): number {
  return Math.exp(between(random, [Math.log(least), Math.log(most)]));
}

export const area = (usual: Range) =>
  z
    .tuple([z.number().positive().max(1), z.number().positive().max(1)])
    .default([...usual])
    .describe("Least and most of the image's area");

export const ratio = (usual: Range) =>
  z
    .tuple([z.number().positive(), z.number().positive()])
    .default([...usual])
    .describe("Least and most ratio of its sides");
