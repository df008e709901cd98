/**
 * @file What the gates of recurrent layers ask for, in walks over rows: several short ones, since in a long one each number would wait
 * for those before it. Where V8 pairs vectors, two a turn.
 */
import { fma, fnma } from "./lanes";
import { tanh } from "./mathematics";
import { PAIRS } from "./width";

const ONE = memory.data<f32>([1]);
/** Added to a float below 2^22, it leaves the nearest integer in the lowest bits of the sum; moved up by 23 bits nothing else is left. */
const ROUNDING = memory.data<f32>([12582912]);
const MOST = memory.data<f32>([87]);
const LEAST = memory.data<f32>([-87]);
const ONE_OVER_LN2 = memory.data<f32>([1.44269504088896341]);
const LN2_HIGH = memory.data<f32>([0.693359375]);
const LN2_LOW = memory.data<f32>([-2.12194440e-4]);
/** Of (e^−q − 1 + q) / q² for |q| ≤ ln 2 / 2, from the lowest power up: fitted for the least largest error. */
const FALLING = memory.data<f32>([4.9999231100e-1, -1.6667115688e-1, 4.1890330613e-2, -8.3125010133e-3]);

// @ts-expect-error: decorator
@inline
function number(table: usize, index: usize = 0): v128 {
  return v128.load32_splat(table + (index << 2));
}

/** 1 / (1 + e^−x), within 4 units in the last place where −87 ≤ x ≤ 87 and as at those ends beyond, so that no power needs scaling twice. */
// @ts-expect-error: decorator
@inline
function gate(sum: v128): v128 {
  const x = f32x4.pmax(f32x4.pmin(sum, number(MOST)), number(LEAST));
  const n = fnma(x, number(ONE_OVER_LN2), number(ROUNDING));
  const whole = f32x4.sub(n, number(ROUNDING));
  const near = fma(whole, number(LN2_HIGH), x);
  const q = fma(whole, number(LN2_LOW), near);
  const square = f32x4.mul(q, q);
  const low = fma(number(FALLING, 1), q, number(FALLING, 0));
  const high = fma(number(FALLING, 3), q, number(FALLING, 2));
  const curve = fma(high, square, low);
  const power = fma(curve, square, f32x4.sub(number(ONE), q));
  return f32x4.div(number(ONE), f32x4.add(i32x4.add(power, i32x4.shl(n, 23)), number(ONE)));
}

/** at[…end] = 1 / (1 + e^−(at + bias)). */
export function sigmoids(at: usize, bias: usize, end: usize): void {
  if (PAIRS) {
    for (const pairs = end - 16; at < pairs; at += 32, bias += 32) {
      const x = gate(f32x4.add(v128.load(at), v128.load(bias)));
      const y = gate(f32x4.add(v128.load(at, 16), v128.load(bias, 16)));
      v128.store(at, x);
      v128.store(at, y, 16);
    }
  }
  for (; at < end; at += 16, bias += 16) v128.store(at, gate(f32x4.add(v128.load(at), v128.load(bias))));
}

/** at[…end] = tanh(at + bias). */
export function tanhs(at: usize, bias: usize, end: usize): void {
  if (PAIRS) {
    for (const pairs = end - 16; at < pairs; at += 32, bias += 32) {
      const x = tanh(f32x4.add(v128.load(at), v128.load(bias)));
      const y = tanh(f32x4.add(v128.load(at, 16), v128.load(bias, 16)));
      v128.store(at, x);
      v128.store(at, y, 16);
    }
  }
  for (; at < end; at += 16, bias += 16) v128.store(at, tanh(f32x4.add(v128.load(at), v128.load(bias))));
}

/** to[…end] = forgets · cells + inputs · candidates: the next cells. */
export function remember(inputs: usize, forgets: usize, candidates: usize, cells: usize, to: usize, end: usize): void {
  if (PAIRS) {
    for (const pairs = end - 16; to < pairs; to += 32, inputs += 32, forgets += 32, candidates += 32, cells += 32) {
      const x = fma(v128.load(forgets), v128.load(cells), f32x4.mul(v128.load(inputs), v128.load(candidates)));
      const y = fma(v128.load(forgets, 16), v128.load(cells, 16), f32x4.mul(v128.load(inputs, 16), v128.load(candidates, 16)));
      v128.store(to, x);
      v128.store(to, y, 16);
    }
  }
  for (; to < end; to += 16, inputs += 16, forgets += 16, candidates += 16, cells += 16) {
    v128.store(to, fma(v128.load(forgets), v128.load(cells), f32x4.mul(v128.load(inputs), v128.load(candidates))));
  }
}

/** to = copy = tanh(at[…end]) · factor. */
export function utter(at: usize, end: usize, factor: usize, to: usize, copy: usize): void {
  if (PAIRS) {
    for (const pairs = end - 16; at < pairs; at += 32, factor += 32, to += 32, copy += 32) {
      const x = f32x4.mul(tanh(v128.load(at)), v128.load(factor));
      const y = f32x4.mul(tanh(v128.load(at, 16)), v128.load(factor, 16));
      v128.store(to, x);
      v128.store(to, y, 16);
      v128.store(copy, x);
      v128.store(copy, y, 16);
    }
  }
  for (; at < end; at += 16, factor += 16, to += 16, copy += 16) {
    const x = f32x4.mul(tanh(v128.load(at)), v128.load(factor));
    v128.store(to, x);
    v128.store(copy, x);
  }
}

/** at[…end] = tanh(at). */
export function bend(at: usize, end: usize): void {
  if (PAIRS) {
    for (const pairs = end - 16; at < pairs; at += 32) {
      const x = tanh(v128.load(at));
      const y = tanh(v128.load(at, 16));
      v128.store(at, x);
      v128.store(at, y, 16);
    }
  }
  for (; at < end; at += 16) v128.store(at, tanh(v128.load(at)));
}
