/**
 * @file Fused pointwise chains: a little register program, applied strip by strip. A strip's registers stay in the
 * first-level cache, so that the chain touches memory once however long it is.
 *
 * Instruction: elements, count of prologue operations, count of body operations, then operations of eight words each. An
 * operand is an offset in the thread's scratch (a register), or, with its lowest bit set, an address in memory whose
 * elements are those of the strip. The prologue runs once (what is the same for all strips), the body once a strip.
 */

import { choose, fma, fnma, splat, truth } from "./lanes";
import * as op from "./layout";
import * as mathematics from "./mathematics";
import { gelu } from "./normal";
import { uniform } from "./random";
import { adaptiveStep, normalise, resolve, rootStep } from "./steps";
import { PAIRS } from "./width";

const OPERATION_BYTES: usize = 32;

// @ts-expect-error: decorator
@inline
function unaryOf(code: i32, x: v128): v128 {
  if (code == op.P_COPY) return x;
  if (code == op.P_NEG) return f32x4.neg(x);
  if (code == op.P_ABS) return f32x4.abs(x);
  if (code == op.P_SQUARE) return f32x4.mul(x, x);
  if (code == op.P_SQRT) return f32x4.sqrt(x);
  if (code == op.P_RSQRT) return f32x4.div(splat(1), f32x4.sqrt(x));
  if (code == op.P_RECIPROCAL) return f32x4.div(splat(1), x);
  if (code == op.P_SIGN) return choose(f32x4.gt(x, splat(0)), splat(1), choose(f32x4.lt(x, splat(0)), splat(-1), x));
  if (code == op.P_FLOOR) return f32x4.floor(x);
  if (code == op.P_CEIL) return f32x4.ceil(x);
  if (code == op.P_ROUND) return f32x4.nearest(x);
  if (code == op.P_RELU) return v128.andnot(x, f32x4.lt(x, splat(0)));
  if (code == op.P_EXP) return mathematics.exp(x);
  if (code == op.P_EXPM1) return mathematics.expm1(x);
  if (code == op.P_LOG) return mathematics.log(x);
  if (code == op.P_LOG1P) return mathematics.log1p(x);
  if (code == op.P_SIN) return mathematics.sin(x);
  if (code == op.P_COS) return mathematics.cos(x);
  if (code == op.P_TANH) return mathematics.tanh(x);
  if (code == op.P_SIGMOID) return mathematics.sigmoid(x);
  if (code == op.P_ERF) return mathematics.erf(x);
  if (code == op.P_IS_NAN) return truth(f32x4.ne(x, x));
  if (code == op.P_I_NEG) return i32x4.neg(x);
  if (code == op.P_I_ABS) return i32x4.abs(x);
  if (code == op.P_I_SIGN) return i32x4.sub(i32x4.lt_s(x, i32x4.splat(0)), i32x4.gt_s(x, i32x4.splat(0)));
  if (code == op.P_I_NOT) return truth(i32x4.eq(x, i32x4.splat(0)));
  if (code == op.P_INT_TO_FLOAT) return f32x4.convert_i32x4_s(x);
  if (code == op.P_FLOAT_TO_INT) return i32x4.trunc_sat_f32x4_s(x);
  if (code == op.P_FLOAT_TO_BOOL) return truth(f32x4.ne(x, splat(0)));
  if (code == op.P_INT_TO_BOOL) return truth(i32x4.ne(x, i32x4.splat(0)));
  return x;
}

