/** @file Colour jitter: brightness, contrast, saturation and hue, in an order drawn anew for each image. */
import { z } from "zod";
import { permutation, type RandomStream } from "../random.ts";
import { defineAugmentation } from "../registry/define.ts";
import { between, type Range } from "./parameters.ts";

const factor = (what: string) =>
  z
    .union([z.number().min(0), z.tuple([z.number().min(0), z.number().min(0)])])
    .default(0)
    .describe(`Factor on the ${what}, drawn from 1 − x (not below 0) to 1 + x, or from [least, most]`);

/** How much of red, green and blue makes grey: the luma of ITU-R BT.601. */
const LUMA = [0.2989, 0.587, 0.114] as const;

export const colorJitter = defineAugmentation({
  type: "colorJitter",
  description:
    "Changes brightness, contrast, saturation and hue; the last two leave images alone that are not RGB (torchvision ColorJitter)",
  rows: "image",
  options: z.object({
    brightness: factor("distance from black"),
    contrast: factor("distance from the mean grey"),
    saturation: factor("distance from each pixel's grey"),
    hue: z
      .union([z.number().min(0).max(0.5), z.tuple([z.number().min(-0.5).max(0.5), z.number().min(-0.5).max(0.5)])])
      .default(0)
      .describe("Share of the colour circle that colours are turned by, from −x to x, or from [least, most]"),
  }),
  prepare({ shape, low, high }, { brightness, contrast, saturation, hue }) {
    const plane = shape[1]! * shape[2]!;
    const isColour = shape[0] === 3;
    const ranges = [around1(brightness), around1(contrast), around1(saturation), around0(hue)] as const;
    const neutral = [1, 1, 1, 0] as const;
    const grey = (image: Float32Array, pixel: number): number =>
      isColour
        ? LUMA[0] * image[pixel]! + LUMA[1] * image[plane + pixel]! + LUMA[2] * image[2 * plane + pixel]!
        : image[pixel % plane]!;
    const limit = (value: number): number => Math.min(high, Math.max(low, value));
    const blend = (image: Float32Array, by: number, towards: (pixel: number) => number): void => {
      for (let pixel = 0; pixel < plane; pixel++) {
        const other = towards(pixel);
        for (let index = pixel; index < image.length; index += plane)
          image[index] = limit(other + (image[index]! - other) * by);
      }
    };
    const changes = [
      (image: Float32Array, by: number) => blend(image, by, () => low),
      (image: Float32Array, by: number) => {
        let sum = 0;
        for (let pixel = 0; pixel < plane; pixel++) sum += grey(image, pixel);
        blend(image, by, () => sum / plane);
      },
      (image: Float32Array, by: number) => isColour && blend(image, by, (pixel) => grey(image, pixel)),
      (image: Float32Array, by: number) => isColour && turnHue(image, plane, by, low, high),
    ];
    return (image, random) => {
      const drawn = ranges.map((range) => draw(random, range));
      for (const which of permutation(4, random))
        if (drawn[which] !== neutral[which]) changes[which]!(image, drawn[which]!);
    };
  },
});

function around1(value: number | Range): Range {
  return typeof value === "number" ? [Math.max(0, 1 - value), 1 + value] : value;
}

function around0(value: number | Range): Range {
  return typeof value === "number" ? [-value, value] : value;
}

const draw = (random: RandomStream, range: Range): number => between(random, range);

/** RGB to hue, saturation and value and back (Smith 1978), the hue moved by `by` of the circle. */
function turnHue(image: Float32Array, plane: number, by: number, low: number, high: number): void {
  const span = high - low;
  for (let pixel = 0; pixel < plane; pixel++) {
    const [red, green, blue] = [image[pixel]! - low, image[plane + pixel]! - low, image[2 * plane + pixel]! - low];
    const most = Math.max(red, green, blue);
    const chroma = most - Math.min(red, green, blue);
    if (chroma === 0 || span === 0) continue;
    const sector =
      most === red ? (green - blue) / chroma : most === green ? 2 + (blue - red) / chroma : 4 + (red - green) / chroma;
    const hue = (((sector / 6 + by) % 1) + 1) % 1;
    for (const [channel, offset] of [5, 3, 1].entries()) {
      const k = (offset + hue * 6) % 6;
      image[channel * plane + pixel] = low + most - chroma * Math.max(0, Math.min(k, 4 - k, 1));
    }
  }
}
