/**
 * @file Reductions of one axis, the last or another. The order of additions depends on the shape alone: lanes first, then
 * blocks of fixed size, so that long sums keep their digits and every thread count gives the same bits.
 */
import { COLUMN_CHUNK, HEAD_LENGTH, MAX, MIN, PRODUCT_OF, SUM } from "./layout";

/** Vectors added to one accumulator before it is folded into the total. */
const BLOCK: i32 = 256;

// @ts-expect-error: decorator
@inline
function combine(kind: i32, a: v128, b: v128): v128 {
  if (kind == SUM) return f32x4.add(a, b);
  if (kind == MAX) return f32x4.max(a, b);
  if (kind == MIN) return f32x4.min(a, b);
  return f32x4.mul(a, b);
}

// @ts-expect-error: decorator
@inline
function identity(kind: i32): f32 {
  return kind == SUM ? <f32>0 : kind == MAX ? -Infinity : kind == MIN ? Infinity : <f32>1;
}

// @ts-expect-error: decorator
@inline
function combineNumbers(kind: i32, a: f32, b: f32): f32 {
  return kind == SUM ? a + b : kind == MAX ? max(a, b) : kind == MIN ? min(a, b) : a * b;
}

// @ts-expect-error: decorator
@inline
function row(kind: i32, at: usize, length: i32): f32 {
  const initial = f32x4.splat(identity(kind));
  let total = initial;
  let i = 0;
  while (i + 16 <= length) {
    let a = initial;
    let b = initial;
    let c = initial;
    let d = initial;
    for (const end = min(length, i + 16 * BLOCK); i + 16 <= end; i += 16, at += 64) {
      a = combine(kind, a, v128.load(at));
      b = combine(kind, b, v128.load(at, 16));
      c = combine(kind, c, v128.load(at, 32));
      d = combine(kind, d, v128.load(at, 48));
    }
    total = combine(kind, total, combine(kind, combine(kind, a, b), combine(kind, c, d)));
  }
  for (; i + 4 <= length; i += 4, at += 16) total = combine(kind, total, v128.load(at));
  const low = combineNumbers(kind, f32x4.extract_lane(total, 0), f32x4.extract_lane(total, 1));
  const high = combineNumbers(kind, f32x4.extract_lane(total, 2), f32x4.extract_lane(total, 3));
  let result = combineNumbers(kind, low, high);
  for (; i < length; i++, at += 4) result = combineNumbers(kind, result, load<f32>(at));
  return result;
}

// @ts-expect-error: decorator
@inline
function rows(kind: i32, source: usize, out: usize, length: i32, scale: f32, from: i32, to: i32): void {
  for (let i = from; i < to; i++) {
    const value = row(kind, source + ((<usize>i * length) << 2), length);
    store<f32>(out + (<usize>i << 2), kind == SUM ? value * scale : value);
  }
}

/** Sixteen columns, `step` bytes from row to row. */
// @ts-expect-error: decorator
@inline
function sixteenColumns(kind: i32, at: usize, step: usize, length: i32, scale: f32, to: usize): void {
  const initial = f32x4.splat(identity(kind));
  let a = initial;
  let b = initial;
  let c = initial;
  let d = initial;
  for (let i = 0; i < length; ) {
    let w = initial;
    let x = initial;
    let y = initial;
    let z = initial;
    for (const end = min(length, i + BLOCK); i < end; i++, at += step) {
      w = combine(kind, w, v128.load(at));
      x = combine(kind, x, v128.load(at, 16));
      y = combine(kind, y, v128.load(at, 32));
      z = combine(kind, z, v128.load(at, 48));
    }
    a = combine(kind, a, w);
    b = combine(kind, b, x);
    c = combine(kind, c, y);
    d = combine(kind, d, z);
  }
  const factor = f32x4.splat(scale);
  v128.store(to, kind == SUM ? f32x4.mul(a, factor) : a);
  v128.store(to, kind == SUM ? f32x4.mul(b, factor) : b, 16);
  v128.store(to, kind == SUM ? f32x4.mul(c, factor) : c, 32);
  v128.store(to, kind == SUM ? f32x4.mul(d, factor) : d, 48);
}