// @ts-expect-error: decorator
@inline
function binaryOf(code: i32, a: v128, b: v128): v128 {
  if (code == op.P_ADD) return f32x4.add(a, b);
  if (code == op.P_SUB) return f32x4.sub(a, b);
  if (code == op.P_MUL) return f32x4.mul(a, b);
  if (code == op.P_DIV) return f32x4.div(a, b);
  if (code == op.P_FADE) return f32x4.sub(f32x4.add(a, b), b);
  if (code == op.P_MAXIMUM) return f32x4.max(a, b);
  if (code == op.P_MINIMUM) return f32x4.min(a, b);
  if (code == op.P_POW) return mathematics.pow(a, b);
  if (code == op.P_EQUAL) return truth(f32x4.eq(a, b));
  if (code == op.P_NOT_EQUAL) return truth(f32x4.ne(a, b));
  if (code == op.P_LESS) return truth(f32x4.lt(a, b));
  if (code == op.P_LESS_EQUAL) return truth(f32x4.le(a, b));
  if (code == op.P_I_ADD) return i32x4.add(a, b);
  if (code == op.P_I_SUB) return i32x4.sub(a, b);
  if (code == op.P_I_MUL) return i32x4.mul(a, b);
  if (code == op.P_I_MAXIMUM) return i32x4.max_s(a, b);
  if (code == op.P_I_MINIMUM) return i32x4.min_s(a, b);
  if (code == op.P_I_EQUAL) return truth(i32x4.eq(a, b));
  if (code == op.P_I_NOT_EQUAL) return truth(i32x4.ne(a, b));
  if (code == op.P_I_LESS) return truth(i32x4.lt_s(a, b));
  if (code == op.P_I_LESS_EQUAL) return truth(i32x4.le_s(a, b));
  if (code == op.P_I_AND) return v128.and(a, b);
  if (code == op.P_I_OR) return v128.or(a, b);
  return a;
}

// @ts-expect-error: decorator
@inline
function ternaryOf(code: i32, a: v128, b: v128, c: v128): v128 {
  if (code == op.P_WHERE) return choose(i32x4.ne(a, i32x4.splat(0)), b, c);
  if (code == op.P_FMA) return fma(a, b, c);
  if (code == op.P_TOWARD) return fma(f32x4.sub(b, a), c, a);
  return fnma(a, b, c);
}

// @ts-expect-error: decorator
@inline
function quaternaryOf(code: i32, a: v128, b: v128, c: v128, d: v128): v128 {
  if (code == op.P_MEAN_SQUARE) return fma(f32x4.mul(a, a), b, f32x4.mul(c, d));
  return f32x4.div(a, fma(f32x4.sqrt(b), c, d));
}

// @ts-expect-error: decorator
@inline
function unary(code: i32, to: usize, a: usize, end: usize): void {
  for (const stop = to + end; to < stop; to += 64, a += 64) {
    const x = unaryOf(code, v128.load(a));
    const y = unaryOf(code, v128.load(a, 16));
    const z = unaryOf(code, v128.load(a, 32));
    const w = unaryOf(code, v128.load(a, 48));
    v128.store(to, x);
    v128.store(to, y, 16);
    v128.store(to, z, 32);
    v128.store(to, w, 48);
  }
}

// @ts-expect-error: decorator
@inline
function heavyUnary(code: i32, to: usize, a: usize, end: usize): void {
  if (PAIRS) {
    for (const stop = to + end; to < stop; to += 32, a += 32) {
      const x = unaryOf(code, v128.load(a));
      const y = unaryOf(code, v128.load(a, 16));
      v128.store(to, x);
      v128.store(to, y, 16);
    }
    return;
  }
  for (const stop = to + end; to < stop; to += 16, a += 16) v128.store(to, unaryOf(code, v128.load(a)));
}

// @ts-expect-error: decorator
@inline
function binary(code: i32, to: usize, a: usize, b: usize, end: usize): void {
  for (const stop = to + end; to < stop; to += 64, a += 64, b += 64) {
    const x = binaryOf(code, v128.load(a), v128.load(b));
    const y = binaryOf(code, v128.load(a, 16), v128.load(b, 16));
    const z = binaryOf(code, v128.load(a, 32), v128.load(b, 32));
    const w = binaryOf(code, v128.load(a, 48), v128.load(b, 48));
    v128.store(to, x);
    v128.store(to, y, 16);
    v128.store(to, z, 32);
    v128.store(to, w, 48);
  }
}

