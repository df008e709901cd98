/**
 * @file The innermost loop of products: a tile of 4 × 8 in eight vectors, which is what V8 keeps in registers. A pass over
 * one depth is 8 multiply-adds, 6 loads and as few other instructions as fit beside them in four cycles: four leading
 * addresses that share one index, and two passes a turn with a way out between them, for V8 would move all loads of a longer
 * stretch to its front, and spill. Measured: 54 of 56 GFLOP/s, 50 with one pass a turn and a packed left operand.
 */

import { fma } from "./lanes";

/**
 * Tiles of 4 × 8 one below the other: out[0..rows, 0..columns] (leading in bytes) is set when `first`, else added to. The right
 * operand is eight columns wide, with `rightStep` bytes from row to row; with `packs` they are written to `panel` on the way.
 * The left one may stand in any way: `quadStep`, `rowStep` and `step` are bytes to the next four rows, to the next row, and to
 * the next column. Rows and columns outside are dropped.
 */
// @ts-expect-error: decorator
@inline
function tiles(packs: bool, left: usize, quadStep: usize, rowStep: usize, step: usize, source: usize, rightStep: usize, panel: usize, depth: i32, out: usize, leading: usize, rows: i32, columns: i32, first: bool, spill: usize): void {
  const end = source + <usize>depth * rightStep;
  for (; rows > 0; rows -= 4, left += quadStep, out += leading << 2) {
    const a = left;
    const b = left + rowStep * min(1, rows - 1);
    const c = left + rowStep * min(2, rows - 1);
    const d = left + rowStep * min(3, rows - 1);
    let at: usize = 0;
    let right = source;
    let x = f32x4.splat(0);
    let y = x;
    let z = x;
    let a0 = x;
    let a1 = x;
    let b0 = x;
    let b1 = x;
    let c0 = x;
    let c1 = x;
    let d0 = x;
    let d1 = x;
    while (true) {
      x = v128.load(right);
      y = v128.load(right, 16);
      if (packs) {
        v128.store(panel, x);
        v128.store(panel, y, 16);
        panel += 32;
      }
      z = v128.load32_splat(a + at);
      a0 = fma(z, x, a0);
      a1 = fma(z, y, a1);
      z = v128.load32_splat(b + at);
      b0 = fma(z, x, b0);
      b1 = fma(z, y, b1);
      z = v128.load32_splat(c + at);
      c0 = fma(z, x, c0);
      c1 = fma(z, y, c1);
      z = v128.load32_splat(d + at);
      d0 = fma(z, x, d0);
      d1 = fma(z, y, d1);
      at += step;
      right += rightStep;
      if (right == end) break;
      x = v128.load(right);
      y = v128.load(right, 16);
      if (packs) {
        v128.store(panel, x);
        v128.store(panel, y, 16);
        panel += 32;
      }
      z = v128.load32_splat(a + at);
      a0 = fma(z, x, a0);
      a1 = fma(z, y, a1);
      z = v128.load32_splat(b + at);
      b0 = fma(z, x, b0);
      b1 = fma(z, y, b1);
      z = v128.load32_splat(c + at);
      c0 = fma(z, x, c0);
      c1 = fma(z, y, c1);
      z = v128.load32_splat(d + at);
      d0 = fma(z, x, d0);
      d1 = fma(z, y, d1);
      at += step;
      right += rightStep;
      if (right == end) break;
    }
    if (rows >= 4 && columns >= 8) {
      if (!first) {
        a0 = f32x4.add(a0, v128.load(out));
        a1 = f32x4.add(a1, v128.load(out, 16));
        b0 = f32x4.add(b0, v128.load(out + leading));
        b1 = f32x4.add(b1, v128.load(out + leading, 16));
        c0 = f32x4.add(c0, v128.load(out + 2 * leading));
        c1 = f32x4.add(c1, v128.load(out + 2 * leading, 16));
        d0 = f32x4.add(d0, v128.load(out + 3 * leading));
        d1 = f32x4.add(d1, v128.load(out + 3 * leading, 16));
      }
      v128.store(out, a0);
      v128.store(out, a1, 16);
      v128.store(out + leading, b0);
      v128.store(out + leading, b1, 16);
      v128.store(out + 2 * leading, c0);
      v128.store(out + 2 * leading, c1, 16);
      v128.store(out + 3 * leading, d0);
      v128.store(out + 3 * leading, d1, 16);
      continue;
    }
    v128.store(spill, a0);
    v128.store(spill, a1, 16);
    v128.store(spill, b0, 32);
    v128.store(spill, b1, 48);
    v128.store(spill, c0, 64);
    v128.store(spill, c1, 80);
    v128.store(spill, d0, 96);
    v128.store(spill, d1, 112);
    keepPart(spill, out, leading, min(rows, 4), min(columns, 8), first);
  }
}

/** Tiles from a packed panel. */
export function strip(left: usize, quadStep: usize, rowStep: usize, step: usize, panel: usize, depth: i32, out: usize, leading: usize, rows: i32, columns: i32, first: bool, spill: usize): void {
  tiles(false, left, quadStep, rowStep, step, panel, 32, panel, depth, out, leading, rows, columns, first, spill);
}

/** At most four rows, from where the right operand stands: the multiply-adds leave time to write its panel. */
export function packingStrip(left: usize, rowStep: usize, step: usize, source: usize, rightStep: usize, panel: usize, depth: i32, out: usize, leading: usize, rows: i32, columns: i32, first: bool, spill: usize): void {
  tiles(true, left, 0, rowStep, step, source, rightStep, panel, depth, out, leading, min(rows, 4), columns, first, spill);
}

/** The part of a spilled tile that lies inside. */
function keepPart(spill: usize, out: usize, leading: usize, rows: i32, columns: i32, first: bool): void {
  for (let i = 0; i < rows; i++, out += leading, spill += 32) {
    for (let j: usize = 0, end = <usize>columns << 2; j < end; j += 4) {
      const value = load<f32>(spill + j);
      store<f32>(out + j, first ? value : load<f32>(out + j) + value);
    }
  }
}

/** One 4 × 8 tile from a packed quad and a packed panel. */
export function tile(left: usize, right: usize, depth: i32, out: usize, leading: usize, rows: i32, columns: i32, first: bool, spill: usize): void {
  strip(left, 0, 4, 16, right, depth, out, leading, min(rows, 4), columns, first, spill);
}
