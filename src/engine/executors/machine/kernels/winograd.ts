/**
 * @file Convolution with 3 × 3 windows by Winograd's minimal filtering F(4×4, 3×3) (Lavin and Gray 2016): 36 products for
 * 16 places instead of 144. Every tile of 6 × 6 elements becomes 36 numbers, each multiplied on its own over the channels;
 * four lanes are four tiles, or four channels. Tiles come in blocks of a fixed number, so the threads change no bit.
 */
import { HEAD_LENGTH } from "./layout";
import { fma, fnma, splat } from "./lanes";
import { products } from "./panels";
import { tile } from "./tile";
import { pairOfStrips } from "./wideTile";
import { PAIRS } from "./width";

/** Scratch: half-transformed tiles, one row of it a vector; then tiles' places; the rest where the instruction says. */
const HALF: usize = 0;
const PATCH: usize = 640;
const PLACES: usize = 1024;

/** √½ and √2: where the tiles' polynomials are taken beside 0 and infinity, ± each. Their product is 1, and rounding stays near that of the plain sum. */
const NEAR: f32 = 0.7071067811865476;
const FAR: f32 = 1.4142135623730951;

/** Bᵀ d: six elements at the six points. */
// @ts-ignore: decorator
@inline
function spreadImage(d0: v128, d1: v128, d2: v128, d3: v128, d4: v128, d5: v128, to: usize, step: usize): void {
  v128.store(to, fnma(splat(2.5), d2, f32x4.add(d0, d4)));
  v128.store(to + 5 * step, fnma(splat(2.5), d3, f32x4.add(d1, d5)));
  const even = fnma(splat(2), d2, d4);
  const odd = fnma(splat(2), d1, d3);
  v128.store(to + step, fma(splat(NEAR), odd, even));
  v128.store(to + 2 * step, fnma(splat(NEAR), odd, even));
  const farEven = fnma(splat(0.5), d2, d4);
  const farOdd = fnma(splat(0.5), d1, d3);
  v128.store(to + 3 * step, fma(splat(FAR), farOdd, farEven));
  v128.store(to + 4 * step, fnma(splat(FAR), farOdd, farEven));
}

/** A y: four places' gradients at the six points. */
// @ts-ignore: decorator
@inline
function spreadPlaces(y0: v128, y1: v128, y2: v128, y3: v128, to: usize, step: usize): void {
  v128.store(to, y0);
  v128.store(to + 5 * step, y3);
  const even = fma(splat(0.5), y2, y0);
  const odd = fma(splat(0.5), y3, y1);
  v128.store(to + step, fma(splat(NEAR), odd, even));
  v128.store(to + 2 * step, fnma(splat(NEAR), odd, even));
  const farEven = fma(splat(2), y2, y0);
  const farOdd = fma(splat(2), y3, y1);
  v128.store(to + 3 * step, fma(splat(FAR), farOdd, farEven));
  v128.store(to + 4 * step, fnma(splat(FAR), farOdd, farEven));
}

/** G g: three weights at the six points. */
// @ts-ignore: decorator
@inline
function spreadWeights(g0: v128, g1: v128, g2: v128, to: usize, step: usize): void {
  const third = splat(<f32>(1.0 / 3.0));
  v128.store(to, g0);
  v128.store(to + 5 * step, g2);
  const even = fma(splat(<f32>(2.0 / 3.0)), g0, f32x4.mul(third, g2));
  const odd = f32x4.mul(splat(<f32>(FAR / 3.0)), g1);
  v128.store(to + step, f32x4.neg(f32x4.add(even, odd)));
  v128.store(to + 2 * step, f32x4.sub(odd, even));
  const farEven = fma(splat(<f32>(1.0 / 6.0)), g0, f32x4.mul(third, g2));
  const farOdd = f32x4.mul(splat(<f32>(NEAR / 3.0)), g1);
  v128.store(to + 3 * step, f32x4.add(farEven, farOdd));
  v128.store(to + 4 * step, f32x4.sub(farEven, farOdd));
}

