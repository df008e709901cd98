/** @file Operations of chains that stand for a whole formula: an optimizer's step, and a normalisation by numbers that neighbours share. */
import { fma, fnma, splat } from "./lanes";

/** Where an operand of a strip stands: a register in the scratch memory, or memory that is walked with it. */
// @ts-expect-error: decorator
@inline
export function resolve(operand: usize, scratch: usize, offset: usize): usize {
  return operand & 1 ? (operand & ~3) + offset : scratch + operand;
}

// @ts-expect-error: decorator
@inline
function rootStepOf(a: v128, b: v128, c: v128, d: v128, e: v128, f: v128): v128 {
  const divisor = fma(f32x4.sqrt(d), e, f);
  return fnma(f32x4.div(c, divisor), b, a);
}

/** a − b × (c / (√d × e + f)): divisions take so long that all the rest is done meanwhile. */
export function rootStep(to: usize, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize, end: usize): void {
  for (let i: usize = 0; i < end; i += 32) {
    const x = rootStepOf(v128.load(a + i), v128.load(b + i), v128.load(c + i), v128.load(d + i), v128.load(e + i), v128.load(f + i));
    const y = rootStepOf(v128.load(a + i, 16), v128.load(b + i, 16), v128.load(c + i, 16), v128.load(d + i, 16), v128.load(e + i, 16), v128.load(f + i, 16));
    v128.store(to + i, x);
    v128.store(to + i, y, 16);
  }
}

/** Elements [start, start + count) normalised by numbers that are the same for `inner` neighbours. */
// @ts-expect-error: decorator
@inline
export function normalise(isCut: bool, at: usize, to: usize, from: usize, start: i32, count: i32): void {
  const means = <usize>load<u32>(at, 12);
  const scales = <usize>load<u32>(at, 16);
  const shifts = <usize>load<u32>(at, 20);
  const inner = load<i32>(at, 24);
  const middle = load<i32>(at, 28);
  const zero = splat(0);
  let group = start / inner;
  let within = start - group * inner;
  group %= middle;
  while (count > 0) {
    const run = min(count, inner - within);
    const place = <usize>group << 2;
    const mean = v128.load32_splat(means + place);
    const scale = v128.load32_splat(scales + place);
    const shift = v128.load32_splat(shifts + place);
    const end = to + (<usize>run << 2);
    for (const pairs = end - 16; to < pairs; to += 32, from += 32) {
      let x = f32x4.sub(v128.load(from), mean);
      let y = f32x4.sub(v128.load(from, 16), mean);
      x = fma(x, scale, shift);
      y = fma(y, scale, shift);
      if (isCut) {
        x = v128.andnot(x, f32x4.lt(x, zero));
        y = v128.andnot(y, f32x4.lt(y, zero));
      }
      v128.store(to, x);
      v128.store(to, y, 16);
    }
    if (to < end) {
      let x = f32x4.sub(v128.load(from), mean);
      x = fma(x, scale, shift);
      if (isCut) x = v128.andnot(x, f32x4.lt(x, zero));
      v128.store(to, x);
      to += 16;
      from += 16;
    }
    count -= run;
    within = 0;
    if (++group == middle) group = 0;
  }
}

/** A moving average, 0 where it has become faint. */
// @ts-expect-error: decorator
@inline
function faded(average: v128, faint: v128): v128 {
  return f32x4.sub(f32x4.add(average, faint), faint);
}

/**
 * A step of Adam: two faded moving averages, and a weight that follows them; what the division leaves of the time is enough for
 * all of it. Operands: weight, its place before, length of the step, mean, gradient, its share, the square's share, square,
 * its decay, factor of the root, what is added to it, what small numbers vanish beside, where mean and square go. All but
 * weight, mean, gradient and square are the same for all elements.
 */
export function adaptiveStep(at: usize, scratch: usize, offset: usize, end: usize): void {
  let to = resolve(load<u32>(at, 4), scratch, offset);
  let weight = resolve(load<u32>(at, 8), scratch, offset);
  let mean = resolve(load<u32>(at, 16), scratch, offset);
  let gradient = resolve(load<u32>(at, 20), scratch, offset);
  let square = resolve(load<u32>(at, 32), scratch, offset);
  let meanTo = resolve(load<u32>(at, 52), scratch, offset);
  let squareTo = resolve(load<u32>(at, 56), scratch, offset);
  const length = v128.load(scratch + load<u32>(at, 12));
  const share = v128.load(scratch + load<u32>(at, 24));
  const squareShare = v128.load(scratch + load<u32>(at, 28));
  const decay = v128.load(scratch + load<u32>(at, 36));
  const rootScale = v128.load(scratch + load<u32>(at, 40));
  const epsilon = v128.load(scratch + load<u32>(at, 44));
  const faint = v128.load(scratch + load<u32>(at, 48));
  for (const stop = to + end; to < stop; to += 32) {
    const g = v128.load(gradient);
    const h = v128.load(gradient, 16);
    const m = faded(fma(f32x4.sub(g, v128.load(mean)), share, v128.load(mean)), faint);
    const n = faded(fma(f32x4.sub(h, v128.load(mean, 16)), share, v128.load(mean, 16)), faint);
    const v = faded(fma(f32x4.mul(g, g), squareShare, f32x4.mul(v128.load(square), decay)), faint);
    const w = faded(fma(f32x4.mul(h, h), squareShare, f32x4.mul(v128.load(square, 16), decay)), faint);
    const x = rootStepOf(v128.load(weight), length, m, v, rootScale, epsilon);
    const y = rootStepOf(v128.load(weight, 16), length, n, w, rootScale, epsilon);
    v128.store(meanTo, m);
    v128.store(meanTo, n, 16);
    v128.store(squareTo, v);
    v128.store(squareTo, w, 16);
    v128.store(to, x);
    v128.store(to, y, 16);
    gradient += 32;
    mean += 32;
    square += 32;
    weight += 32;
    meanTo += 32;
    squareTo += 32;
  }
}
