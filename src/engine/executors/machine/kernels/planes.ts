/**
 * @file Planes as convolutions read them: cut into phases by the strides (every s-th row and column), each padded with zeros
 * and flat, so that a tap of the window is the same row shifted.
 */
import { HEAD_LENGTH } from "./layout";

/** Words of a cut: see `cut`. */
export const CUT_WORDS = 10;

/** Every other one of eight elements. */
// @ts-ignore: decorator
@inline
function everySecond(from: usize): v128 {
  return v128.shuffle<f32>(v128.load(from), v128.load(from, 16), 0, 2, 4, 6);
}

/** Elements `step` apart, side by side. */
// @ts-ignore: decorator
@inline
function pick(from: usize, to: usize, count: i32, step: i32): void {
  let i = 0;
  if (step == 1) for (; i + 4 <= count; i += 4, from += 16, to += 16) v128.store(to, v128.load(from));
  else if (step == 2) for (; i + 4 <= count; i += 4, from += 32, to += 16) v128.store(to, everySecond(from));
  for (; i < count; i++, from += <usize>step << 2, to += 4) store<f32>(to, load<f32>(from));
}

// @ts-ignore: decorator
@inline
function zeros(to: usize, count: i32): usize {
  for (; count > 0; count--, to += 4) store<f32>(to, 0);
  return to;
}

// @ts-ignore: decorator
@inline
function dividedUp(a: i32, by: i32): i32 {
  return (a + by - 1) / by;
}

/**
 * Channels [0, channels) of one image at `image` to `to`. The cut, at `at`: height, width, how far the image moves in (rows,
 * columns), strides (rows, columns), a phase's rows and columns, how many phases, their table of (first row, first column).
 */
export function cut(at: usize, image: usize, channels: i32, to: usize): void {
  const height = load<i32>(at);
  const width = load<i32>(at, 4);
  const top = load<i32>(at, 8);
  const left = load<i32>(at, 12);
  const down = load<i32>(at, 16);
  const across = load<i32>(at, 20);
  const rows = load<i32>(at, 24);
  const columns = load<i32>(at, 28);
  const phases = load<i32>(at, 32);
  const table = <usize>load<u32>(at, 36);
  const plane = <usize>(height * width) << 2;
  for (let channel = 0; channel < channels; channel++, image += plane) {
    for (let phase = 0; phase < phases; phase++) {
      const y0 = load<i32>(table + (<usize>phase << 3)) - top;
      const x0 = load<i32>(table + (<usize>phase << 3), 4) - left;
      // The columns before the image, and those of it.
      const before = min(columns, x0 < 0 ? dividedUp(-x0, across) : 0);
      const inside = max(0, min(columns - before, dividedUp(width - x0 - before * across, across)));
      for (let row = 0, y = y0; row < rows; row++, y += down) {
        if (y < 0 || y >= height) {
          to = zeros(to, columns);
          continue;
        }
        to = zeros(to, before);
        pick(image + (<usize>(y * width + x0 + before * across) << 2), to, inside, across);
        to = zeros(to + (<usize>inside << 2), columns - before - inside);
      }
    }
  }
}

/** Zeros behind the last plane, a row and 64 elements: read, and dropped. */
export function closeOff(at: usize, to: usize): void {
  memory.fill(to, 0, (<usize>load<i32>(at, 28) << 2) + 256);
}

/** Operands: image [planes, height, width], out, bytes of a cut plane, how many there are, the cut. Units: planes. */
export function planes(at: usize, from: i32, to: i32): void {
  at += HEAD_LENGTH;
  const image = <usize>load<u32>(at);
  const out = <usize>load<u32>(at, 4);
  const bytes = <usize>load<i32>(at, 8);
  const all = load<i32>(at, 12);
  const plane = <usize>(load<i32>(at, 16) * load<i32>(at, 20)) << 2;
  cut(at + 16, image + <usize>from * plane, to - from, out + <usize>from * bytes);
  if (to == all) closeOff(at + 16, out + <usize>all * bytes);
}
