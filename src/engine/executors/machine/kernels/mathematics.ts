/**
 * @file Elementary functions of four floats, each within 4 units in the last place over all magnitudes, special values
 * included. Polynomials for exp, log, sin and cos are those of Cephes (S. Moshier, single precision); the one for erf is
 * N. Juffa's. What a formula takes stands in memory, and is loaded where it is used: V8 keeps few vectors in registers, and
 * makes one out of a literal in three instructions. The polynomial for exp is summed in pairs (Estrin), which waits for less.
 */
import { choose, fma, fnma, splat } from "./lanes";

const ONE = memory.data<f32>([1]);
const TWO = memory.data<f32>([2]);
const MINUS_ONE = memory.data<f32>([-1]);
const LN2_HIGH = memory.data<f32>([0.693359375]);
const LN2_LOW = memory.data<f32>([-2.12194440e-4]);
const ONE_OVER_LN2 = memory.data<f32>([1.44269504088896341]);
/** Of (e^r − 1 − r) / r², from the lowest power up. */
const EXP = memory.data<f32>([5.0000001201e-1, 1.6666665459e-1, 4.1665795894e-2, 8.3334519073e-3, 1.3981999507e-3, 1.9875691500e-4]);
/** From here on e^x is infinite, and below the other it is 0. */
const EXP_MOST = memory.data<f32>([90]);
const EXP_LEAST = memory.data<f32>([-104]);
const LN2 = memory.data<f32>([0.69314718056]);
/** Of (e^r − 1 − r) / r², within 1.1e-7 of e^r; and where it is cut off. */
const EXP_SHARE = memory.data<f32>([4.9999201756e-1, 1.6667133223e-1, 4.1894499619e-2, 8.3120491159e-3]);
const SHARE_LEAST = memory.data<f32>([-87]);
/** Of log(1 + f), from f³ up. */
const LOG = memory.data<f32>([
  3.3333331174e-1, -2.4999993993e-1, 2.0000714765e-1, -1.6668057665e-1, 1.4249322787e-1, -1.2420140846e-1, 1.1676998740e-1,
  -1.1514610310e-1, 7.0376836292e-2,
]);
/** From here on tanh is ±1. */
const TANH_BORDERS = memory.data<f32>([9.02, -9.02]);
/** Of 2 tanh(x / 2), over x³ and after x; and of what it is divided by, after 2 in x²: our own fit, for single precision. */
const TANH_ABOVE = memory.data<f32>([2.964256890118122e-2, 1.1148842895636335e-4]);
const TANH_BELOW = memory.data<f32>([2.2595159709453583e-1, 2.385790226981044e-3, 2.346146629861323e-6]);
/** Which of the two below is taken. */
const ERF_BORDER = memory.data<f32>([0.927734375]);
/** Of log(1 − erf t) / t + 1, and of erf x / x − 1 in x². */
const ERF_FAR = memory.data<f32>([-1.28717512e-1, -6.34846687e-1, -1.06777877e-1, 2.42546219e-2, -3.88396438e-3, 3.83197126e-4, -1.72853470e-5]);
const ERF_NEAR = memory.data<f32>([1.28379166e-1, -3.76125336e-1, 1.12819925e-1, -2.67681349e-2, 4.99119423e-3, -5.96761703e-4]);

/** The number at `table`, in all four lanes. */
// @ts-expect-error: decorator
@inline
function number(table: usize, index: usize = 0): v128 {
  return v128.load32_splat(table + (index << 2));
}

// @ts-expect-error: decorator
@inline
function signOf(x: v128): v128 {
  return v128.and(x, i32x4.splat(0x80000000));
}

