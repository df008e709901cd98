/** @file Operations of chains that stand for a whole formula: an optimizer's step, and a normalisation by numbers that neighbours share. */
import { fma, fnma, splat } from "./lanes";

/** Where an operand of a strip stands: a register in the scratch memory, or memory that is walked with it. */
// @ts-expect-error: decorator
@inline
export function resolve(operand: usize, scratch: usize, offset: usize): usize {
  return operand & 1 ? (operand & ~3) + offset : scratch + operand;
}

/** a − b × (c / (√d × e + f)): divisions take so long that all the rest is done meanwhile. */
export function rootStep(to: usize, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize, end: usize): void {
  for (const stop = to + end; to < stop; to += 16, a += 16, b += 16, c += 16, d += 16, e += 16, f += 16) {
    const divisor = fma(f32x4.sqrt(v128.load(d)), v128.load(e), v128.load(f));
    v128.store(to, fnma(f32x4.div(v128.load(c), divisor), v128.load(b), v128.load(a)));
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
    for (const end = to + (<usize>run << 2); to < end; to += 16, from += 16) {
      let x = f32x4.sub(v128.load(from), mean);
      x = fma(x, scale, shift);
      if (isCut) x = v128.andnot(x, f32x4.lt(x, zero));
      v128.store(to, x);
    }
    count -= run;
    within = 0;
    if (++group == middle) group = 0;
  }
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
  for (const stop = to + end; to < stop; to += 16) {
    const g = v128.load(gradient);
    let m = v128.load(mean);
    m = fma(f32x4.sub(g, m), share, m);
    m = f32x4.sub(f32x4.add(m, faint), faint);
    let v = f32x4.mul(v128.load(square), decay);
    v = fma(f32x4.mul(g, g), squareShare, v);
    v = f32x4.sub(f32x4.add(v, faint), faint);
    v128.store(meanTo, m);
    v128.store(squareTo, v);
    const divisor = fma(f32x4.sqrt(v), rootScale, epsilon);
    v128.store(to, fnma(f32x4.div(m, divisor), length, v128.load(weight)));
    gradient += 16;
    mean += 16;
    square += 16;
    weight += 16;
    meanTo += 16;
    squareTo += 16;
  }
}
