/** @file Moments of channels, in one walk: each channel is read around a number near its mean, so that its squares keep their digits. */
import { HEAD_LENGTH } from "./layout";
import { fma, sumLanes } from "./lanes";

/** Stretches are cut to this length, so that long sums keep their digits; what they give is added up in double precision. */
const BLOCK: i32 = 4096;

/** Two sums of the last stretch. */
let first: f64 = 0;
let second: f64 = 0;

/** Σ (x − centre) and Σ (x − centre)² over one stretch. */
function squares(at: usize, length: i32, centre: f32): void {
  const shift = f32x4.splat(centre);
  let a = f32x4.splat(0);
  let b = f32x4.splat(0);
  let aa = f32x4.splat(0);
  let bb = f32x4.splat(0);
  let i = 0;
  for (; i + 8 <= length; i += 8, at += 32) {
    const x = f32x4.sub(v128.load(at), shift);
    const y = f32x4.sub(v128.load(at, 16), shift);
    a = f32x4.add(a, x);
    b = f32x4.add(b, y);
    aa = fma(x, x, aa);
    bb = fma(y, y, bb);
  }
  let sum = sumLanes(f32x4.add(a, b));
  let square = sumLanes(f32x4.add(aa, bb));
  for (; i < length; i++, at += 4) {
    const x = load<f32>(at) - centre;
    sum += x;
    square += x * x;
  }
  first += <f64>sum;
  second += <f64>square;
}

/** Σ x and Σ x · (y − centre) over one stretch. */
function products(at: usize, other: usize, length: i32, centre: f32): void {
  const shift = f32x4.splat(centre);
  let a = f32x4.splat(0);
  let b = f32x4.splat(0);
  let aa = f32x4.splat(0);
  let bb = f32x4.splat(0);
  let i = 0;
  for (; i + 8 <= length; i += 8, at += 32, other += 32) {
    const x = v128.load(at);
    const y = v128.load(at, 16);
    a = f32x4.add(a, x);
    b = f32x4.add(b, y);
    aa = fma(x, f32x4.sub(v128.load(other), shift), aa);
    bb = fma(y, f32x4.sub(v128.load(other, 16), shift), bb);
  }
  let sum = sumLanes(f32x4.add(a, b));
  let product = sumLanes(f32x4.add(aa, bb));
  for (; i < length; i++, at += 4, other += 4) {
    const x = load<f32>(at);
    sum += x;
    product += x * (load<f32>(other) - centre);
  }
  first += <f64>sum;
  second += <f64>product;
}

/** The mean of one stretch's beginning. */
function near(at: usize, length: i32): f32 {
  let sum: f32 = 0;
  for (let i = 0; i < length; i++, at += 4) sum += load<f32>(at);
  return sum / <f32>length;
}

/** Scratch of a channel: its two sums, and the number that it is read around. */
const CHANNEL_BYTES: usize = 24;
/** Channels walked together: image by image, so that memory is read as it lies. */
const TOGETHER: i32 = 1024;

/**
 * Operands: source [outer, channels, inner], present [outer] (0: all are), means [channels], variances [channels], outer,
 * channels, inner, what is taken off the number of elements that the squares are divided by. Units: channels.
 */
export function moments(at: usize, from: i32, to: i32, scratch: usize): void {
  at += HEAD_LENGTH;
  const source = <usize>load<u32>(at);
  const present = <usize>load<u32>(at, 4);
  const means = <usize>load<u32>(at, 8);
  const variances = <usize>load<u32>(at, 12);
  const outer = load<i32>(at, 16);
  const channels = load<i32>(at, 20);
  const inner = load<i32>(at, 24);
  const correction = load<i32>(at, 28);
  const plane = <usize>inner << 2;
  for (let begin = from; begin < to; begin += TOGETHER) {
    const last = min(to, begin + TOGETHER);
    memory.fill(scratch, 0, <usize>(last - begin) * CHANNEL_BYTES);
    let count: i64 = 0;
    for (let i = 0; i < outer; i++) {
      if (present != 0 && load<i32>(present + (<usize>i << 2)) == 0) continue;
      let stretch = source + <usize>(i * channels + begin) * plane;
      let sums = scratch;
      for (let channel = begin; channel < last; channel++, stretch += plane, sums += CHANNEL_BYTES) {
        if (count == 0) store<f32>(sums, near(stretch, min(inner, 64)), 16);
        first = load<f64>(sums);
        second = load<f64>(sums, 8);
        for (let k = 0; k < inner; k += BLOCK) squares(stretch + (<usize>k << 2), min(BLOCK, inner - k), load<f32>(sums, 16));
        store<f64>(sums, first);
        store<f64>(sums, second, 8);
      }
      count += inner;
    }
    let sums = scratch;
    for (let channel = begin; channel < last; channel++, sums += CHANNEL_BYTES) {
      const sum = load<f64>(sums);
      const mean = sum / <f64>max<i64>(count, 1);
      store<f32>(means + (<usize>channel << 2), <f32>(<f64>load<f32>(sums, 16) + mean));
      store<f32>(variances + (<usize>channel << 2), <f32>((load<f64>(sums, 8) - mean * sum) / <f64>max<i64>(count - correction, 1)));
    }
  }
}

/** Operands: a [outer, channels, inner], b alike, centres [channels], out [2, channels], outer, channels, inner. Units: channels. */
export function channelProducts(at: usize, from: i32, to: i32, scratch: usize): void {
  at += HEAD_LENGTH;
  const a = <usize>load<u32>(at);
  const b = <usize>load<u32>(at, 4);
  const centres = <usize>load<u32>(at, 8);
  const out = <usize>load<u32>(at, 12);
  const outer = load<i32>(at, 16);
  const channels = load<i32>(at, 20);
  const inner = load<i32>(at, 24);
  const plane = <usize>inner << 2;
  for (let begin = from; begin < to; begin += TOGETHER) {
    const last = min(to, begin + TOGETHER);
    memory.fill(scratch, 0, <usize>(last - begin) * CHANNEL_BYTES);
    for (let i = 0; i < outer; i++) {
      let offset = <usize>(i * channels + begin) * plane;
      let sums = scratch;
      for (let channel = begin; channel < last; channel++, offset += plane, sums += CHANNEL_BYTES) {
        const centre = load<f32>(centres + (<usize>channel << 2));
        first = load<f64>(sums);
        second = load<f64>(sums, 8);
        for (let k = 0; k < inner; k += BLOCK) {
          const place = offset + (<usize>k << 2);
          products(a + place, b + place, min(BLOCK, inner - k), centre);
        }
        store<f64>(sums, first);
        store<f64>(sums, second, 8);
      }
    }
    let sums = scratch;
    for (let channel = begin; channel < last; channel++, sums += CHANNEL_BYTES) {
      store<f32>(out + (<usize>channel << 2), <f32>load<f64>(sums));
      store<f32>(out + (<usize>(channels + channel) << 2), <f32>load<f64>(sums, 8));
    }
  }
}
