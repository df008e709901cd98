/** @file Gauss–Legendre quadrature: where to look at a function from 0 to 1, and what each look weighs. */

export interface Quadrature {
  readonly nodes: readonly number[];
  /** They sum to 1. */
  readonly weights: readonly number[];
}

/**
 * Exact for polynomials up to degree 2 · count − 1. Nodes are the roots of the Legendre polynomial of degree `count`, found
 * by Newton's method from a guess by cosines (Abramowitz and Stegun 25.4.29 and 22.16.6).
 */
export function gaussLegendre(count: number): Quadrature {
  const found = Array.from({ length: count }, (_, index) => {
    let x = Math.cos((Math.PI * (index + 0.75)) / (count + 0.5));
    let slope = 1;
    for (let round = 0; round < 100; round++) {
      const [value, before] = legendre(count, x);
      slope = (count * (x * value - before)) / (x * x - 1);
      const step = value / slope;
      x -= step;
      if (Math.abs(step) < 1e-15) break;
    }
    // From [−1, 1] to [0, 1].
    return { node: (1 - x) / 2, weight: 1 / ((1 - x * x) * slope * slope) };
  });
  return { nodes: found.map(({ node }) => node), weights: found.map(({ weight }) => weight) };
}

/** The polynomials of degree `degree` and one below, at x, by their recurrence. */
function legendre(degree: number, x: number): [value: number, before: number] {
  let [value, before] = [1, 0];
  for (let n = 1; n <= degree; n++) [value, before] = [((2 * n - 1) * x * value - (n - 1) * before) / n, value];
  return [value, before];
}