/** Aᵀ m, of six vectors `step` apart: four places. */
// @ts-ignore: decorator
@inline
function gatherPlaces(from: usize, step: usize, to: usize, toStep: usize): void {
  const m1 = v128.load(from + step);
  const m2 = v128.load(from + 2 * step);
  const m3 = v128.load(from + 3 * step);
  const m4 = v128.load(from + 4 * step);
  const sum = f32x4.add(m1, m2);
  const difference = f32x4.mul(splat(NEAR), f32x4.sub(m1, m2));
  const farSum = f32x4.add(m3, m4);
  const farDifference = f32x4.mul(splat(FAR), f32x4.sub(m3, m4));
  v128.store(to, f32x4.add(f32x4.add(v128.load(from), sum), farSum));
  v128.store(to + toStep, f32x4.add(difference, farDifference));
  v128.store(to + 2 * toStep, fma(splat(2), farSum, f32x4.mul(splat(0.5), sum)));
  v128.store(to + 3 * toStep, fma(splat(2), farDifference, fma(splat(0.5), difference, v128.load(from + 5 * step))));
}

/** Gᵀ u, of six vectors `step` apart: three weights' gradients. */
// @ts-ignore: decorator
@inline
function gatherWeights(from: usize, step: usize, to: usize, toStep: usize): void {
  const u1 = v128.load(from + step);
  const u2 = v128.load(from + 2 * step);
  const u3 = v128.load(from + 3 * step);
  const u4 = v128.load(from + 4 * step);
  const sum = f32x4.add(u1, u2);
  const farSum = f32x4.add(u3, u4);
  v128.store(to, fma(splat(<f32>(1.0 / 6.0)), farSum, fnma(splat(<f32>(2.0 / 3.0)), sum, v128.load(from))));
  const odd = f32x4.mul(splat(<f32>(FAR / 3.0)), f32x4.sub(u2, u1));
  v128.store(to + toStep, fma(splat(<f32>(NEAR / 3.0)), f32x4.sub(u3, u4), odd));
  v128.store(to + 2 * toStep, fma(splat(<f32>(1.0 / 3.0)), f32x4.sub(farSum, sum), v128.load(from + 5 * step)));
}

/** Four tiles of 6 × 6, rows `pitch` bytes apart, to 36 vectors `step` apart. */
function imageTiles(a: usize, b: usize, c: usize, d: usize, pitch: usize, half: usize, to: usize, step: usize): void {
  for (let row = half; row < half + 576; row += 96) {
    const ra = v128.load(a);
    const rb = v128.load(b);
    const rc = v128.load(c);
    const rd = v128.load(d);
    const ab0 = v128.shuffle<f32>(ra, rb, 0, 4, 1, 5);
    const ab1 = v128.shuffle<f32>(ra, rb, 2, 6, 3, 7);
    const cd0 = v128.shuffle<f32>(rc, rd, 0, 4, 1, 5);
    const cd1 = v128.shuffle<f32>(rc, rd, 2, 6, 3, 7);
    const ab2 = v128.shuffle<f32>(v128.load64_zero(a, 16), v128.load64_zero(b, 16), 0, 4, 1, 5);
    const cd2 = v128.shuffle<f32>(v128.load64_zero(c, 16), v128.load64_zero(d, 16), 0, 4, 1, 5);
    spreadImage(
      v128.shuffle<f64>(ab0, cd0, 0, 2),
      v128.shuffle<f64>(ab0, cd0, 1, 3),
      v128.shuffle<f64>(ab1, cd1, 0, 2),
      v128.shuffle<f64>(ab1, cd1, 1, 3),
      v128.shuffle<f64>(ab2, cd2, 0, 2),
      v128.shuffle<f64>(ab2, cd2, 1, 3),
      row,
      16,
    );
    a += pitch;
    b += pitch;
    c += pitch;
    d += pitch;
  }
  for (let column = half; column < half + 96; column += 16, to += step) {
    const r0 = v128.load(column);
    const r1 = v128.load(column, 96);
    const r2 = v128.load(column, 192);
    const r3 = v128.load(column, 288);
    const r4 = v128.load(column, 384);
    spreadImage(r0, r1, r2, r3, r4, v128.load(column, 480), to, 6 * step);
  }
}

