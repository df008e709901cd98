/**
 * @file Convolution with 3 × 3 windows by Winograd's minimal filtering F(2×2, 3×3) (Lavin and Gray 2016, section 4.1): 16
 * products for 4 places instead of 36, with sums, differences and halves alone, so that rounding stays near the plain sum's.
 * Four lanes are four neighbouring tiles, a group of 2 × 8 places; the image is read where it stands.
 */
import { HEAD_LENGTH } from "./layout";
import { products } from "./panels";

/** Scratch: a row of zeros for rows outside the image, then what is known of each group; the rest where the instruction says. */
const ZEROS: usize = 0;
const GROUPS: usize = 64;
/** Of a group: its four rows in the first channel, how far each is from channel to channel, where its places go, how many there are, and which columns are inside. */
const GROUP_BYTES: usize = 128;
const STEPS: usize = 16;
const TARGET: usize = 32;
const HIGH: usize = 36;
const WIDE: usize = 40;
const INSIDE: usize = 64;

/** Bᵀ d along a row: eight columns and two more, as four tiles' four elements, at the four points. */
// @ts-ignore: decorator
@inline
function spreadRow(a: v128, b: v128, c: v128, d: v128, inside: usize, to: usize, step: usize): void {
  a = v128.and(a, v128.load(inside));
  b = v128.and(b, v128.load(inside, 16));
  c = v128.and(c, v128.load(inside, 32));
  d = v128.and(d, v128.load(inside, 48));
  const d0 = v128.shuffle<f32>(a, b, 0, 2, 4, 6);
  const d1 = v128.shuffle<f32>(a, b, 1, 3, 5, 7);
  const d2 = v128.shuffle<f32>(c, d, 0, 2, 4, 6);
  const d3 = v128.shuffle<f32>(c, d, 1, 3, 5, 7);
  v128.store(to, f32x4.sub(d0, d2));
  v128.store(to + step, f32x4.add(d1, d2));
  v128.store(to + 2 * step, f32x4.sub(d2, d1));
  v128.store(to + 3 * step, f32x4.sub(d1, d3));
}

/** Four tiles of 4 × 4 elements, whose rows start at r0 to r3, to 16 vectors `step` apart. */
function spreadTiles(r0: usize, r1: usize, r2: usize, r3: usize, inside: usize, to: usize, step: usize): void {
  const row = 4 * step;
  spreadRow(
    f32x4.sub(v128.load(r0), v128.load(r2)),
    f32x4.sub(v128.load(r0, 16), v128.load(r2, 16)),
    f32x4.sub(v128.load(r0, 8), v128.load(r2, 8)),
    f32x4.sub(v128.load(r0, 24), v128.load(r2, 24)),
    inside,
    to,
    step,
  );
  spreadRow(
    f32x4.add(v128.load(r1), v128.load(r2)),
    f32x4.add(v128.load(r1, 16), v128.load(r2, 16)),
    f32x4.add(v128.load(r1, 8), v128.load(r2, 8)),
    f32x4.add(v128.load(r1, 24), v128.load(r2, 24)),
    inside,
    to + row,
    step,
  );
  spreadRow(
    f32x4.sub(v128.load(r2), v128.load(r1)),
    f32x4.sub(v128.load(r2, 16), v128.load(r1, 16)),
    f32x4.sub(v128.load(r2, 8), v128.load(r1, 8)),
    f32x4.sub(v128.load(r2, 24), v128.load(r1, 24)),
    inside,
    to + 2 * row,
    step,
  );
  spreadRow(
    f32x4.sub(v128.load(r1), v128.load(r3)),
    f32x4.sub(v128.load(r1, 16), v128.load(r3, 16)),
    f32x4.sub(v128.load(r1, 8), v128.load(r3, 8)),
    f32x4.sub(v128.load(r1, 24), v128.load(r3, 24)),
    inside,
    to + 3 * row,
    step,
  );
}

/** Aᵀ along a column of four vectors: two. */
// @ts-ignore: decorator
@inline
function upper(m0: v128, m1: v128, m2: v128): v128 {
  return f32x4.add(f32x4.add(m0, m1), m2);
}

// @ts-ignore: decorator
@inline
function lower(m1: v128, m2: v128, m3: v128): v128 {
  return f32x4.sub(f32x4.sub(m1, m2), m3);
}

