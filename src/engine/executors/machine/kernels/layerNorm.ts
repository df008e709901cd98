/**
 * @file Layer norm and its gradients, row by row: a row is read from memory once, and stands in the first-level cache while its
 * moments are taken. The way back takes them again, so that nothing is kept of them.
 */
import { fma, fnma, splat, sumLanes } from "./lanes";
import { HEAD_LENGTH, LAYER_ROWS } from "./layout";

// Of the row that was looked at last. One thread's copy each: globals belong to an instance of the module.
let mean: f32 = 0;
/** 1 / √(variance + epsilon). */
let factor: f32 = 0;

// @ts-expect-error: decorator
@inline
function fold(a: v128, b: v128, c: v128, d: v128): f32 {
  return sumLanes(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)));
}

/** Takes the moments of `bytes` from `at` on; `share` is 1 / how many they are. */
function look(at: usize, bytes: usize, share: f32, epsilon: f32): void {
  let a = splat(0);
  let b = a;
  let c = a;
  let d = a;
  let i: usize = 0;
  for (; i + 64 <= bytes; i += 64) {
    a = f32x4.add(a, v128.load(at + i));
    b = f32x4.add(b, v128.load(at + i, 16));
    c = f32x4.add(c, v128.load(at + i, 32));
    d = f32x4.add(d, v128.load(at + i, 48));
  }
  for (; i < bytes; i += 16) a = f32x4.add(a, v128.load(at + i));
  mean = fold(a, b, c, d) * share;
  const centre = splat(mean);
  a = splat(0);
  b = a;
  c = a;
  d = a;
  for (i = 0; i + 64 <= bytes; i += 64) {
    const w = f32x4.sub(v128.load(at + i), centre);
    const x = f32x4.sub(v128.load(at + i, 16), centre);
    const y = f32x4.sub(v128.load(at + i, 32), centre);
    const z = f32x4.sub(v128.load(at + i, 48), centre);
    a = fma(w, w, a);
    b = fma(x, x, b);
    c = fma(y, y, c);
    d = fma(z, z, d);
  }
  for (; i < bytes; i += 16) {
    const w = f32x4.sub(v128.load(at + i), centre);
    a = fma(w, w, a);
  }
  factor = 1 / sqrt<f32>(fold(a, b, c, d) * share + epsilon);
}

/** Operands: x [units, length], scale and shift [length], out, length (a multiple of 4), epsilon. */
export function layerNorm(at: usize, from: i32, to: i32): void {
  at += HEAD_LENGTH;
  const length = load<i32>(at, 16);
  const bytes = <usize>length << 2;
  const epsilon = load<f32>(at, 20);
  const share: f32 = 1 / <f32>length;
  let x = <usize>load<u32>(at) + <usize>from * bytes;
  const scale = <usize>load<u32>(at, 4);
  const shift = <usize>load<u32>(at, 8);
  let out = <usize>load<u32>(at, 12) + <usize>from * bytes;
  for (let row = from; row < to; row++, x += bytes, out += bytes) {
    look(x, bytes, share, epsilon);
    const centre = splat(mean);
    const width = splat(factor);
    for (let i: usize = 0; i < bytes; i += 16) {
      const standard = f32x4.mul(f32x4.sub(v128.load(x + i), centre), width);
      v128.store(out + i, fma(standard, v128.load(scale + i), v128.load(shift + i)));
    }
  }
}

/**
 * Operands: the result's gradient and x [rows, length], scale [length], x's gradient, sums for scale's gradient and for
 * shift's [units, length], length (a multiple of 4), epsilon, rows. A unit is so many rows, which are summed in their order.
 */
export function layerNormGradients(at: usize, from: i32, to: i32): void {
  at += HEAD_LENGTH;
  const length = load<i32>(at, 24);
  const bytes = <usize>length << 2;
  const epsilon = load<f32>(at, 28);
  const rows = load<i32>(at, 32);
  const share: f32 = 1 / <f32>length;
  const scale = <usize>load<u32>(at, 8);
  for (let unit = from; unit < to; unit++) {
    const sumsAt = <usize>unit * bytes;
    const ofScale = <usize>load<u32>(at, 16) + sumsAt;
    const ofShift = <usize>load<u32>(at, 20) + sumsAt;
    memory.fill(ofScale, 0, bytes);
    memory.fill(ofShift, 0, bytes);
    const first = unit * LAYER_ROWS;
    const end = min(rows, first + LAYER_ROWS);
    for (let row = first; row < end; row++) {
      const offset = <usize>row * bytes;
      back(<usize>load<u32>(at) + offset, <usize>load<u32>(at, 4) + offset, scale, <usize>load<u32>(at, 12) + offset, ofScale, ofShift, bytes, share, epsilon);
    }
  }
}

/** The gradients of one row, of which those of scale and shift are added to. */
function back(dy: usize, x: usize, scale: usize, dx: usize, ofScale: usize, ofShift: usize, bytes: usize, share: f32, epsilon: f32): void {
  look(x, bytes, share, epsilon);
  const centre = splat(mean);
  const width = splat(factor);
  let plain = splat(0);
  let along = plain;
  for (let i: usize = 0; i < bytes; i += 16) {
    const flowing = v128.load(dy + i);
    const standard = f32x4.mul(f32x4.sub(v128.load(x + i), centre), width);
    v128.store(ofShift + i, f32x4.add(v128.load(ofShift + i), flowing));
    v128.store(ofScale + i, fma(flowing, standard, v128.load(ofScale + i)));
    const scaled = f32x4.mul(flowing, v128.load(scale + i));
    plain = f32x4.add(plain, scaled);
    along = fma(scaled, standard, along);
  }
  const mine = splat(sumLanes(plain) * share);
  const tilt = splat(sumLanes(along) * share);
  for (let i: usize = 0; i < bytes; i += 16) {
    const standard = f32x4.mul(f32x4.sub(v128.load(x + i), centre), width);
    const rest = f32x4.sub(f32x4.mul(v128.load(dy + i), v128.load(scale + i)), mine);
    v128.store(dx + i, f32x4.mul(fnma(standard, tilt, rest), width));
  }
}
