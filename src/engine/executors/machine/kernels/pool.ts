/** @file Max pooling of planes: the largest element of each window, where it stands, its gradient; and sums at positions along an axis. */
import { HEAD_LENGTH } from "./layout";

/** Where in its plane the largest element of a window stands, the first of equals, NaN before all; −1 where it sees nothing. */
// @ts-ignore: decorator
@inline
function largest(image: usize, height: i32, width: i32, top: i32, left: i32, rows: i32, columns: i32, down: i32, across: i32): i32 {
  let best: f32 = -Infinity;
  let position = -1;
  for (let i = 0, y = top; i < rows; i++, y += down) {
    if (<u32>y >= <u32>height) continue;
    for (let j = 0, x = left; j < columns; j++, x += across) {
      if (<u32>x >= <u32>width) continue;
      const here = y * width + x;
      const value = load<f32>(image + (<usize>here << 2));
      // Not "at most the best" is: larger, or NaN.
      const isBetter = i32(position < 0) | (i32(!(value <= best)) & i32(best == best));
      best = select<f32>(value, best, isBetter != 0);
      position = select<i32>(here, position, isBetter != 0);
    }
  }
  return position;
}

/** Lanes where b comes before a, which stands before it: larger, or NaN where a is none. */
// @ts-ignore: decorator
@inline
function beats(b: v128, a: v128): v128 {
  return v128.andnot(f32x4.eq(a, a), f32x4.le(b, a));
}

/** The largest of each 2 × 2 elements of a plane, for at least four columns of places. */
function halve(image: usize, width: i32, rows: i32, columns: i32, out: usize): void {
  const next = <usize>width << 2;
  for (let row = 0; row < rows; row++) {
    const line = image + <usize>(2 * row) * next;
    for (let column = 0; column < columns; column += 4) {
      const place = <usize>min(column, columns - 4);
      const top = line + (place << 3);
      const a = v128.load(top);
      const b = v128.load(top, 16);
      const c = v128.load(top + next);
      const d = v128.load(top + next, 16);
      const upper = f32x4.max(v128.shuffle<f32>(a, b, 0, 2, 4, 6), v128.shuffle<f32>(a, b, 1, 3, 5, 7));
      const lower = f32x4.max(v128.shuffle<f32>(c, d, 0, 2, 4, 6), v128.shuffle<f32>(c, d, 1, 3, 5, 7));
      v128.store(out + (place << 2), f32x4.max(upper, lower));
    }
    out += <usize>columns << 2;
  }
}

/** `halve`'s gradient: each element of dy where the largest of its four stands, zeros elsewhere. */
function unhalve(image: usize, width: i32, rows: i32, columns: i32, dy: usize, dx: usize): void {
  const next = <usize>width << 2;
  for (let row = 0; row < rows; row++) {
    const line = <usize>(2 * row) * next;
    for (let column = 0; column < columns; column += 4) {
      const place = <usize>min(column, columns - 4);
      const top = image + line + (place << 3);
      const v = v128.load(top);
      const w = v128.load(top, 16);
      const a = v128.shuffle<f32>(v, w, 0, 2, 4, 6);
      const b = v128.shuffle<f32>(v, w, 1, 3, 5, 7);
      const x = v128.load(top + next);
      const y = v128.load(top + next, 16);
      const c = v128.shuffle<f32>(x, y, 0, 2, 4, 6);
      const d = v128.shuffle<f32>(x, y, 1, 3, 5, 7);
      const isSecond = beats(b, a);
      const upper = v128.bitselect(b, a, isSecond);
      const isThird = beats(c, upper);
      const isFourth = beats(d, v128.bitselect(c, upper, isThird));
      const slope = v128.load(dy + (place << 2));
      const notFourth = v128.andnot(slope, isFourth);
      const ofUpper = v128.andnot(notFourth, isThird);
      const first = v128.andnot(ofUpper, isSecond);
      const second = v128.and(ofUpper, isSecond);
      const third = v128.and(notFourth, isThird);
      const fourth = v128.and(slope, isFourth);
      const write = dx + line + (place << 3);
      v128.store(write, v128.shuffle<f32>(first, second, 0, 4, 1, 5));
      v128.store(write, v128.shuffle<f32>(first, second, 2, 6, 3, 7), 16);
      v128.store(write + next, v128.shuffle<f32>(third, fourth, 0, 4, 1, 5));
      v128.store(write + next, v128.shuffle<f32>(third, fourth, 2, 6, 3, 7), 16);
    }
    dy += <usize>columns << 2;
  }
}