/** 16 vectors of four tiles back to two rows of eight places. */
// @ts-ignore: decorator
@inline
function gatherTiles(from: usize, step: usize, to: usize, below: usize): void {
  const row = 4 * step;
  let m1 = v128.load(from + row);
  let m2 = v128.load(from + 2 * row);
  const u0 = upper(v128.load(from), m1, m2);
  const l0 = lower(m1, m2, v128.load(from + 3 * row));
  from += step;
  m1 = v128.load(from + row);
  m2 = v128.load(from + 2 * row);
  const u1 = upper(v128.load(from), m1, m2);
  const l1 = lower(m1, m2, v128.load(from + 3 * row));
  from += step;
  m1 = v128.load(from + row);
  m2 = v128.load(from + 2 * row);
  const u2 = upper(v128.load(from), m1, m2);
  const l2 = lower(m1, m2, v128.load(from + 3 * row));
  from += step;
  m1 = v128.load(from + row);
  m2 = v128.load(from + 2 * row);
  const u3 = upper(v128.load(from), m1, m2);
  const l3 = lower(m1, m2, v128.load(from + 3 * row));
  let even = upper(u0, u1, u2);
  let odd = lower(u1, u2, u3);
  v128.store(to, v128.shuffle<f32>(even, odd, 0, 4, 1, 5));
  v128.store(to, v128.shuffle<f32>(even, odd, 2, 6, 3, 7), 16);
  even = upper(l0, l1, l2);
  odd = lower(l1, l2, l3);
  v128.store(below, v128.shuffle<f32>(even, odd, 0, 4, 1, 5));
  v128.store(below, v128.shuffle<f32>(even, odd, 2, 6, 3, 7), 16);
}

/** The first of eight places. */
function copyPlaces(from: usize, to: usize, count: i32): void {
  let i = 0;
  for (; i + 4 <= count; i += 4, from += 16, to += 16) v128.store(to, v128.load(from));
  for (; i < count; i++, from += 4, to += 4) store<f32>(to, load<f32>(from));
}

/** Lanes of four columns from `column` on that lie in [0, width). */
// @ts-ignore: decorator
@inline
function insideOf(column: i32, width: i32): v128 {
  const columns = i32x4.add(i32x4.splat(column), i32x4(0, 1, 2, 3));
  return v128.and(i32x4.ge_s(columns, i32x4.splat(0)), i32x4.lt_s(columns, i32x4.splat(width)));
}

/** G g: three weights at the four points. */
// @ts-ignore: decorator
@inline
function spreadWeights(g0: v128, g1: v128, g2: v128, to: usize, step: usize): void {
  const half = f32x4.splat(0.5);
  const outer = f32x4.mul(half, f32x4.add(g0, g2));
  const inner = f32x4.mul(half, g1);
  v128.store(to, g0);
  v128.store(to + step, f32x4.add(outer, inner));
  v128.store(to + 2 * step, f32x4.sub(outer, inner));
  v128.store(to + 3 * step, g2);
}

/**
 * Weights at the 16 points: to [16][quads of out][in][4]. Operands: weights [out, in, 3, 3], to, channels out and in, bytes
 * from point to point. Units: quads of out × in.
 */
export function winograd2Weights(at: usize, from: i32, to: i32, scratch: usize): void {
  at += HEAD_LENGTH;
  const weights = <usize>load<u32>(at);
  const out = <usize>load<u32>(at, 4);
  const channels = load<i32>(at, 8);
  const into = load<i32>(at, 12);
  const step = <usize>load<i32>(at, 16);
  const half = scratch + 144;
  for (let unit = from; unit < to; unit++) {
    const quad = unit / into;
    const channel = unit - quad * into;
    for (let lane = 0; lane < 4; lane++) {
      const window = weights + <usize>(min(quad * 4 + lane, channels - 1) * into + channel) * 36;
      for (let tap: usize = 0; tap < 9; tap++) store<f32>(scratch + (tap << 4) + (<usize>lane << 2), load<f32>(window + (tap << 2)));
    }
    for (let row: usize = 0; row < 3; row++) {
      const taps = scratch + row * 48;
      spreadWeights(v128.load(taps), v128.load(taps, 16), v128.load(taps, 32), half + (row << 6), 16);
    }
    for (let column: usize = 0; column < 4; column++) {
      const taps = half + (column << 4);
      spreadWeights(v128.load(taps), v128.load(taps, 64), v128.load(taps, 128), out + (<usize>unit << 4) + column * step, 4 * step);
    }
  }
}

/**
 * Operands: image [n, in, height, width], weights as `winograd2Weights` leaves them, out [n, out, rows, columns], in, out,
 * height, width, rows, columns, padding before (rows, columns), groups of all images, groups of a block, bytes from point to
 * point of the weights, where the transformed image and the products start in the scratch memory. Units: blocks.
 */
