/** @file The error function to float64 precision. */

/**
 * erf(x) = 2/√π ∫₀ˣ exp(−t²) dt, within a few units of the last place.
 * Below 3 the series with positive terms only, 2/√π · exp(−x²) · Σ 2ⁿ x²ⁿ⁺¹ / (1·3·…·(2n+1)) (Abramowitz and Stegun 7.1.6);
 * above, one minus the continued fraction of erfc (7.1.14), from the inside out.
 */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (Number.isNaN(x) || x === 0) return x;
  if (size > 6) return Math.sign(x);
  const gaussian = Math.exp(-x * x) / Math.sqrt(Math.PI);
  if (size >= 3) {
    let fraction = size;
    for (let k = 60; k >= 1; k--) fraction = size + k / 2 / fraction;
    return Math.sign(x) * (1 - gaussian / fraction);
  }
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-18; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return 2 * gaussian * sum;
}