/** Four tiles of 4 × 4 places to 36 vectors. */
function placeTiles(a: usize, b: usize, c: usize, d: usize, pitch: usize, half: usize, to: usize, step: usize): void {
  for (let row = half; row < half + 384; row += 96) {
    const ra = v128.load(a);
    const rb = v128.load(b);
    const rc = v128.load(c);
    const rd = v128.load(d);
    const ab0 = v128.shuffle<f32>(ra, rb, 0, 4, 1, 5);
    const ab1 = v128.shuffle<f32>(ra, rb, 2, 6, 3, 7);
    const cd0 = v128.shuffle<f32>(rc, rd, 0, 4, 1, 5);
    const cd1 = v128.shuffle<f32>(rc, rd, 2, 6, 3, 7);
    spreadPlaces(
      v128.shuffle<f64>(ab0, cd0, 0, 2),
      v128.shuffle<f64>(ab0, cd0, 1, 3),
      v128.shuffle<f64>(ab1, cd1, 0, 2),
      v128.shuffle<f64>(ab1, cd1, 1, 3),
      row,
      16,
    );
    a += pitch;
    b += pitch;
    c += pitch;
    d += pitch;
  }
  for (let column = half; column < half + 96; column += 16, to += step) {
    const r0 = v128.load(column);
    const r1 = v128.load(column, 96);
    spreadPlaces(r0, r1, v128.load(column, 192), v128.load(column, 288), to, 6 * step);
  }
}

/** 36 vectors of four tiles back to places: to[tile][4][4]. */
function tilePlaces(from: usize, step: usize, half: usize, to: usize): void {
  for (let column = half; column < half + 96; column += 16, from += step) gatherPlaces(from, 6 * step, column, 96);
  for (let row = half; row < half + 384; row += 96, to += 16) {
    gatherPlaces(row, 16, row, 16);
    const r0 = v128.load(row);
    const r1 = v128.load(row, 16);
    const r2 = v128.load(row, 32);
    const r3 = v128.load(row, 48);
    const ab0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
    const ab1 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
    const cd0 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
    const cd1 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f64>(ab0, cd0, 0, 2));
    v128.store(to, v128.shuffle<f64>(ab0, cd0, 1, 3), 64);
    v128.store(to, v128.shuffle<f64>(ab1, cd1, 0, 2), 128);
    v128.store(to, v128.shuffle<f64>(ab1, cd1, 1, 3), 192);
  }
}

/** Rows of a plane into rows with a margin that is zero already. */
// @ts-ignore: decorator
@inline
function copyElements(from: usize, to: usize, count: i32): void {
  let i = 0;
  for (; i + 4 <= count; i += 4, from += 16, to += 16) v128.store(to, v128.load(from));
  for (; i < count; i++, from += 4, to += 4) store<f32>(to, load<f32>(from));
}

/**
 * The rows of one channel that the rows of tiles [first, last] see, each row of tiles with `rows` rows of its own, which
 * start `above` rows above it and `left` columns before it. Rows of tiles are counted through all images.
 */
function strips(plane: usize, byImage: usize, height: i32, width: i32, down: i32, first: i32, last: i32, rows: i32, above: i32, left: i32, pitch: usize, to: usize): void {
  for (let r = first; r <= last; r++, to += <usize>rows * pitch) {
    const image = r / down;
    const top = (r - image * down) * 4 - above;
    const source = plane + <usize>image * byImage;
    for (let i = max(0, -top); i < rows && top + i < height; i++) {
      copyElements(source + ((<usize>(top + i) * width) << 2), to + <usize>i * pitch + (<usize>left << 2), width);
    }
  }
}

/** Bytes from the first strip to each of the tiles [first, first + count); further ones stand where the last does. */
function placesOf(first: i32, count: i32, places: i32, across: i32, strip: usize, to: usize): void {
  const base = first / across;
  for (let i = 0; i < places; i++) {
    const t = first + min(i, count - 1);
    const r = t / across;
    store<u32>(to + (<usize>i << 2), <u32>(<usize>(r - base) * strip + (<usize>(t - r * across) << 4)));
  }
}

/**
 * Weights, their windows turned by half, at the 36 points: to [36][quads of out][in][4]. Operands: weights, to, channels out
 * and in, strides of both in the weights (elements), bytes from point to point. Units: quads of out × in.
 */