// @ts-expect-error: decorator
@inline
function ternary(code: i32, to: usize, a: usize, b: usize, c: usize, end: usize): void {
  for (const stop = to + end; to < stop; to += 64, a += 64, b += 64, c += 64) {
    const x = ternaryOf(code, v128.load(a), v128.load(b), v128.load(c));
    const y = ternaryOf(code, v128.load(a, 16), v128.load(b, 16), v128.load(c, 16));
    const z = ternaryOf(code, v128.load(a, 32), v128.load(b, 32), v128.load(c, 32));
    const w = ternaryOf(code, v128.load(a, 48), v128.load(b, 48), v128.load(c, 48));
    v128.store(to, x);
    v128.store(to, y, 16);
    v128.store(to, z, 32);
    v128.store(to, w, 48);
  }
}

// @ts-expect-error: decorator
@inline
function quaternary(code: i32, to: usize, a: usize, b: usize, c: usize, d: usize, end: usize): void {
  for (const stop = to + end; to < stop; to += 32, a += 32, b += 32, c += 32, d += 32) {
    const x = quaternaryOf(code, v128.load(a), v128.load(b), v128.load(c), v128.load(d));
    const y = quaternaryOf(code, v128.load(a, 16), v128.load(b, 16), v128.load(c, 16), v128.load(d, 16));
    v128.store(to, x);
    v128.store(to, y, 16);
  }
}

// @ts-expect-error: decorator
@inline
function gelus(to: usize, x: usize, slope: usize, end: usize, isWanted: bool, isSlopeWanted: bool): void {
  for (const stop = x + end; x < stop; x += 16, to += 16, slope += 16) gelu(v128.load(x), to, slope, isWanted, isSlopeWanted);
}

/** Toward zero; 0 where divided by 0. */
function integerDivide(to: usize, a: usize, b: usize, end: usize): void {
  for (let i: usize = 0; i < end; i += 4) {
    const divisor = load<i32>(b + i);
    const dividend = load<i32>(a + i);
    store<i32>(to + i, divisor == 0 ? 0 : divisor == -1 ? -dividend : dividend / divisor);
  }
}

/** Element i of the strip that starts at `start` is source[(i / inner) mod middle]. May write 12 bytes past the strip. */
function broadcast(to: usize, source: usize, inner: i32, middle: i32, start: i32, count: i32): void {
  if (inner == 1) {
    let from = start % middle;
    if (middle < 16) {
      for (let i = 0; i < count; i++) {
        store<f32>(to + (<usize>i << 2), load<f32>(source + (<usize>from << 2)));
        if (++from == middle) from = 0;
      }
      return;
    }
    while (count > 0) {
      const run = min(count, middle - from);
      for (let i: usize = 0, end = <usize>run << 2, at = source + (<usize>from << 2); i < end; i += 16) {
        v128.store(to + i, v128.load(at + i));
      }
      to += <usize>run << 2;
      count -= run;
      from = 0;
    }
    return;
  }
  let group = start / inner;
  let within = start - group * inner;
  group %= middle;
  while (count > 0) {
    const run = min(count, inner - within);
    const value = v128.load32_splat(source + (<usize>group << 2));
    for (let i: usize = 0, end = <usize>run << 2; i < end; i += 16) v128.store(to + i, value);
    to += <usize>run << 2;
    count -= run;
    within = 0;
    if (++group == middle) group = 0;
  }
}

function index(to: usize, start: i32, end: usize): void {
  let value = i32x4.add(i32x4.splat(start), i32x4(0, 1, 2, 3));
  for (let i: usize = 0; i < end; i += 16) {
    v128.store(to + i, value);
    value = i32x4.add(value, i32x4.splat(4));
  }
}

