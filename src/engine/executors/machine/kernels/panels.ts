/** @file Products of packed panels without edges: many small ones, as minimal filtering has them at each of its points. */
import { fma } from "./lanes";
import { pairOfStrips } from "./wideTile";
import { PAIRS } from "./width";

/** One tile: out[4][8] = Σ left[k][4] · right[k][8]. */
// @ts-ignore: decorator
@inline
function multiply(left: usize, right: usize, depth: i32, out: usize, line: usize): void {
  let c00 = f32x4.splat(0);
  let c01 = f32x4.splat(0);
  let c10 = f32x4.splat(0);
  let c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0);
  let c21 = f32x4.splat(0);
  let c30 = f32x4.splat(0);
  let c31 = f32x4.splat(0);
  for (const end = left + (<usize>depth << 4); left < end; left += 16, right += 32) {
    const b0 = v128.load(right);
    const b1 = v128.load(right, 16);
    let a = v128.load32_splat(left);
    c00 = fma(a, b0, c00);
    c01 = fma(a, b1, c01);
    a = v128.load32_splat(left, 4);
    c10 = fma(a, b0, c10);
    c11 = fma(a, b1, c11);
    a = v128.load32_splat(left, 8);
    c20 = fma(a, b0, c20);
    c21 = fma(a, b1, c21);
    a = v128.load32_splat(left, 12);
    c30 = fma(a, b0, c30);
    c31 = fma(a, b1, c31);
  }
  v128.store(out, c00);
  v128.store(out, c01, 16);
  out += line;
  v128.store(out, c10);
  v128.store(out, c11, 16);
  out += line;
  v128.store(out, c20);
  v128.store(out, c21, 16);
  out += line;
  v128.store(out, c30);
  v128.store(out, c31, 16);
}

/**
 * All tiles of left [quads][depth][4] and right [panels][depth][8]: out [quads · 4][panels · 8], `line` bytes from row to row.
 * A right panel is read once for each quad, a left one stays in the first-level cache.
 */
export function products(left: usize, right: usize, depth: i32, quads: i32, panels: i32, out: usize, line: usize): void {
  for (let quad = 0; quad < quads; quad++, left += <usize>depth << 4, out += line << 2) {
    let panel = 0;
    if (PAIRS) {
      for (; panel + 2 <= panels; panel += 2) {
        pairOfStrips(left, 0, 4, 16, right + <usize>panel * (<usize>depth << 5), <usize>depth << 5, depth, out + (<usize>panel << 5), line, 4, true, 0);
      }
    }
    for (; panel < panels; panel++) {
      multiply(left, right + <usize>panel * (<usize>depth << 5), depth, out + (<usize>panel << 5), line);
    }
  }
}
