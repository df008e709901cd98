/** @file The gradient of a convolution's weights: products of image and output's gradient along flat planes, tap by tap, summed in blocks of images. */
import { HEAD_LENGTH } from "./layout";
import { fma, sumLanes } from "./lanes";

/** Four channels by two taps: dots[4][2] += Σ y[4][f] · image[2][f] over whole vectors. */
// @ts-ignore: decorator
@inline
function dots(y: usize, y1: usize, y2: usize, y3: usize, x: usize, x1: usize, length: i32, sums: usize): void {
  let c00 = v128.load(sums);
  let c01 = v128.load(sums, 16);
  let c10 = v128.load(sums, 32);
  let c11 = v128.load(sums, 48);
  let c20 = v128.load(sums, 64);
  let c21 = v128.load(sums, 80);
  let c30 = v128.load(sums, 96);
  let c31 = v128.load(sums, 112);
  for (const end = y + (<usize>length << 2); y < end; ) {
    const b0 = v128.load(x);
    const b1 = v128.load(x1);
    let a = v128.load(y);
    c00 = fma(a, b0, c00);
    c01 = fma(a, b1, c01);
    a = v128.load(y1);
    c10 = fma(a, b0, c10);
    c11 = fma(a, b1, c11);
    a = v128.load(y2);
    c20 = fma(a, b0, c20);
    c21 = fma(a, b1, c21);
    a = v128.load(y3);
    c30 = fma(a, b0, c30);
    c31 = fma(a, b1, c31);
    y += 16;
    y1 += 16;
    y2 += 16;
    y3 += 16;
    x += 16;
    x1 += 16;
  }
  v128.store(sums, c00);
  v128.store(sums, c01, 16);
  v128.store(sums, c10, 32);
  v128.store(sums, c11, 48);
  v128.store(sums, c20, 64);
  v128.store(sums, c21, 80);
  v128.store(sums, c30, 96);
  v128.store(sums, c31, 112);
}

/** One channel by eight taps, for groups that give only one: dots[8] += Σ y[f] · image[8][f]. */
function dotsOfOne(y: usize, x: usize, taps: usize, last: usize, length: i32, sums: usize): void {
  const x0 = x + <usize>load<u32>(taps);
  const x1 = x + <usize>load<u32>(min(taps + 8, last));
  const x2 = x + <usize>load<u32>(min(taps + 16, last));
  const x3 = x + <usize>load<u32>(min(taps + 24, last));
  const x4 = x + <usize>load<u32>(min(taps + 32, last));
  const x5 = x + <usize>load<u32>(min(taps + 40, last));
  const x6 = x + <usize>load<u32>(min(taps + 48, last));
  const x7 = x + <usize>load<u32>(min(taps + 56, last));
  let c0 = v128.load(sums);
  let c1 = v128.load(sums, 16);
  let c2 = v128.load(sums, 32);
  let c3 = v128.load(sums, 48);
  let c4 = v128.load(sums, 64);
  let c5 = v128.load(sums, 80);
  let c6 = v128.load(sums, 96);
  let c7 = v128.load(sums, 112);
  const bytes = <usize>length << 2;
  for (let f: usize = 0; f < bytes; f += 16) {
    const a = v128.load(y + f);
    c0 = fma(a, v128.load(x0 + f), c0);
    c1 = fma(a, v128.load(x1 + f), c1);
    c2 = fma(a, v128.load(x2 + f), c2);
    c3 = fma(a, v128.load(x3 + f), c3);
    c4 = fma(a, v128.load(x4 + f), c4);
    c5 = fma(a, v128.load(x5 + f), c5);
    c6 = fma(a, v128.load(x6 + f), c6);
    c7 = fma(a, v128.load(x7 + f), c7);
  }
  v128.store(sums, c0);
  v128.store(sums, c1, 16);
  v128.store(sums, c2, 32);
  v128.store(sums, c3, 48);
  v128.store(sums, c4, 64);
  v128.store(sums, c5, 80);
  v128.store(sums, c6, 96);
  v128.store(sums, c7, 112);
}