export function winogradWeights(at: usize, from: i32, to: i32, scratch: usize): void {
  at += HEAD_LENGTH;
  const weights = <usize>load<u32>(at);
  const out = <usize>load<u32>(at, 4);
  const channels = load<i32>(at, 8);
  const into = load<i32>(at, 12);
  const byOut = <usize>load<i32>(at, 16) << 2;
  const byIn = <usize>load<i32>(at, 20) << 2;
  const step = <usize>load<i32>(at, 24);
  for (let unit = from; unit < to; unit++) {
    const quad = unit / into;
    const source = weights + <usize>(unit - quad * into) * byIn;
    for (let lane = 0; lane < 4; lane++) {
      const window = source + <usize>min(quad * 4 + lane, channels - 1) * byOut;
      for (let tap: usize = 0; tap < 9; tap++) {
        store<f32>(scratch + PATCH + (tap << 4) + (<usize>lane << 2), load<f32>(window + ((8 - tap) << 2)));
      }
    }
    for (let row: usize = 0; row < 3; row++) {
      const taps = scratch + PATCH + row * 48;
      spreadWeights(v128.load(taps), v128.load(taps, 16), v128.load(taps, 32), scratch + HALF + row * 96, 16);
    }
    for (let column: usize = 0; column < 6; column++) {
      const half = scratch + HALF + (column << 4);
      spreadWeights(v128.load(half), v128.load(half, 96), v128.load(half, 192), out + (<usize>unit << 4) + column * step, 6 * step);
    }
  }
}

/**
 * Operands: image [n, in, height, width], weights as `winogradWeights` leaves them, out [n, out, rows, columns], images,
 * in, out, height, width, rows, columns, padding before (rows, columns), tiles of a block, bytes of a strip's row, bytes from
 * point to point of the weights, where strips, transformed image and products start in the scratch memory. Units: blocks.
 */
export function winograd(at: usize, from: i32, to: i32, scratch: usize): void {
  at += HEAD_LENGTH;
  const image = <usize>load<u32>(at);
  const weights = <usize>load<u32>(at, 4);
  const out = <usize>load<u32>(at, 8);
  const images = load<i32>(at, 12);
  const into = load<i32>(at, 16);
  const channels = load<i32>(at, 20);
  const height = load<i32>(at, 24);
  const width = load<i32>(at, 28);
  const rows = load<i32>(at, 32);
  const columns = load<i32>(at, 36);
  const above = load<i32>(at, 40);
  const left = load<i32>(at, 44);
  const block = load<i32>(at, 48);
  const pitch = <usize>load<i32>(at, 52);
  const weightStep = <usize>load<i32>(at, 56);
  const stripsAt = scratch + <usize>load<i32>(at, 60);
  const imageAt = scratch + <usize>load<i32>(at, 64);
  const productsAt = scratch + <usize>load<i32>(at, 68);
  const down = (rows + 3) / 4;
  const across = (columns + 3) / 4;
  const tiles = images * down * across;
  const quads = (channels + 3) / 4;
  const line = <usize>block << 2;
  const imageStep = <usize>into * line + 64;
  const productStep = <usize>quads * 4 * line + 64;
  const table = scratch + PLACES;
  for (let unit = from; unit < to; unit++) {
    const first = unit * block;
    const count = min(block, tiles - first);
    const panels = (count + 7) / 8;
    const top = first / across;
    const bottom = (first + count - 1) / across;
    placesOf(first, count, panels * 8, across, 6 * pitch, table);
    memory.fill(stripsAt, 0, <usize>(bottom - top + 1) * 6 * pitch);
    for (let c = 0; c < into; c++) {
      strips(image + ((<usize>c * height * width) << 2), (<usize>into * height * width) << 2, height, width, down, top, bottom, 6, above, left, pitch, stripsAt);
      for (let t = 0; t < panels * 8; t += 4) {
        const places = table + (<usize>t << 2);
        const target = imageAt + <usize>(t >> 3) * (<usize>into << 5) + (<usize>c << 5) + (<usize>(t & 4) << 2);
        imageTiles(stripsAt + <usize>load<u32>(places), stripsAt + <usize>load<u32>(places, 4), stripsAt + <usize>load<u32>(places, 8), stripsAt + <usize>load<u32>(places, 12), pitch, scratch + HALF, target, imageStep);
      }
    }
    for (let point: usize = 0; point < 36; point++) {
      products(weights + point * weightStep, imageAt + point * imageStep, into, quads, panels, productsAt + point * productStep, line);
    }
    for (let o = 0; o < channels; o++) {
      for (let t = 0; t < count; t += 4) {
        tilePlaces(productsAt + <usize>o * line + (<usize>t << 2), productStep, scratch + HALF, scratch + PATCH);
        for (let lane = 0; lane < min(4, count - t); lane++) {
          const index = first + t + lane;
          const r = index / across;
          const n = r / down;
          const y = (r - n * down) * 4;
          const x = (index - r * across) * 4;
          let patch = scratch + PATCH + (<usize>lane << 6);
          let write = out + ((<usize>((n * channels + o) * rows + y) * columns + x) << 2);
          const wide = columns - x;
          for (const end = patch + (<usize>min(4, rows - y) << 4); patch < end; patch += 16, write += <usize>columns << 2) {
            if (wide >= 4) v128.store(write, v128.load(patch));
            else copyElements(patch, write, wide);
          }
        }
      }
    }
  }
}

