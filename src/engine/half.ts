/**
 * @file The 16-bit floats as their bits: F16 (IEEE 754 binary16) and BF16 (the upper half of a binary32). To them: the
 * nearest, ties to even. From them: exact.
 */

const single = new Float32Array(1);
const word = new Uint32Array(single.buffer);

/** @param exponentBits 5 for F16, 8 for BF16 */
function narrow(value: number, exponentBits: number): number {
  if (Number.isNaN(value)) return exponentBits === 5 ? 0x7e00 : 0x7fc0;
  const fractionBits = 15 - exponentBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  single[0] = size;
  // Math.log2 may round up to the next power of two; the exponent of the binary32 is exact
  const exponent = Math.max(1 - bias, size < 2 ** -126 ? 1 - bias : (word[0]! >>> 23) - 127);
  const steps = roundToEven(size / 2 ** (exponent - fractionBits));
  const infinity = (2 ** exponentBits - 1) * 2 ** fractionBits;
  // A subnormal has no hidden bit; a carry of the rounding runs into the exponent, which is right.
  const bits = steps + (exponent + bias - 1) * 2 ** fractionBits;
  return sign | Math.min(infinity, bits);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return floor + (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? 1 : 0);
}

/** Beyond ±65519.99 an infinity. */
export const toF16 = (value: number): number => narrow(value, 5);
/** Of the nearest F32. */
export const toBF16 = (value: number): number => narrow(Math.fround(value), 8);

export function fromF16(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >>> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

export function fromBF16(bits: number): number {
  word[0] = bits << 16;
  return single[0]!;
}