/** Whether windows are 2 × 2, side by side, inside the plane, and enough for a vector. */
// @ts-ignore: decorator
@inline
function isHalving(height: i32, width: i32, rows: i32, columns: i32, geometry: usize): bool {
  for (let word: usize = 0; word < 32; word += 4) {
    if (load<i32>(geometry + word) != (word < 16 ? 2 : word < 24 ? 0 : 1)) return false;
  }
  return columns >= 4 && 2 * rows <= height && 2 * columns <= width;
}

/**
 * Operands: source [planes, height, width], out [planes, rows, columns], height, width, rows, columns, then window, strides,
 * padding before and dilations, each for rows and columns; 1 for positions instead of values. Units are planes. Of equals
 * the first is chosen, NaN before all; a window that sees nothing gives −∞, or −1.
 */
export function maxPool(at: usize, from: i32, to: i32): void {
  at += HEAD_LENGTH;
  const source = <usize>load<u32>(at);
  const out = <usize>load<u32>(at, 4);
  const height = load<i32>(at, 8);
  const width = load<i32>(at, 12);
  const rows = load<i32>(at, 16);
  const columns = load<i32>(at, 20);
  const windowRows = load<i32>(at, 24);
  const windowColumns = load<i32>(at, 28);
  const strideRows = load<i32>(at, 32);
  const strideColumns = load<i32>(at, 36);
  const beforeRows = load<i32>(at, 40);
  const beforeColumns = load<i32>(at, 44);
  const dilationRows = load<i32>(at, 48);
  const dilationColumns = load<i32>(at, 52);
  const givesPositions = load<i32>(at, 56) != 0;
  for (let plane = from; plane < to; plane++) {
    const image = source + ((<usize>plane * height * width) << 2);
    let write = out + ((<usize>plane * rows * columns) << 2);
    if (!givesPositions && isHalving(height, width, rows, columns, at + 24)) {
      halve(image, width, rows, columns, write);
      continue;
    }
    for (let row = 0; row < rows; row++) {
      let column = 0;
      while (column < columns) {
        // Four places at once, where all of their windows lie inside the rows; the last four may overlap the ones before.
        const back = columns >= 4 ? max(0, column + 4 - columns) : 0;
        const left = (column - back) * strideColumns - beforeColumns;
        const right = left + 3 * strideColumns + (windowColumns - 1) * dilationColumns;
        if (strideColumns <= 2 && columns >= 4 && left >= 0 && right < width) {
          let best = f32x4.splat(-Infinity);
          let position = i32x4.splat(-1);
          let y = row * strideRows - beforeRows;
          for (let i = 0; i < windowRows; i++, y += dilationRows) {
            if (<u32>y >= <u32>height) continue;
            for (let j = 0; j < windowColumns; j++) {
              const first = y * width + left + j * dilationColumns;
              const place = image + (<usize>first << 2);
              let value = v128.load(place);
              let here = i32x4(0, 1, 2, 3);
              if (strideColumns == 2) {
                value = v128.shuffle<f32>(value, v128.load(place, 16), 0, 2, 4, 6);
                here = i32x4(0, 2, 4, 6);
              }
              const isLarger = v128.andnot(f32x4.eq(best, best), f32x4.le(value, best));
              const isBetter = v128.or(i32x4.lt_s(position, i32x4.splat(0)), isLarger);
              best = v128.bitselect(value, best, isBetter);
              position = v128.bitselect(i32x4.add(here, i32x4.splat(first)), position, isBetter);
            }
          }
          write -= <usize>back << 2;
          v128.store(write, givesPositions ? position : best);
          column += 4 - back;
          write += 16;
          continue;
        }
        const top = row * strideRows - beforeRows;
        const start = column * strideColumns - beforeColumns;
        const position = largest(image, height, width, top, start, windowRows, windowColumns, dilationRows, dilationColumns);
        const best: f32 = position < 0 ? <f32>-Infinity : load<f32>(image + (<usize>position << 2));
        if (givesPositions) store<i32>(write, position);
        else store<f32>(write, best);
        column++;
        write += 4;
      }
    }
  }
}