export function winograd2(at: usize, from: i32, to: i32, scratch: usize): void {
  at += HEAD_LENGTH;
  const image = <usize>load<u32>(at);
  const weights = <usize>load<u32>(at, 4);
  const out = <usize>load<u32>(at, 8);
  const into = load<i32>(at, 12);
  const channels = load<i32>(at, 16);
  const height = load<i32>(at, 20);
  const width = load<i32>(at, 24);
  const rows = load<i32>(at, 28);
  const columns = load<i32>(at, 32);
  const above = load<i32>(at, 36);
  const left = load<i32>(at, 40);
  const all = load<i32>(at, 44);
  const block = load<i32>(at, 48);
  const weightStep = <usize>load<i32>(at, 52);
  const imageAt = scratch + <usize>load<i32>(at, 56);
  const productsAt = scratch + <usize>load<i32>(at, 60);
  const down = (rows + 1) / 2;
  const across = (columns + 7) / 8;
  const quads = (channels + 3) / 4;
  const plane = <usize>(height * width) << 2;
  const outPlane = <usize>(rows * columns) << 2;
  const outRow = <usize>columns << 2;
  const panel = <usize>into << 5;
  const imageStep = <usize>((block + 1) / 2) * panel + 64;
  const line = <usize>((block + 1) / 2) << 5;
  const productStep = <usize>(quads * 4) * line + 64;
  memory.fill(scratch + ZEROS, 0, 64);
  for (let unit = from; unit < to; unit++) {
    const first = unit * block;
    const count = min(block, all - first);
    let group = scratch + GROUPS;
    for (let i = 0; i < count; i++, group += GROUP_BYTES) {
      const r = (first + i) / across;
      const x = (first + i - r * across) * 8;
      const n = r / down;
      const y = (r - n * down) * 2;
      for (let row = 0; row < 4; row++) {
        const seen = y - above + row;
        const isInside = seen >= 0 && seen < height;
        const element = image + <usize>n * <usize>into * plane + (<usize>(seen * width + x - left) << 2);
        store<u32>(group + (<usize>row << 2), <u32>(isInside ? element : scratch + ZEROS));
        store<u32>(group + (<usize>row << 2), isInside ? <u32>plane : 0, STEPS);
      }
      store<u32>(group, <u32>(out + <usize>n * <usize>channels * outPlane + (<usize>(y * columns + x) << 2)), TARGET);
      store<i32>(group, min(2, rows - y), HIGH);
      store<i32>(group, min(8, columns - x), WIDE);
      v128.store(group, insideOf(x - left, width), INSIDE);
      v128.store(group, insideOf(x - left + 4, width), INSIDE + 16);
      v128.store(group, insideOf(x - left + 2, width), INSIDE + 32);
      v128.store(group, insideOf(x - left + 6, width), INSIDE + 48);
    }
    for (let c: usize = 0; c < <usize>into; c++) {
      group = scratch + GROUPS;
      for (let i = 0; i < count; i++, group += GROUP_BYTES) {
        const r0 = <usize>load<u32>(group) + c * <usize>load<u32>(group, STEPS);
        const r1 = <usize>load<u32>(group, 4) + c * <usize>load<u32>(group, STEPS + 4);
        const r2 = <usize>load<u32>(group, 8) + c * <usize>load<u32>(group, STEPS + 8);
        const r3 = <usize>load<u32>(group, 12) + c * <usize>load<u32>(group, STEPS + 12);
        spreadTiles(r0, r1, r2, r3, group + INSIDE, imageAt + <usize>(i >> 1) * panel + (c << 5) + (<usize>(i & 1) << 4), imageStep);
      }
    }
    const panels = (count + 1) / 2;
    for (let point: usize = 0; point < 16; point++) {
      products(weights + point * weightStep, imageAt + point * imageStep, into, quads, panels, productsAt + point * productStep, line);
    }
    for (let o = 0; o < channels; o++) {
      group = scratch + GROUPS;
      for (let i = 0; i < count; i++, group += GROUP_BYTES) {
        const source = productsAt + <usize>o * line + (<usize>i << 4);
        const target = <usize>load<u32>(group, TARGET) + <usize>o * outPlane;
        const wide = load<i32>(group, WIDE);
        const isHigh = load<i32>(group, HIGH) == 2;
        if (wide == 8 && isHigh) {
          gatherTiles(source, productStep, target, target + outRow);
          continue;
        }
        gatherTiles(source, productStep, imageAt, imageAt + 32);
        copyPlaces(imageAt, target, wide);
        if (isHigh) copyPlaces(imageAt + 32, target + outRow, wide);
      }
    }
  }
}