/** 2^n for integers n in [−126, 127], as floats. */
// @ts-expect-error: decorator
@inline
function powerOfTwo(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

/** e^r − 1 for |r| ≤ ln 2 / 2. */
// @ts-expect-error: decorator
@inline
function smallExpm1(r: v128): v128 {
  const r2 = f32x4.mul(r, r);
  const high = fma(number(EXP, 5), r, number(EXP, 4));
  const middle = fma(number(EXP, 3), r, number(EXP, 2));
  const low = fma(number(EXP, 1), r, number(EXP, 0));
  return fma(fma(fma(high, r2, middle), r2, low), r2, r);
}

/** Added to a float below 2^22, it leaves the nearest integer in the lowest bits of the sum. */
const ROUNDING = memory.data<f32>([12582912]);

/** x / ln 2 to the nearest integer, as a float plus `ROUNDING`. */
// @ts-expect-error: decorator
@inline
function multiplesOfLn2(x: v128): v128 {
  return fma(x, number(ONE_OVER_LN2), number(ROUNDING));
}

// @ts-expect-error: decorator
@inline
function roundedFloat(n: v128): v128 {
  return f32x4.sub(n, number(ROUNDING));
}

// @ts-expect-error: decorator
@inline
function roundedInteger(n: v128): v128 {
  return i32x4.sub(n, number(ROUNDING));
}

// @ts-expect-error: decorator
@inline
function withoutLn2(x: v128, n: v128): v128 {
  return fnma(n, number(LN2_LOW), fnma(n, number(LN2_HIGH), x));
}

/** Scaled in two steps, since 2^n itself may be too large or too small for a float when the result is not. */
// @ts-expect-error: decorator
@inline
export function exp(x: v128): v128 {
  // Below this end the result is 0, which costs time to find by underflow. NaN passes both comparisons.
  const isTiny = f32x4.lt(x, number(EXP_LEAST));
  const limited = v128.andnot(f32x4.pmin(x, number(EXP_MOST)), isTiny);
  const n = multiplesOfLn2(limited);
  const q = smallExpm1(withoutLn2(limited, roundedFloat(n)));
  const whole = roundedInteger(n);
  const half = i32x4.shr_s(whole, 1);
  const y = f32x4.mul(f32x4.add(q, number(ONE)), powerOfTwo(half));
  return v128.andnot(f32x4.mul(y, powerOfTwo(i32x4.sub(whole, half))), isTiny);
}

/** e^x where −80 ≤ x ≤ 0: no end is near. */
// @ts-expect-error: decorator
@inline
function moderateExp(x: v128): v128 {
  const n = multiplesOfLn2(x);
  const y = f32x4.add(smallExpm1(withoutLn2(x, roundedFloat(n))), number(ONE));
  return f32x4.mul(y, powerOfTwo(roundedInteger(n)));
}

/**
 * e^x where x ≤ 0, for shares of a whole: within 3e-7 of itself where x > −16, within 1e-5 everywhere, and 0 below −87. A shorter
 * polynomial than that of `exp`, and ln 2 in one piece.
 */
// @ts-expect-error: decorator
@inline
export function expShare(x: v128): v128 {
  const limited = f32x4.pmax(x, number(SHARE_LEAST));
  const n = multiplesOfLn2(limited);
  const r = fnma(roundedFloat(n), number(LN2), limited);
  const r2 = f32x4.mul(r, r);
  const low = fma(number(EXP_SHARE, 1), r, number(EXP_SHARE, 0));
  const high = fma(number(EXP_SHARE, 3), r, number(EXP_SHARE, 2));
  const p = fma(high, r2, low);
  const y = fma(p, r2, f32x4.add(r, number(ONE)));
  return v128.andnot(f32x4.mul(y, powerOfTwo(n)), f32x4.lt(x, number(SHARE_LEAST)));
}

// @ts-expect-error: decorator
@inline
export function expm1(x: v128): v128 {
  const limited = f32x4.pmax(f32x4.pmin(x, number(EXP_MOST)), splat(-30));
  const n = multiplesOfLn2(limited);
  const q = smallExpm1(withoutLn2(limited, roundedFloat(n)));
  const whole = roundedInteger(n);
  const half = i32x4.shr_s(whole, 1);
  const scaleA = powerOfTwo(half);
  const scaleB = powerOfTwo(i32x4.sub(whole, half));
  const scale = f32x4.mul(scaleA, scaleB);
  const near = fma(q, scale, f32x4.sub(scale, number(ONE)));
  const far = f32x4.mul(f32x4.mul(f32x4.add(q, number(ONE)), scaleA), scaleB);
  const y = choose(f32x4.gt(x, splat(60)), far, near);
  // Below this x is its own answer, and −0 and subnormals survive.
  return choose(f32x4.lt(f32x4.abs(x), splat(1e-10)), x, y);
}

// @ts-expect-error: decorator
@inline
export function log(x: v128): v128 {
  const isTiny = f32x4.lt(x, splat(1.17549435e-38));
  const scaled = choose(isTiny, f32x4.mul(x, splat(8388608)), x);
  // The exponent, so that the mantissa lies in [√½, √2).
  const bits = i32x4.sub(scaled, i32x4.splat(0x3f3504f3));
  let exponent = f32x4.convert_i32x4_s(i32x4.shr_s(bits, 23));
  exponent = f32x4.sub(exponent, v128.and(isTiny, splat(23)));
  const mantissa = i32x4.add(v128.and(bits, i32x4.splat(0x007fffff)), i32x4.splat(0x3f3504f3));
  const f = f32x4.sub(mantissa, number(ONE));
  const z = f32x4.mul(f, f);
  let p = number(LOG, 8);
  p = fma(p, f, number(LOG, 7));
  p = fma(p, f, number(LOG, 6));
  p = fma(p, f, number(LOG, 5));
  p = fma(p, f, number(LOG, 4));
  p = fma(p, f, number(LOG, 3));
  p = fma(p, f, number(LOG, 2));
  p = fma(p, f, number(LOG, 1));
  p = fma(p, f, number(LOG, 0));
  let y = f32x4.mul(f32x4.mul(p, f), z);
  y = fma(exponent, number(LN2_LOW), y);
  y = fma(splat(-0.5), z, y);
  y = f32x4.add(f, y);
  y = fma(exponent, number(LN2_HIGH), y);
  y = choose(f32x4.eq(x, splat(Infinity)), x, y);
  y = choose(f32x4.eq(x, splat(0)), splat(-Infinity), y);
  // Of negative numbers and NaN: NaN.
  return choose(f32x4.ge(x, splat(0)), y, splat(NaN));
}

/** log(u) for the rounded u = 1 + x, and what the rounding lost, to first order (Kahan). */
// @ts-expect-error: decorator
@inline
export function log1p(x: v128): v128 {
  const u = f32x4.add(x, number(ONE));
  const lost = f32x4.div(f32x4.sub(x, f32x4.sub(u, number(ONE))), u);
  const logarithm = log(u);
  const isFinite = v128.and(f32x4.gt(u, splat(0)), f32x4.lt(u, splat(Infinity)));
  const y = choose(isFinite, f32x4.add(logarithm, lost), logarithm);
  return choose(f32x4.eq(u, number(ONE)), x, y);
}

/**
 * 2t / (1 + t²) with t = tanh(x / 2) as n / d, a quotient of polynomials: in one division, and where tanh is flat so is the error's share.
 */
// @ts-expect-error: decorator
@inline
export function tanh(x: v128): v128 {
  // Beyond the borders tanh is 1 in single precision. NaN passes both comparisons.
  const limited = f32x4.pmax(f32x4.pmin(x, number(TANH_BORDERS, 0)), number(TANH_BORDERS, 1));
  const z = f32x4.mul(limited, limited);
  const p = fma(z, number(TANH_ABOVE, 1), number(TANH_ABOVE, 0));
  const n = fma(f32x4.mul(limited, z), p, limited);
  const q = fma(z, number(TANH_BELOW, 2), number(TANH_BELOW, 1));
  const r = fma(z, q, number(TANH_BELOW, 0));
  const d = fma(z, r, number(TWO));
  const y = f32x4.div(f32x4.mul(f32x4.add(n, n), d), fma(n, n, f32x4.mul(d, d)));
  // Without fused multiplication the last place may be one too large.
  return ASC_FEATURE_RELAXED_SIMD ? y : f32x4.pmax(f32x4.pmin(y, number(ONE)), number(MINUS_ONE));
}

/** By e^(−|x|), which cannot overflow, so that the far negative side keeps its digits. */
// @ts-expect-error: decorator
@inline
export function sigmoid(x: v128): v128 {
  const e = exp(f32x4.neg(f32x4.abs(x)));
  const numerator = choose(f32x4.lt(x, splat(0)), e, number(ONE));
  return f32x4.div(numerator, f32x4.add(e, number(ONE)));
}

// @ts-expect-error: decorator
@inline
export function erf(x: v128): v128 {
  const t = f32x4.abs(x);
  const s = f32x4.mul(x, x);
  const isFar = f32x4.gt(t, number(ERF_BORDER));
  let near = number(ERF_NEAR, 5);
  near = fma(near, s, number(ERF_NEAR, 4));
  near = fma(near, s, number(ERF_NEAR, 3));
  near = fma(near, s, number(ERF_NEAR, 2));
  near = fma(near, s, number(ERF_NEAR, 1));
  near = fma(near, s, number(ERF_NEAR, 0));
  near = fma(near, x, x);
  // What networks ask for is near as a rule, and costs a third.
  if (!v128.any_true(isFar)) return v128.or(near, signOf(x));
  let far = fma(number(ERF_FAR, 6), t, number(ERF_FAR, 5));
  const middle = fma(number(ERF_FAR, 4), t, number(ERF_FAR, 3));
  far = fma(far, s, middle);
  far = fma(far, t, number(ERF_FAR, 2));
  far = fma(far, t, number(ERF_FAR, 1));
  far = fma(far, t, number(ERF_FAR, 0));
  far = fma(far, t, f32x4.neg(t));
  // The polynomial is good up to 4; from there on erf is 1 in single precision.
  far = choose(f32x4.gt(t, splat(4)), number(ONE), f32x4.sub(number(ONE), moderateExp(f32x4.pmax(far, splat(-80)))));
  far = v128.or(far, signOf(x));
  const y = choose(isFar, far, near);
  return v128.or(choose(f32x4.ne(x, x), x, y), signOf(x));
}

const TWO_OVER_PI: f64 = 6.36619772367581382433e-1;
const HALF_PI_HIGH: f64 = 1.57079632673412561417;
const HALF_PI_LOW: f64 = 6.07710050650619224932e-11;

/** Up to here x − n·π/2 is exact enough in two steps of double precision. */
const FAR: f32 = 500000;

/** sin(x) where `shift` is 0, cos(x) where it is 1: the quadrant is counted on by it. */
// @ts-expect-error: decorator
@inline
function circular(x: v128, shift: i32): v128 {
  const low = f64x2.promote_low_f32x4(x);
  const high = f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 2, 3));
  const nLow = f64x2.nearest(f64x2.mul(low, f64x2.splat(TWO_OVER_PI)));
  const nHigh = f64x2.nearest(f64x2.mul(high, f64x2.splat(TWO_OVER_PI)));
  const rLow = f64x2.sub(f64x2.sub(low, f64x2.mul(nLow, f64x2.splat(HALF_PI_HIGH))), f64x2.mul(nLow, f64x2.splat(HALF_PI_LOW)));
  const rHigh = f64x2.sub(f64x2.sub(high, f64x2.mul(nHigh, f64x2.splat(HALF_PI_HIGH))), f64x2.mul(nHigh, f64x2.splat(HALF_PI_LOW)));
  const r = v128.shuffle<f32>(f32x4.demote_f64x2_zero(rLow), f32x4.demote_f64x2_zero(rHigh), 0, 1, 4, 5);
  const n = v128.shuffle<i32>(i32x4.trunc_sat_f64x2_s_zero(nLow), i32x4.trunc_sat_f64x2_s_zero(nHigh), 0, 1, 4, 5);
  const quadrant = i32x4.add(n, i32x4.splat(shift));
  const z = f32x4.mul(r, r);
  let sine = fma(splat(-1.9515295891e-4), z, splat(8.3321608736e-3));
  sine = fma(sine, z, splat(-1.6666654611e-1));
  sine = fma(f32x4.mul(sine, z), r, r);
  let cosine = fma(splat(2.443315711809948e-5), z, splat(-1.388731625493765e-3));
  cosine = fma(cosine, z, splat(4.166664568298827e-2));
  cosine = fma(f32x4.mul(cosine, z), z, fma(splat(-0.5), z, number(ONE)));
  const isOdd = i32x4.eq(v128.and(quadrant, i32x4.splat(1)), i32x4.splat(1));
  const flip = i32x4.shl(v128.and(quadrant, i32x4.splat(2)), 30);
  const y = v128.xor(choose(isOdd, cosine, sine), flip);
  return shift == 0 ? choose(f32x4.eq(x, splat(0)), x, y) : y;
}

