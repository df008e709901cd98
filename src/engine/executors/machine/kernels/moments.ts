/** @file Variance of channels: each is read once for its mean and again, from the cache, for the squares around it. */
import { HEAD_LENGTH } from "./layout";
import { fma, sumLanes } from "./lanes";

/** Σ (x − shift), or with `isSquared` Σ (x − shift)², over one stretch. */
function stretch(at: usize, length: i32, shift: f32, isSquared: bool): f32 {
  const centre = f32x4.splat(shift);
  let a = f32x4.splat(0);
  let b = f32x4.splat(0);
  let i = 0;
  if (isSquared) {
    for (; i + 8 <= length; i += 8, at += 32) {
      const x = f32x4.sub(v128.load(at), centre);
      const y = f32x4.sub(v128.load(at, 16), centre);
      a = fma(x, x, a);
      b = fma(y, y, b);
    }
  } else {
    for (; i + 8 <= length; i += 8, at += 32) {
      a = f32x4.add(a, f32x4.sub(v128.load(at), centre));
      b = f32x4.add(b, f32x4.sub(v128.load(at, 16), centre));
    }
  }
  let sum = sumLanes(f32x4.add(a, b));
  for (; i < length; i++, at += 4) {
    const x = load<f32>(at) - shift;
    sum += isSquared ? x * x : x;
  }
  return sum;
}

/** Stretches are cut to this length, so that long sums keep their digits. */
const BLOCK: i32 = 4096;

/** Over all of a channel's stretches, added up in double precision. */
function channelSum(at: usize, outer: i32, step: usize, inner: i32, shift: f32, isSquared: bool): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < outer; i++, at += step) {
    for (let first = 0; first < inner; first += BLOCK) {
      sum += <f64>stretch(at + (<usize>first << 2), min(BLOCK, inner - first), shift, isSquared);
    }
  }
  return sum;
}

/** Operands: source [outer, channels, inner], out [channels], outer, channels, inner, what the squares' sum is multiplied by. Units: channels. */
export function variance(at: usize, from: i32, to: i32): void {
  at += HEAD_LENGTH;
  const source = <usize>load<u32>(at);
  const out = <usize>load<u32>(at, 4);
  const outer = load<i32>(at, 8);
  const channels = load<i32>(at, 12);
  const inner = load<i32>(at, 16);
  const scale = load<f32>(at, 20);
  const step = (<usize>channels * inner) << 2;
  for (let channel = from; channel < to; channel++) {
    const start = source + ((<usize>channel * inner) << 2);
    const mean = <f32>(channelSum(start, outer, step, inner, 0, false) / (<f64>outer * <f64>inner));
    store<f32>(out + (<usize>channel << 2), <f32>channelSum(start, outer, step, inner, mean, true) * scale);
  }
}
