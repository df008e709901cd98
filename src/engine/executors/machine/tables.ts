/** @file Tables that kernels read, written once for each memory. */
import { erf } from "../../ops/erf.ts";
import { NORMAL_END, NORMAL_STEPS } from "./kernels/layout.ts";

/**
 * Of the normal distribution Φ around multiples of 1 / NORMAL_STEPS from −NORMAL_END to NORMAL_END, the coefficients of a cubic
 * in the distance: the Taylor series with its fourth power spread over the lower ones (Chebyshev), 0 and 1 at the ends.
 */
export function normalTable(): Float32Array {
  const most = NORMAL_STEPS * NORMAL_END;
  const half = 0.5 / NORMAL_STEPS;
  const rows = Array.from({ length: 2 * most + 1 }, (_, row) => {
    if (row === 0) return [0, 0, 0, 0];
    if (row === 2 * most) return [1, 0, 0, 0];
    const x = (row - most) / NORMAL_STEPS;
    const density = Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
    const fourth = ((3 - x * x) * x * density) / 24;
    return [
      0.5 * (1 + erf(x / Math.SQRT2)) - (fourth * half ** 4) / 8,
      density,
      -0.5 * x * density + fourth * half ** 2,
      ((x * x - 1) * density) / 6,
    ];
  });
  return Float32Array.from(rows.flat());
}
