/** @file Between single precision and the dtypes that values are only stored in: F16, BF16 and F64. */
import {
  CHUNK,
  FROM_BF16,
  FROM_F16,
  FROM_F64,
  HEAD_LENGTH,
  TO_BF16,
  TO_F16,
} from "./layout";
import { choose, splat } from "./lanes";

const SIGN: i32 = 0x80000000;
const INFINITE: i32 = 0x7f800000;

/** The exponent moves by a product, which is exact for normal and subnormal numbers; infinities and NaN keep the top one. */
// @ts-expect-error: decorator
@inline
function fromF16(half: v128): v128 {
  const size = v128.and(half, i32x4.splat(0x7fff));
  const number = f32x4.mul(i32x4.shl(size, 13), splat(reinterpret<f32>(0x77800000)));
  const special = v128.and(i32x4.gt_s(size, i32x4.splat(0x7bff)), i32x4.splat(INFINITE));
  return v128.or(v128.or(number, special), i32x4.shl(v128.and(half, i32x4.splat(0x8000)), 16));
}

/**
 * The nearest, ties to even. Below the smallest normal F16 a sum with a number whose last place is F16's does the rounding;
 * above it an integer does, which carries into the exponent, up to infinity.
 */
// @ts-expect-error: decorator
@inline
function toF16(value: v128): v128 {
  const sign = v128.and(value, i32x4.splat(SIGN));
  const size = v128.xor(value, sign);
  const halfway = splat(reinterpret<f32>(0x3f000000));
  const small = i32x4.sub(f32x4.add(size, halfway), halfway);
  const odd = v128.and(i32x4.shr_u(size, 13), i32x4.splat(1));
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(size, odd), i32x4.splat(0xc8000fff)), 13);
  const special = choose(i32x4.gt_s(size, i32x4.splat(INFINITE)), i32x4.splat(0x7e00), i32x4.splat(0x7c00));
  const finite = choose(i32x4.lt_s(size, i32x4.splat(0x38800000)), small, rounded);
  return v128.or(choose(i32x4.lt_s(size, i32x4.splat(0x47800000)), finite, special), i32x4.shr_u(sign, 16));
}

// @ts-expect-error: decorator
@inline
function toBF16(value: v128): v128 {
  const odd = v128.and(i32x4.shr_u(value, 16), i32x4.splat(1));
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(value, odd), i32x4.splat(0x7fff)), 16);
  return choose(f32x4.ne(value, value), i32x4.splat(0x7fc0), rounded);
}

/** Operands: source, out, elements, kind. Units are chunks. */
export function convert(at: usize, from: i32, to: i32): void {
  at += HEAD_LENGTH;
  const source = <usize>load<u32>(at);
  const out = <usize>load<u32>(at, 4);
  const end = min(<usize>load<u32>(at, 8), <usize>to * CHUNK);
  const kind = load<i32>(at, 12);
  for (let i = <usize>from * CHUNK; i < end; i += 4) {
    if (kind == FROM_F16) {
      v128.store(out + (i << 2), fromF16(v128.load16x4_u(source + (i << 1))));
    } else if (kind == FROM_BF16) {
      v128.store(out + (i << 2), i32x4.shl(v128.load16x4_u(source + (i << 1)), 16));
    } else if (kind == FROM_F64) {
      const low = f32x4.demote_f64x2_zero(v128.load(source + (i << 3)));
      const high = f32x4.demote_f64x2_zero(v128.load(source + (i << 3), 16));
      v128.store(out + (i << 2), v128.shuffle<i64>(low, high, 0, 2));
    } else {
      const value = v128.load(source + (i << 2));
      if (kind == TO_F16) v128.store64_lane(out + (i << 1), narrow(toF16(value)), 0);
      else if (kind == TO_BF16) v128.store64_lane(out + (i << 1), narrow(toBF16(value)), 0);
      else {
        v128.store(out + (i << 3), f64x2.promote_low_f32x4(value));
        v128.store(out + (i << 3), f64x2.promote_low_f32x4(v128.shuffle<i64>(value, value, 1, 1)), 16);
      }
    }
  }
}

/** The lower halves of four words, side by side. */
// @ts-expect-error: decorator
@inline
function narrow(words: v128): v128 {
  return i16x8.narrow_i32x4_u(words, words);
}