/**
 * Sums over tiles of the products of image and output's gradient, at the 36 points: sums [blocks, 36, out, in], out in whole
 * quads, in in whole eights. Operands: image, gradient [n, out, rows, columns], sums, images, in, out, height, width, rows,
 * columns, padding before (rows, columns), blocks, tiles taken at a time, bytes of a strip's row, where strips, transformed
 * image and transformed gradient start in the scratch memory. Units: blocks.
 */
export function winogradSums(at: usize, from: i32, to: i32, scratch: usize): void {
  at += HEAD_LENGTH;
  const image = <usize>load<u32>(at);
  const gradient = <usize>load<u32>(at, 4);
  const sums = <usize>load<u32>(at, 8);
  const images = load<i32>(at, 12);
  const into = load<i32>(at, 16);
  const channels = load<i32>(at, 20);
  const height = load<i32>(at, 24);
  const width = load<i32>(at, 28);
  const rows = load<i32>(at, 32);
  const columns = load<i32>(at, 36);
  const above = load<i32>(at, 40);
  const left = load<i32>(at, 44);
  const blocks = load<i32>(at, 48);
  const together = load<i32>(at, 52);
  const pitch = <usize>load<i32>(at, 56);
  const stripsAt = scratch + <usize>load<i32>(at, 60);
  const imageAt = scratch + <usize>load<i32>(at, 64);
  const gradientAt = scratch + <usize>load<i32>(at, 68);
  const down = (rows + 3) / 4;
  const across = (columns + 3) / 4;
  const tiles = images * down * across;
  const quads = (channels + 3) / 4;
  const eights = (into + 7) / 8;
  const imageStep = <usize>(eights * 8 * together) * 4 + 64;
  const gradientStep = <usize>(quads * 4 * together) * 4 + 64;
  const line = <usize>eights << 5;
  const sumStep = <usize>(quads * 4) * line;
  const table = scratch + PLACES;
  const half = scratch + HALF;
  for (let unit = from; unit < to; unit++) {
    const target = sums + <usize>unit * 36 * sumStep;
    const start = (unit * tiles) / blocks;
    const end = ((unit + 1) * tiles) / blocks;
    if (start == end) memory.fill(target, 0, 36 * sumStep);
    for (let first = start; first < end; first += together) {
      const count = min(together, end - first);
      const top = first / across;
      const bottom = (first + count - 1) / across;
      const lines = <usize>(bottom - top + 1);
      let strip: usize = 6 * pitch;
      placesOf(first, count, count, across, strip, table);
      let channel = lines * strip;
      memory.fill(stripsAt, 0, 4 * channel);
      for (let c = 0; c < eights * 8; c += 4) {
        for (let lane = 0; lane < 4; lane++) {
          const plane = image + ((<usize>min(c + lane, into - 1) * height * width) << 2);
          strips(plane, (<usize>into * height * width) << 2, height, width, down, top, bottom, 6, above, left, pitch, stripsAt + <usize>lane * channel);
        }
        const panel = imageAt + <usize>(c >> 3) * (<usize>together << 5) + (<usize>(c & 4) << 2);
        for (let t = 0; t < count; t++) {
          const a = stripsAt + <usize>load<u32>(table + (<usize>t << 2));
          imageTiles(a, a + channel, a + 2 * channel, a + 3 * channel, pitch, half, panel + (<usize>t << 5), imageStep);
        }
      }
      strip = 4 * pitch;
      placesOf(first, count, count, across, strip, table);
      channel = lines * strip;
      memory.fill(stripsAt, 0, 4 * channel);
      for (let o = 0; o < channels; o += 4) {
        for (let lane = 0; lane < 4; lane++) {
          const plane = gradient + ((<usize>min(o + lane, channels - 1) * rows * columns) << 2);
          strips(plane, (<usize>channels * rows * columns) << 2, rows, columns, down, top, bottom, 4, 0, 0, pitch, stripsAt + <usize>lane * channel);
        }
        const quad = gradientAt + <usize>(o >> 2) * (<usize>together << 4);
        for (let t = 0; t < count; t++) {
          const a = stripsAt + <usize>load<u32>(table + (<usize>t << 2));
          placeTiles(a, a + channel, a + 2 * channel, a + 3 * channel, pitch, half, quad + (<usize>t << 4), gradientStep);
        }
      }
      for (let point: usize = 0; point < 36; point++) {
        let p = 0;
        if (PAIRS) {
          const beside = <usize>together << 5;
          for (; p + 2 <= eights; p += 2) {
            const right = imageAt + point * imageStep + <usize>p * beside;
            const sum = target + point * sumStep + (<usize>p << 5);
            pairOfStrips(gradientAt + point * gradientStep, <usize>together << 4, 4, 16, right, beside, count, sum, line, quads * 4, first == start, scratch);
          }
        }
        for (; p < eights; p++) {
          const right = imageAt + point * imageStep + <usize>p * (<usize>together << 5);
          let quad = gradientAt + point * gradientStep;
          let sum = target + point * sumStep + (<usize>p << 5);
          for (let q = 0; q < quads; q++, quad += <usize>together << 4, sum += line << 2) tile(quad, right, count, sum, line, 4, 8, first == start, scratch);
        }
      }
    }
  }
}

