/** @file Pictures brought to another size: each new pixel the mean of those it covers, weighted by a triangle. */
import type { Picture } from "../files/picture.ts";

/** Which pixels of a line make each new one, and how much each counts. */
interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** By new pixel, `most` apart. */
  readonly weights: Float64Array;
  readonly most: number;
}

/**
 * The bilinear filter of Pillow and of torchvision with `antialias`: a triangle as wide as two old pixels, or, where the
 * picture shrinks, as two new ones.
 */
export function resize(picture: Picture, height: number, width: number): Picture {
  if (picture.height === height && picture.width === width) return picture;
  const { channels } = picture;
  const wide = alongRows(picture.pixels, picture.height, picture.width, channels, tapsOf(picture.width, width));
  // Rows become one long pixel each, so that the same pass works along columns.
  const pixels = alongRows(wide, 1, picture.height, width * channels, tapsOf(picture.height, height));
  return { width, height, channels, pixels };
}

function tapsOf(from: number, to: number): Taps {
  const scale = from / to;
  const reach = Math.max(1, scale);
  const most = 2 * Math.ceil(reach) + 1;
  const taps: Taps = {
    first: new Int32Array(to),
    count: new Int32Array(to),
    weights: new Float64Array(to * most),
    most,
  };
  for (let place = 0; place < to; place++) {
    const centre = (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const count = Math.min(from, Math.trunc(centre + reach + 0.5)) - first;
    let sum = 0;
    for (let tap = 0; tap < count; tap++) {
      const weight = Math.max(0, 1 - Math.abs((first + tap + 0.5 - centre) / reach));
      taps.weights[place * most + tap] = weight;
      sum += weight;
    }
    for (let tap = 0; tap < count; tap++) taps.weights[place * most + tap]! /= sum;
    taps.first[place] = first;
    taps.count[place] = count;
  }
  return taps;
}

/** @param pixels lines × length × channels. @returns lines × new length × channels, rounded. */
function alongRows(
  pixels: Uint8Array,
  lines: number,
  length: number,
  channels: number,
  { first, count, weights, most }: Taps,
): Uint8Array {
  const resized = new Uint8Array(lines * first.length * channels);
  let to = 0;
  for (let line = 0; line < lines; line++) {
    for (let place = 0; place < first.length; place++) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (let tap = 0; tap < count[place]!; tap++)
          sum += weights[place * most + tap]! * pixels[(line * length + first[place]! + tap) * channels + channel]!;
        resized[to++] = Math.round(sum);
      }
    }
  }
  return resized;
}
