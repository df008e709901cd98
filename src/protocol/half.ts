/** @file The two 16-bit floats, as bits: IEEE 754 binary16 (F16), and the upper half of a binary32 (BF16). Rounding is to nearest, ties to even. */

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** Drops the low `shift` bits of a non-negative integer, rounding to nearest, ties to even. */
function roundShift(value: number, shift: number): number {
  const half = 2 ** (shift - 1);
  const kept = Math.floor(value / 2 ** shift);
  const rest = value - kept * 2 ** shift;
  return rest > half || (rest === half && kept % 2 === 1) ? kept + 1 : kept;
}

/** The nearest F16; beyond ±65519.99 an infinity. */
export function toF16(value: number): number {
  float[0] = value;
  const sign = (bits[0]! >>> 16) & 0x8000;
  const magnitude = bits[0]! & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  // Normal: rebias the exponent from 127 to 15 and drop 13 bits; a carry runs into the exponent, which is right.
  if (magnitude >= 0x38800000) return sign | roundShift(magnitude - 0x38000000, 13);
  // Subnormal: multiples of 2^-24.
  if (magnitude < 0x33000000) return sign;
  const exponent = magnitude >>> 23;
  return sign | roundShift((magnitude & 0x7fffff) | 0x800000, 126 - exponent);
}

/** Exact. */
export function fromF16(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The nearest BF16 of the nearest F32. */
export function toBF16(value: number): number {
  float[0] = value;
  const all = bits[0]!;
  if ((all & 0x7fffffff) > 0x7f800000) return ((all >>> 16) & 0x8000) | 0x7fc0;
  return roundShift(all, 16);
}

/** Exact. */
export function fromBF16(half: number): number {
  bits[0] = half * 65536;
  return float[0]!;
}