/** Whether any lane is too far from 0 (or not a number) for `circular`. */
// @ts-expect-error: decorator
@inline
function anyFar(x: v128): bool {
  return v128.any_true(v128.not(f32x4.lt(f32x4.abs(x), splat(FAR))));
}

export function sin(x: v128): v128 {
  if (!anyFar(x)) return circular(x, 0);
  let y = splat(<f32>NativeMath.sin(f32x4.extract_lane(x, 0)));
  y = f32x4.replace_lane(y, 1, <f32>NativeMath.sin(f32x4.extract_lane(x, 1)));
  y = f32x4.replace_lane(y, 2, <f32>NativeMath.sin(f32x4.extract_lane(x, 2)));
  return f32x4.replace_lane(y, 3, <f32>NativeMath.sin(f32x4.extract_lane(x, 3)));
}

export function cos(x: v128): v128 {
  if (!anyFar(x)) return circular(x, 1);
  let y = splat(<f32>NativeMath.cos(f32x4.extract_lane(x, 0)));
  y = f32x4.replace_lane(y, 1, <f32>NativeMath.cos(f32x4.extract_lane(x, 1)));
  y = f32x4.replace_lane(y, 2, <f32>NativeMath.cos(f32x4.extract_lane(x, 2)));
  return f32x4.replace_lane(y, 3, <f32>NativeMath.cos(f32x4.extract_lane(x, 3)));
}

export function pow(x: v128, y: v128): v128 {
  let z = splat(NativeMathf.pow(f32x4.extract_lane(x, 0), f32x4.extract_lane(y, 0)));
  z = f32x4.replace_lane(z, 1, NativeMathf.pow(f32x4.extract_lane(x, 1), f32x4.extract_lane(y, 1)));
  z = f32x4.replace_lane(z, 2, NativeMathf.pow(f32x4.extract_lane(x, 2), f32x4.extract_lane(y, 2)));
  return f32x4.replace_lane(z, 3, NativeMathf.pow(f32x4.extract_lane(x, 3), f32x4.extract_lane(y, 3)));
}
