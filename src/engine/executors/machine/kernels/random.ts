/**
 * @file Counter-based random numbers: Philox 4×32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as
 * 1, 2, 3", 2011). Key = seed, counter = (step low, step high, stream, index of the group of four).
 */

/** High and low 32 bits of four products. */
// @ts-expect-error: decorator
@inline
function high(a: v128, m: v128): v128 {
  return v128.shuffle<i32>(i64x2.extmul_low_i32x4_u(a, m), i64x2.extmul_high_i32x4_u(a, m), 1, 3, 5, 7);
}

/**
 * Uniform numbers in [0, 1), multiples of 2^-24, for elements [start, start + count); start is a multiple of 16 and up to 15
 * elements more are written. `rng` holds seed low, seed high, step low, step high.
 */
export function uniform(to: usize, rng: usize, stream: u32, start: u32, count: i32): void {
  const m0 = i32x4.splat(0xd2511f53);
  const m1 = i32x4.splat(0xcd9e8d57);
  const lanes = i32x4(0, 1, 2, 3);
  for (let i = 0; i < count; i += 16) {
    let k0 = load<u32>(rng);
    let k1 = load<u32>(rng, 4);
    let c0 = i32x4.splat(load<i32>(rng, 8));
    let c1 = i32x4.splat(load<i32>(rng, 12));
    let c2 = i32x4.splat(stream);
    let c3 = i32x4.add(i32x4.splat((start + i) >>> 2), lanes);
    for (let round = 0; round < 10; round++) {
      const low0 = i32x4.mul(c0, m0);
      const high0 = high(c0, m0);
      const low1 = i32x4.mul(c2, m1);
      const high1 = high(c2, m1);
      c0 = v128.xor(v128.xor(high1, c1), i32x4.splat(k0));
      c1 = low1;
      c2 = v128.xor(v128.xor(high0, c3), i32x4.splat(k1));
      c3 = low0;
      k0 += 0x9e3779b9;
      k1 += 0xbb67ae85;
    }
    // Each lane holds one group's four words: turn them so that groups follow one another.
    const a = v128.shuffle<i32>(c0, c1, 0, 4, 1, 5);
    const b = v128.shuffle<i32>(c2, c3, 0, 4, 1, 5);
    const c = v128.shuffle<i32>(c0, c1, 2, 6, 3, 7);
    const d = v128.shuffle<i32>(c2, c3, 2, 6, 3, 7);
    storeUniform(to, v128.shuffle<i64>(a, b, 0, 2));
    storeUniform(to + 16, v128.shuffle<i64>(a, b, 1, 3));
    storeUniform(to + 32, v128.shuffle<i64>(c, d, 0, 2));
    storeUniform(to + 48, v128.shuffle<i64>(c, d, 1, 3));
    to += 64;
  }
}

// @ts-expect-error: decorator
@inline
function storeUniform(to: usize, bits: v128): void {
  v128.store(to, f32x4.mul(f32x4.convert_i32x4_u(i32x4.shr_u(bits, 8)), f32x4.splat(5.9604644775390625e-8)));
}