/** Operands: source, gradient [planes, rows, columns], out like the source, then as `maxPool` from the height on. Units: planes. */
export function maxPoolGradient(at: usize, from: i32, to: i32): void {
  at += HEAD_LENGTH;
  const source = <usize>load<u32>(at);
  const gradient = <usize>load<u32>(at, 4);
  const out = <usize>load<u32>(at, 8);
  const height = load<i32>(at, 12);
  const width = load<i32>(at, 16);
  const rows = load<i32>(at, 20);
  const columns = load<i32>(at, 24);
  const geometry = at + 28;
  const areHalves = isHalving(height, width, rows, columns, geometry);
  const bytes = (<usize>height * width) << 2;
  for (let plane = from; plane < to; plane++) {
    const image = source + <usize>plane * bytes;
    const dx = out + <usize>plane * bytes;
    let dy = gradient + ((<usize>plane * rows * columns) << 2);
    if (!areHalves || 2 * rows < height || 2 * columns < width) memory.fill(dx, 0, bytes);
    if (areHalves) {
      unhalve(image, width, rows, columns, dy, dx);
      continue;
    }
    for (let row = 0; row < rows; row++) {
      const top = row * load<i32>(geometry, 8) - load<i32>(geometry, 16);
      for (let column = 0; column < columns; column++, dy += 4) {
        const left = column * load<i32>(geometry, 12) - load<i32>(geometry, 20);
        const position = largest(image, height, width, top, left, load<i32>(geometry), load<i32>(geometry, 4), load<i32>(geometry, 24), load<i32>(geometry, 28));
        if (position < 0) continue;
        const write = dx + (<usize>position << 2);
        store<f32>(write, load<f32>(write) + load<f32>(dy));
      }
    }
  }
}

/**
 * Operands: updates [outer, count, inner], indices of the same shape, out [outer, size, inner], count, size, inner, 1 for
 * integers. Adds each update at its index along the middle axis, in order. Units: outer.
 */
export function scatterAlong(at: usize, from: i32, to: i32): void {
  at += HEAD_LENGTH;
  const updates = <usize>load<u32>(at);
  const indices = <usize>load<u32>(at, 4);
  const out = <usize>load<u32>(at, 8);
  const count = load<i32>(at, 12);
  const size = load<i32>(at, 16);
  const inner = load<i32>(at, 20);
  const isInteger = load<i32>(at, 24) != 0;
  for (let outer = from; outer < to; outer++) {
    const target = out + ((<usize>outer * size * inner) << 2);
    memory.fill(target, 0, (<usize>size * inner) << 2);
    let offset = (<usize>outer * count * inner) << 2;
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < inner; j++, offset += 4) {
        const index = load<i32>(indices + offset);
        if (<u32>index >= <u32>size) continue;
        const write = target + ((<usize>index * inner + j) << 2);
        if (isInteger) store<i32>(write, load<i32>(write) + load<i32>(updates + offset));
        else store<f32>(write, load<f32>(write) + load<f32>(updates + offset));
      }
    }
  }
}