/** Flat places whose sums are taken before the next pair of taps, so that images stay in the cache. */
const CACHED: i32 = 4096;

/**
 * Sums of products of image and output's gradient, by tap. Operands: source, y, partial sums [blocks, groups · channels, taps],
 * table as in `convolve`, taps, channels of a group, images, blocks of images, source's strides by image and by group, y's
 * by image, group and channel, places of a plane of y (a multiple of four, zeros between rows). Units: blocks, for each group.
 */
export function convolveWeights(at: usize, from: i32, to: i32, scratch: usize): void {
  at += HEAD_LENGTH;
  const source = <usize>load<u32>(at);
  const gradient = <usize>load<u32>(at, 4);
  const out = <usize>load<u32>(at, 8);
  const table = <usize>load<u32>(at, 12);
  const depth = load<i32>(at, 16);
  const channels = load<i32>(at, 20);
  const images = load<i32>(at, 24);
  const blocks = load<i32>(at, 28);
  const groups = load<i32>(at, 32);
  const sourceByImage = <usize>load<i32>(at, 36) << 2;
  const sourceByGroup = <usize>load<i32>(at, 40) << 2;
  const yByImage = <usize>load<i32>(at, 44) << 2;
  const yByGroup = <usize>load<i32>(at, 48) << 2;
  const yByChannel = <usize>load<i32>(at, 52) << 2;
  const length = load<i32>(at, 56);
  const together = max(1, CACHED / length);
  for (let unit = from; unit < to; unit++) {
    const group = unit / blocks;
    const block = unit - group * blocks;
    const partial = out + ((<usize>(block * groups + group) * channels * depth) << 2);
    memory.fill(partial, 0, (<usize>channels * depth) << 2);
    const last = ((block + 1) * images) / blocks;
    for (let first = (block * images) / blocks; first < last; first += together) {
      const end = min(last, first + together);
      for (let channel = 0; channel < channels; channel += 4) {
        const most = channels - 1 - channel;
        if (most == 0) {
          for (let k = 0; k < depth; k += 8) {
            memory.fill(scratch, 0, 128);
            for (let image = first; image < end; image++) {
              const y = gradient + <usize>image * yByImage + <usize>group * yByGroup + <usize>channel * yByChannel;
              const x = source + <usize>image * sourceByImage + <usize>group * sourceByGroup;
              dotsOfOne(y, x, table + (<usize>k << 3), table + (<usize>(depth - 1) << 3), length, scratch);
            }
            let write = partial + ((<usize>channel * depth + k) << 2);
            for (let tap = 0; tap < min(8, depth - k); tap++, write += 4) {
              store<f32>(write, load<f32>(write) + sumLanes(v128.load(scratch + (<usize>tap << 4))));
            }
          }
          continue;
        }
        for (let k = 0; k < depth; k += 2) {
          const tap = table + (<usize>k << 3);
          const other = k + 1 < depth ? tap + 8 : tap;
          memory.fill(scratch, 0, 128);
          for (let image = first; image < end; image++) {
            const y = gradient + <usize>image * yByImage + <usize>group * yByGroup + <usize>channel * yByChannel;
            const x = source + <usize>image * sourceByImage + <usize>group * sourceByGroup;
            const y1 = y + <usize>min(1, most) * yByChannel;
            const y2 = y + <usize>min(2, most) * yByChannel;
            const y3 = y + <usize>min(3, most) * yByChannel;
            dots(y, y1, y2, y3, x + <usize>load<u32>(tap), x + <usize>load<u32>(other), length, scratch);
          }
          for (let r = 0; r <= min(3, most); r++) {
            const write = partial + ((<usize>(channel + r) * depth + k) << 2);
            store<f32>(write, load<f32>(write) + sumLanes(v128.load(scratch + (<usize>r << 5))));
            if (k + 1 < depth) store<f32>(write, load<f32>(write, 4) + sumLanes(v128.load(scratch + (<usize>r << 5), 16)), 4);
          }
        }
      }
    }
  }
}