// @ts-expect-error: decorator
@inline
function columns(kind: i32, source: usize, out: usize, length: i32, inner: i32, scale: f32, from: i32, to: i32, scratch: usize): void {
  const chunks = (inner + COLUMN_CHUNK - 1) / COLUMN_CHUNK;
  const step = <usize>inner << 2;
  for (let unit = from; unit < to; unit++) {
    const outer = unit / chunks;
    const column = (unit - outer * chunks) * COLUMN_CHUNK;
    const at = source + <usize>outer * length * step + (<usize>column << 2);
    const target = out + <usize>outer * step + (<usize>column << 2);
    if (column + COLUMN_CHUNK <= inner) {
      sixteenColumns(kind, at, step, length, scale, target);
    } else {
      sixteenColumns(kind, at, step, length, scale, scratch);
      memory.copy(target, scratch, <usize>(inner - column) << 2);
    }
  }
}

// @ts-expect-error: decorator
@inline
function combineIntegers(kind: i32, a: i32, b: i32): i32 {
  return kind == SUM ? a + b : kind == MAX ? max(a, b) : kind == MIN ? min(a, b) : a * b;
}

/** Integers: rare, and exact in any order. */
function integers(kind: i32, source: usize, out: usize, length: i32, inner: i32, from: i32, to: i32): void {
  const initial = kind == SUM ? 0 : kind == MAX ? i32.MIN_VALUE : kind == MIN ? i32.MAX_VALUE : 1;
  for (let i = from; i < to; i++) {
    let at = source + ((<usize>(i / inner) * length * inner + (i % inner)) << 2);
    let value = initial;
    for (let k = 0; k < length; k++, at += <usize>inner << 2) value = combineIntegers(kind, value, load<i32>(at));
    store<i32>(out + (<usize>i << 2), value);
  }
}

/** Operands: source [units, length], out [units], length, kind, factor of a sum (a float's bits). */
export function reduceRows(at: usize, from: i32, to: i32): void {
  at += HEAD_LENGTH;
  const source = load<u32>(at);
  const out = load<u32>(at, 4);
  const length = load<i32>(at, 8);
  const kind = load<i32>(at, 12);
  const scale = load<f32>(at, 16);
  if (kind == SUM) rows(SUM, source, out, length, scale, from, to);
  else if (kind == MAX) rows(MAX, source, out, length, scale, from, to);
  else if (kind == MIN) rows(MIN, source, out, length, scale, from, to);
  else rows(PRODUCT_OF, source, out, length, scale, from, to);
}

/** Operands: source [outer, length, inner], out [outer, inner], length, kind, factor, inner. Units: outer × chunks of columns. */
export function reduceColumns(at: usize, from: i32, to: i32, scratch: usize): void {
  at += HEAD_LENGTH;
  const source = load<u32>(at);
  const out = load<u32>(at, 4);
  const length = load<i32>(at, 8);
  const kind = load<i32>(at, 12);
  const scale = load<f32>(at, 16);
  const inner = load<i32>(at, 20);
  if (kind == SUM) columns(SUM, source, out, length, inner, scale, from, to, scratch);
  else if (kind == MAX) columns(MAX, source, out, length, inner, scale, from, to, scratch);
  else if (kind == MIN) columns(MIN, source, out, length, inner, scale, from, to, scratch);
  else columns(PRODUCT_OF, source, out, length, inner, scale, from, to, scratch);
}

/** Operands as `reduceColumns`, on integers. Units: outputs. */
export function reduceIntegers(at: usize, from: i32, to: i32): void {
  at += HEAD_LENGTH;
  integers(load<i32>(at, 12), load<u32>(at), load<u32>(at, 4), load<i32>(at, 8), load<i32>(at, 20), from, to);
}

/** Operands: source [outer, length, inner], out [outer, inner] of positions, length, inner, 1 for the least, 1 for integers. */
export function extremePosition(at: usize, from: i32, to: i32): void {
  at += HEAD_LENGTH;
  const source = <usize>load<u32>(at);
  const out = <usize>load<u32>(at, 4);
  const length = load<i32>(at, 8);
  const inner = load<i32>(at, 12);
  const isLeast = load<i32>(at, 16) != 0;
  const isInteger = load<i32>(at, 20) != 0;
  for (let i = from; i < to; i++) {
    const start = source + ((<usize>(i / inner) * length * inner + (i % inner)) << 2);
    let best = 0;
    // Doubles hold floats and 32-bit integers alike.
    let champion = isInteger ? <f64>load<i32>(start) : <f64>load<f32>(start);
    for (let k = 1; k < length; k++) {
      const place = start + ((<usize>k * inner) << 2);
      const candidate = isInteger ? <f64>load<i32>(place) : <f64>load<f32>(place);
      if ((isLeast ? candidate < champion : candidate > champion) || (isNaN(candidate) && !isNaN(champion))) {
        best = k;
        champion = candidate;
      }
    }
    store<i32>(out + (<usize>i << 2), best);
  }
}
