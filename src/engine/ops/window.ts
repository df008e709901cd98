/** @file Windows that slide over an image: where they stand, what they see. Convolutions and pooling share this. */
import { Fault } from "../fault.ts";
import type { NdArray, Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { expectThat } from "./expect.ts";
import { forEachIndex } from "./loops.ts";

/** By spatial axis. `before` and `after` are padding; a dilation of d looks at every d-th element. */
export type Sliding = {
  strides: readonly number[];
  before: readonly number[];
  after: readonly number[];
  dilations: readonly number[];
};

/** As layers are written. A number stands for every axis. `same`: ⌈size / stride⌉ places, odd padding at the end. */
export interface SlidingOptions {
  readonly strides?: number | readonly number[];
  readonly padding?: number | "same" | "valid" | readonly (readonly [before: number, after: number])[];
  readonly dilations?: number | readonly number[];
}

function byAxis(
  value: number | readonly number[] | undefined,
  rank: number,
  name: string,
  fallback: number,
): readonly number[] {
  const list =
    typeof value === "number" ? new Array<number>(rank).fill(value) : (value ?? new Array<number>(rank).fill(fallback));
  if (list.length === rank && list.every((n) => Number.isInteger(n) && n >= 1)) return list;
  throw new Fault("SHAPE_MISMATCH", `${name} [${list}] does not fit ${rank} spatial axes`, {
    hint: "give one number of at least 1, or one for each axis",
  });
}

/** Options made explicit for an image of spatial `size` and a window of `window`. */
export function slidingOf(size: Shape, window: Shape, { strides, padding = 0, dilations }: SlidingOptions): Sliding {
  const rank = size.length;
  const [stride, dilation] = [byAxis(strides, rank, "strides", 1), byAxis(dilations, rank, "dilations", 1)];
  const pairs = size.map((length, axis): readonly [number, number] => {
    if (typeof padding === "number") return [padding, padding];
    if (padding === "valid") return [0, 0];
    if (padding !== "same") return padding[axis] ?? [0, 0];
    const seen = (window[axis]! - 1) * dilation[axis]! + 1;
    const total = Math.max(0, (Math.ceil(length / stride[axis]!) - 1) * stride[axis]! + seen - length);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  });
  return { strides: stride, dilations: dilation, before: pairs.map(([n]) => n), after: pairs.map(([, n]) => n) };
}

/** Where `to` windows that see all of `from` elements start and end, as even as they get. */
function adaptivePlaces(from: number, to: number): (readonly [start: number, end: number])[] {
  return Array.from({ length: to }, (_, place) => [
    Math.floor((place * from) / to),
    Math.ceil(((place + 1) * from) / to),
  ]);
}

/** [from, to]: what each of `from` elements gives to each of `to` windows that average them all. */
export function adaptiveShares(from: number, to: number): NdArray {
  const data = new Float64Array(from * to);
  for (const [place, [start, end]] of adaptivePlaces(from, to).entries()) {
    for (let i = start; i < end; i++) data[i * to + place] = 1 / (end - start);
  }
  return { dtype: "F64", shape: [from, to], data };
}

/** [to, widest]: the positions that each of `to` windows sees, the last of them again where a window is narrower. */
export function adaptiveWindows(from: number, to: number): NdArray {
  const places = adaptivePlaces(from, to);
  const widest = Math.max(0, ...places.map(([start, end]) => end - start));
  const data = places.flatMap(([start, end]) => Array.from({ length: widest }, (_, i) => Math.min(start + i, end - 1)));
  return { dtype: "I32", shape: [to, widest], data: Int32Array.from(data) };
}

/** How many places a window has along each axis. */
export function placesOf(size: Shape, window: Shape, { strides, before, after, dilations }: Sliding): number[] {
  const lists = [strides, before, after, dilations];
  expectThat(
    lists.every((list) => list.length === size.length) && window.length === size.length,
    `a window of ${window.length} axes over ${size.length}`,
    "give window, strides, padding and dilations for each spatial axis",
  );
  return size.map((length, axis) => {
    const room = before[axis]! + length + after[axis]! - (window[axis]! - 1) * dilations[axis]! - 1;
    return Math.max(0, Math.floor(room / strides[axis]!) + 1);
  });
}

/** Every window's place and every offset in it that falls inside the image, with the positions of all three in C order. */
export function forEachSeen(
  size: Shape,
  window: Shape,
  sliding: Sliding,
  visit: (seen: number, offset: number, place: number) => void,
): void {
  const { strides, before, dilations } = sliding;
  forEachIndex(placesOf(size, window, sliding), (place, placePosition) => {
    forEachIndex(window, (offset, offsetPosition) => {
      let seen = 0;
      for (let axis = 0; axis < size.length; axis++) {
        const at = place[axis]! * strides[axis]! - before[axis]! + offset[axis]! * dilations[axis]!;
        if (at < 0 || at >= size[axis]!) return;
        seen = seen * size[axis]! + at;
      }
      visit(seen, offsetPosition, placePosition);
    });
  });
}

/** For each offset in the window, in C order: where its slice of the padded image starts, over all axes of [n, c, ...size]. */
export function startsOf(window: Shape, { dilations }: Sliding): number[][] {
  const starts: number[][] = [];
  forEachIndex(window, (offset) => starts.push([0, 0, ...offset.map((i, axis) => i * dilations[axis]!)]));
  return starts;
}

/** For each offset in the window, in C order: what all places see there, [n, c, ...places]. */
export function views(x: Tensor, window: Shape, sliding: Sliding, padding: number): Tensor[] {
  const [n, c, ...size] = x.shape as [number, number, ...number[]];
  const places = placesOf(size, window, sliding);
  const { before, after, strides } = sliding;
  const padded = x.pad([0, 0, ...before], [0, 0, ...after], padding);
  return startsOf(window, sliding).map((starts) => {
    const from = starts.map((start, axis) => (places[axis - 2] === 0 ? 0 : start));
    const to = places.map((count, axis) => (count === 0 ? 0 : from[axis + 2]! + (count - 1) * strides[axis]! + 1));
    return padded.slice(from, [n, c, ...to], [1, 1, ...strides]);
  });
}
