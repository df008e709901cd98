/**
 * @file The innermost loop of products where V8 pairs vectors: a tile of 4 × 16, whose sixteen sums are then eight of 256
 * bits, as many as keep two multiply-adds a cycle busy. Each element is summed in the order of `tile.ts`: the same bits.
 */

import { fma } from "./lanes";
import { strip } from "./tile";

/**
 * Whole tiles of 4 × 16 one below the other: out[0..rows rounded down to fours, 0..16] is set when `first`, else added to.
 * The right operand is two panels of eight columns, the second `beside` bytes behind the first; with `packs` it is read from
 * `source`, sixteen columns side by side with `rightStep` bytes from row to row, and written to the panels on the way.
 */
// @ts-expect-error: decorator
@inline
function wideTiles(packs: bool, left: usize, quadStep: usize, rowStep: usize, step: usize, source: usize, rightStep: usize, panel: usize, beside: usize, depth: i32, out: usize, leading: usize, rows: i32, first: bool): void {
  const end = source + <usize>depth * rightStep;
  for (; rows >= 4; rows -= 4, left += quadStep, out += leading << 2) {
    const b = left + rowStep;
    const c = b + rowStep;
    const d = c + rowStep;
    let at: usize = 0;
    let right = source;
    let second = source + (packs ? 32 : beside);
    let z = f32x4.splat(0);
    let a0 = z;
    let a1 = z;
    let a2 = z;
    let a3 = z;
    let b0 = z;
    let b1 = z;
    let b2 = z;
    let b3 = z;
    let c0 = z;
    let c1 = z;
    let c2 = z;
    let c3 = z;
    let d0 = z;
    let d1 = z;
    let d2 = z;
    let d3 = z;
    do {
      const r0 = v128.load(right);
      const r1 = v128.load(right, 16);
      const r2 = v128.load(second);
      const r3 = v128.load(second, 16);
      if (packs) {
        v128.store(panel, r0);
        v128.store(panel, r1, 16);
        v128.store(panel + beside, r2);
        v128.store(panel + beside, r3, 16);
        panel += 32;
      }
      z = v128.load32_splat(left + at);
      a0 = fma(z, r0, a0);
      a1 = fma(z, r1, a1);
      a2 = fma(z, r2, a2);
      a3 = fma(z, r3, a3);
      z = v128.load32_splat(b + at);
      b0 = fma(z, r0, b0);
      b1 = fma(z, r1, b1);
      b2 = fma(z, r2, b2);
      b3 = fma(z, r3, b3);
      z = v128.load32_splat(c + at);
      c0 = fma(z, r0, c0);
      c1 = fma(z, r1, c1);
      c2 = fma(z, r2, c2);
      c3 = fma(z, r3, c3);
      z = v128.load32_splat(d + at);
      d0 = fma(z, r0, d0);
      d1 = fma(z, r1, d1);
      d2 = fma(z, r2, d2);
      d3 = fma(z, r3, d3);
      at += step;
      right += rightStep;
      second += rightStep;
    } while (right != end);
    keepRow(out, a0, a1, a2, a3, first);
    keepRow(out + leading, b0, b1, b2, b3, first);
    keepRow(out + 2 * leading, c0, c1, c2, c3, first);
    keepRow(out + 3 * leading, d0, d1, d2, d3, first);
  }
}

// @ts-expect-error: decorator
@inline
function keepRow(out: usize, s0: v128, s1: v128, s2: v128, s3: v128, first: bool): void {
  if (!first) {
    s0 = f32x4.add(s0, v128.load(out));
    s1 = f32x4.add(s1, v128.load(out, 16));
    s2 = f32x4.add(s2, v128.load(out, 32));
    s3 = f32x4.add(s3, v128.load(out, 48));
  }
  v128.store(out, s0);
  v128.store(out, s1, 16);
  v128.store(out, s2, 32);
  v128.store(out, s3, 48);
}

/** All whole tiles of 4 × 16 from two packed panels. */
// @ts-expect-error: decorator
@inline
function wideStrip(left: usize, quadStep: usize, rowStep: usize, step: usize, panel: usize, beside: usize, depth: i32, out: usize, leading: usize, rows: i32, first: bool): void {
  wideTiles(false, left, quadStep, rowStep, step, panel, 32, panel, beside, depth, out, leading, rows, first);
}

/** Four rows, from where the right operand stands, which is packed into two panels on the way. */
export function widePackingStrip(left: usize, rowStep: usize, step: usize, source: usize, rightStep: usize, panel: usize, beside: usize, depth: i32, out: usize, leading: usize, first: bool): void {
  wideTiles(true, left, 0, rowStep, step, source, rightStep, panel, beside, depth, out, leading, 4, first);
}

/** All rows of sixteen columns from two packed panels: in tiles of 4 × 16, and the last one to three rows panel by panel. */
export function pairOfStrips(left: usize, quadStep: usize, rowStep: usize, step: usize, panel: usize, beside: usize, depth: i32, out: usize, leading: usize, rows: i32, first: bool, spill: usize): void {
  wideStrip(left, quadStep, rowStep, step, panel, beside, depth, out, leading, rows, first);
  if ((rows & 3) == 0) return;
  const quads = <usize>rows >> 2;
  left += quads * quadStep;
  out += quads * (leading << 2);
  strip(left, quadStep, rowStep, step, panel, depth, out, leading, rows & 3, 8, first, spill);
  strip(left, quadStep, rowStep, step, panel + beside, depth, out + 32, leading, rows & 3, 8, first, spill);
}
