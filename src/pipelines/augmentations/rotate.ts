/** @file Rotation, and all that a linear map can do to an image: rotation, shift, scale and shear at once. */
import { z } from "zod";
import { defineAugmentation } from "../registry/define.ts";
import { between, degrees, fill, interpolation, type Range, symmetric } from "./parameters.ts";
import { inverseAffine, warp } from "./warp.ts";

type ImageShape = readonly [number, number, number];

export const randomRotation = defineAugmentation({
  type: "randomRotation",
  description: "Turns the image about its centre, counter-clockwise (torchvision RandomRotation)",
  rows: "image",
  options: z.object({ degrees, interpolation, fill }),
  prepare({ shape }, { degrees, interpolation, fill }) {
    const before = new Float32Array(shape.reduce((a, b) => a * b));
    return (image, random) => {
      const angle = between(random, symmetric(degrees));
      before.set(image);
      warp(
        before,
        image,
        shape as unknown as ImageShape,
        inverseAffine(-angle, [0, 0], 1, [0, 0]),
        interpolation,
        fill,
      );
    };
  },
});

export const randomAffine = defineAugmentation({
  type: "randomAffine",
  description: "Turns, shifts, scales and shears the image about its centre (torchvision RandomAffine)",
  rows: "image",
  options: z.object({
    degrees,
    translate: z
      .tuple([z.number().min(0).max(1), z.number().min(0).max(1)])
      .optional()
      .describe("The most that it is shifted, as shares of width and height"),
    scale: z
      .tuple([z.number().positive(), z.number().positive()])
      .optional()
      .describe("Least and most factor on its size"),
    shear: z
      .union([
        z.number().min(0),
        z.tuple([z.number(), z.number()]),
        z.tuple([z.number(), z.number(), z.number(), z.number()]),
      ])
      .optional()
      .describe("Degrees along x, as −s to s or [least, most]; with four numbers the last two are along y"),
    interpolation,
    fill,
  }),
  prepare({ shape }, { degrees, translate, scale, shear, interpolation, fill }) {
    const [, height, width] = shape as unknown as ImageShape;
    const before = new Float32Array(shape.reduce((a, b) => a * b));
    const [alongX, alongY] = shearRanges(shear);
    return (image, random) => {
      const angle = between(random, symmetric(degrees));
      const [most, lowest] = [(translate?.[0] ?? 0) * width, (translate?.[1] ?? 0) * height];
      const shift = [
        Math.round(between(random, [-most, most])),
        Math.round(between(random, [-lowest, lowest])),
      ] as const;
      const factor = between(random, scale ?? [1, 1]);
      const shears = [between(random, alongX), between(random, alongY)] as const;
      before.set(image);
      const map = inverseAffine(angle, shift, factor, shears);
      warp(before, image, shape as unknown as ImageShape, map, interpolation, fill);
    };
  },
});

function shearRanges(shear: number | readonly number[] | undefined): readonly [Range, Range] {
  if (shear === undefined)
    return [
      [0, 0],
      [0, 0],
    ];
  if (typeof shear === "number")
    return [
      [-shear, shear],
      [0, 0],
    ];
  const [least, most, leastY = 0, mostY = 0] = shear;
  return [
    [least!, most!],
    [leastY, mostY],
  ];
}