/** Applies `count` operations to the strip of elements [start, start + elements). */
function apply(at: usize, count: i32, scratch: usize, start: i32, elements: i32): void {
  const offset = <usize>start << 2;
  // Whole vectors: buffers and registers have room for it.
  const end = (<usize>(elements + 15) & ~15) << 2;
  for (let i = 0; i < count; i++, at += OPERATION_BYTES) {
    const to = resolve(load<u32>(at, 4), scratch, offset);
    const a = resolve(load<u32>(at, 8), scratch, offset);
    const b = resolve(load<u32>(at, 12), scratch, offset);
    const c = resolve(load<u32>(at, 16), scratch, offset);
    const d = resolve(load<u32>(at, 20), scratch, offset);
    switch (load<i32>(at)) {
      case op.P_COPY:
        unary(op.P_COPY, to, a, end);
        break;
      case op.P_NEG:
        unary(op.P_NEG, to, a, end);
        break;
      case op.P_ABS:
        unary(op.P_ABS, to, a, end);
        break;
      case op.P_SQUARE:
        unary(op.P_SQUARE, to, a, end);
        break;
      case op.P_SQRT:
        unary(op.P_SQRT, to, a, end);
        break;
      case op.P_RSQRT:
        unary(op.P_RSQRT, to, a, end);
        break;
      case op.P_RECIPROCAL:
        unary(op.P_RECIPROCAL, to, a, end);
        break;
      case op.P_SIGN:
        unary(op.P_SIGN, to, a, end);
        break;
      case op.P_FLOOR:
        unary(op.P_FLOOR, to, a, end);
        break;
      case op.P_CEIL:
        unary(op.P_CEIL, to, a, end);
        break;
      case op.P_ROUND:
        unary(op.P_ROUND, to, a, end);
        break;
      case op.P_RELU:
        unary(op.P_RELU, to, a, end);
        break;
      case op.P_IS_NAN:
        unary(op.P_IS_NAN, to, a, end);
        break;
      case op.P_I_NEG:
        unary(op.P_I_NEG, to, a, end);
        break;
      case op.P_I_ABS:
        unary(op.P_I_ABS, to, a, end);
        break;
      case op.P_I_SIGN:
        unary(op.P_I_SIGN, to, a, end);
        break;
      case op.P_I_NOT:
        unary(op.P_I_NOT, to, a, end);
        break;
      case op.P_INT_TO_FLOAT:
        unary(op.P_INT_TO_FLOAT, to, a, end);
        break;
      case op.P_FLOAT_TO_INT:
        unary(op.P_FLOAT_TO_INT, to, a, end);
        break;
      case op.P_FLOAT_TO_BOOL:
        unary(op.P_FLOAT_TO_BOOL, to, a, end);
        break;
      case op.P_INT_TO_BOOL:
        unary(op.P_INT_TO_BOOL, to, a, end);
        break;
      case op.P_EXP:
        heavyUnary(op.P_EXP, to, a, end);
        break;
      case op.P_EXPM1:
        heavyUnary(op.P_EXPM1, to, a, end);
        break;
      case op.P_LOG:
        heavyUnary(op.P_LOG, to, a, end);
        break;
      case op.P_LOG1P:
        heavyUnary(op.P_LOG1P, to, a, end);
        break;
      case op.P_SIN:
        heavyUnary(op.P_SIN, to, a, end);
        break;
      case op.P_COS:
        heavyUnary(op.P_COS, to, a, end);
        break;
      case op.P_TANH:
        heavyUnary(op.P_TANH, to, a, end);
        break;
      case op.P_SIGMOID:
        heavyUnary(op.P_SIGMOID, to, a, end);
        break;
      case op.P_ERF:
        heavyUnary(op.P_ERF, to, a, end);
        break;
      case op.P_ADD:
        binary(op.P_ADD, to, a, b, end);
        break;
      case op.P_SUB:
        binary(op.P_SUB, to, a, b, end);
        break;
      case op.P_MUL:
        binary(op.P_MUL, to, a, b, end);
        break;
      case op.P_DIV:
        binary(op.P_DIV, to, a, b, end);
        break;
      case op.P_MAXIMUM:
        binary(op.P_MAXIMUM, to, a, b, end);
        break;
      case op.P_MINIMUM:
        binary(op.P_MINIMUM, to, a, b, end);
        break;
      case op.P_EQUAL:
        binary(op.P_EQUAL, to, a, b, end);
        break;
      case op.P_NOT_EQUAL:
        binary(op.P_NOT_EQUAL, to, a, b, end);
        break;
      case op.P_LESS:
        binary(op.P_LESS, to, a, b, end);
        break;
      case op.P_LESS_EQUAL:
        binary(op.P_LESS_EQUAL, to, a, b, end);
        break;
      case op.P_I_ADD:
        binary(op.P_I_ADD, to, a, b, end);
        break;
      case op.P_I_SUB:
        binary(op.P_I_SUB, to, a, b, end);
        break;
      case op.P_I_MUL:
        binary(op.P_I_MUL, to, a, b, end);
        break;
      case op.P_I_MAXIMUM:
        binary(op.P_I_MAXIMUM, to, a, b, end);
        break;
      case op.P_I_MINIMUM:
        binary(op.P_I_MINIMUM, to, a, b, end);
        break;
      case op.P_I_EQUAL:
        binary(op.P_I_EQUAL, to, a, b, end);
        break;
      case op.P_I_NOT_EQUAL:
        binary(op.P_I_NOT_EQUAL, to, a, b, end);
        break;
      case op.P_I_LESS:
        binary(op.P_I_LESS, to, a, b, end);
        break;
      case op.P_I_LESS_EQUAL:
        binary(op.P_I_LESS_EQUAL, to, a, b, end);
        break;
      case op.P_I_AND:
        binary(op.P_I_AND, to, a, b, end);
        break;
      case op.P_I_OR:
        binary(op.P_I_OR, to, a, b, end);
        break;
      case op.P_POW:
        binary(op.P_POW, to, a, b, end);
        break;
      case op.P_WHERE:
        ternary(op.P_WHERE, to, a, b, c, end);
        break;
      case op.P_FMA:
        ternary(op.P_FMA, to, a, b, c, end);
        break;
      case op.P_FNMA:
        ternary(op.P_FNMA, to, a, b, c, end);
        break;
      case op.P_TOWARD:
        ternary(op.P_TOWARD, to, a, b, c, end);
        break;
      case op.P_MEAN_SQUARE:
        quaternary(op.P_MEAN_SQUARE, to, a, b, c, d, end);
        break;
      case op.P_OVER_ROOT:
        quaternary(op.P_OVER_ROOT, to, a, b, c, d, end);
        break;
      case op.P_ROOT_STEP:
        rootStep(to, a, b, c, d, resolve(load<u32>(at, 24), scratch, offset), resolve(load<u32>(at, 28), scratch, offset), end);
        break;
      case op.P_FADE:
        binary(op.P_FADE, to, a, b, end);
        break;
      case op.P_NORMALISE:
        normalise(false, at, to, a, start, elements);
        break;
      case op.P_NORMALISE_RELU:
        normalise(true, at, to, a, start, elements);
        break;
      case op.P_ADAPTIVE_STEP:
        adaptiveStep(at, scratch, offset, end);
        at += OPERATION_BYTES;
        break;
      case op.P_GELU:
        gelus(to, a, to, end, true, false);
        break;
      case op.P_GELU_SLOPE:
        gelus(to, a, to, end, false, true);
        break;
      case op.P_GELU_BOTH:
        gelus(to, a, b, end, true, true);
        break;
      case op.P_I_DIV:
        integerDivide(to, a, b, end);
        break;
      case op.P_CONSTANT: {
        const value = i32x4.splat(load<i32>(at, 8));
        for (let j: usize = 0; j < end; j += 16) v128.store(to + j, value);
        break;
      }
      case op.P_BROADCAST:
        broadcast(to, load<u32>(at, 8), load<i32>(at, 12), load<i32>(at, 16), start, elements);
        break;
      case op.P_UNIFORM:
        uniform(to, load<u32>(at, 8), load<u32>(at, 12), start, elements);
        break;
      case op.P_INDEX:
        index(to, start, end);
        break;
      default:
        unreachable();
    }
  }
}

/** Units are strips. */
export function pointwise(at: usize, from: i32, to: i32, scratch: usize): void {
  at += op.HEAD_LENGTH;
  const elements = load<i32>(at);
  const prologue = load<i32>(at, 4);
  const body = load<i32>(at, 8);
  at += 12;
  apply(at, prologue, scratch, 0, op.STRIP);
  at += <usize>prologue * OPERATION_BYTES;
  for (let strip = from; strip < to; strip++) {
    const start = strip * op.STRIP;
    apply(at, body, scratch, start, min(op.STRIP, elements - start));
  }
}