/**
 * From sums at the points to the weights' gradient [out, in, 3, 3]. Operands: sums as `winogradSums` leaves them, gradient,
 * in, out, blocks. Units: out × quads of in.
 */
export function winogradGradient(at: usize, from: i32, to: i32, scratch: usize): void {
  at += HEAD_LENGTH;
  const sums = <usize>load<u32>(at);
  const out = <usize>load<u32>(at, 4);
  const into = load<i32>(at, 8);
  const channels = load<i32>(at, 12);
  const blocks = load<i32>(at, 16);
  const line = <usize>((into + 7) / 8) << 5;
  const step = <usize>((channels + 3) / 4) * 4 * line;
  const quads = (into + 3) / 4;
  const sum = scratch + PLACES;
  const half = scratch + HALF;
  for (let unit = from; unit < to; unit++) {
    const o = unit / quads;
    const c = (unit - o * quads) * 4;
    const source = sums + <usize>o * line + (<usize>c << 2);
    for (let point: usize = 0; point < 36; point++) {
      let at = source + point * step;
      let total = v128.load(at);
      for (let block = 1; block < blocks; block++) {
        at += 36 * step;
        total = f32x4.add(total, v128.load(at));
      }
      v128.store(sum + (point << 4), total);
    }
    for (let column: usize = 0; column < 6; column++) gatherWeights(sum + (column << 4), 96, half + (column << 4), 96);
    for (let row: usize = 0; row < 3; row++) gatherWeights(half + row * 96, 16, scratch + PATCH + row * 48, 16);
    for (let lane = 0; lane < min(4, into - c); lane++) {
      const write = out + (<usize>(o * into + c + lane) * 36);
      for (let tap: usize = 0; tap < 9; tap++) {
        store<f32>(write + (tap << 2), load<f32>(scratch + PATCH + (tap << 4) + (<usize>lane << 2)));
      }
    }
  }
}
