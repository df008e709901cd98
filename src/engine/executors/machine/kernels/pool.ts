/** @file Max pooling of planes: the largest element of each window, or where it stands; and sums at positions along an axis. */
import { HEAD_LENGTH } from "./layout";

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
        let best: f32 = -Infinity;
        let position = -1;
        let y = row * strideRows - beforeRows;
        for (let i = 0; i < windowRows; i++, y += dilationRows) {
          if (<u32>y >= <u32>height) continue;
          let x = column * strideColumns - beforeColumns;
          for (let j = 0; j < windowColumns; j++, x += dilationColumns) {
            if (<u32>x >= <u32>width) continue;
            const here = y * width + x;
            const value = load<f32>(image + (<usize>here << 2));
            // Not "at most the best" is: larger, or NaN.
            const isBetter = i32(position < 0) | (i32(!(value <= best)) & i32(best == best));
            best = select<f32>(value, best, isBetter != 0);
            position = select<i32>(here, position, isBetter != 0);
          }
        }
        if (givesPositions) store<i32>(write, position);
        else store<f32>(write, best);
        column++;
        write += 4;
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
