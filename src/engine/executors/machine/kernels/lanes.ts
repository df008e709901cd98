/** @file Four floats at a time: the few words that the other kernels are written in. */

/** a × b + c; fused where the module was built for relaxed SIMD, which decides once for all threads. */
// @ts-expect-error: decorator
@inline
export function fma(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, c) : f32x4.add(f32x4.mul(a, b), c);
}

/** c − a × b. */
// @ts-expect-error: decorator
@inline
export function fnma(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_nmadd(a, b, c) : f32x4.sub(c, f32x4.mul(a, b));
}

// @ts-expect-error: decorator
@inline
export function splat(value: f32): v128 {
  return f32x4.splat(value);
}

/** ifTrue where the mask's lane is all ones, ifFalse where it is zero. */
// @ts-expect-error: decorator
@inline
export function choose(mask: v128, ifTrue: v128, ifFalse: v128): v128 {
  return v128.bitselect(ifTrue, ifFalse, mask);
}

/** A comparison's mask as the numbers 1 and 0. */
// @ts-expect-error: decorator
@inline
export function truth(mask: v128): v128 {
  return v128.and(mask, i32x4.splat(1));
}

/** The sum of four lanes, always in the same order. */
// @ts-expect-error: decorator
@inline
export function sumLanes(a: v128): f32 {
  return f32x4.extract_lane(a, 0) + f32x4.extract_lane(a, 1) + (f32x4.extract_lane(a, 2) + f32x4.extract_lane(a, 3));
}
