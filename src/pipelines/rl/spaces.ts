/** @file What an observation or an action can be: Gymnasium's spaces as plain data, and how many numbers one value of each takes. */

export type Space =
  /** Numbers within bounds, which may be infinite; `low` and `high` have one number for each of the shape's. */
  | {
      readonly type: "box";
      readonly shape: readonly number[];
      readonly low: readonly number[];
      readonly high: readonly number[];
      readonly dtype: "F32" | "U8";
    }
  /** One of `start` to `start + n - 1`; `start` is 0 when left out. */
  | { readonly type: "discrete"; readonly n: number; readonly start?: number }
  /** Several choices at once, each of 0 to `nvec[i] - 1`. */
  | { readonly type: "multiDiscrete"; readonly nvec: readonly number[] }
  /** `n` switches, each 0 or 1. */
  | { readonly type: "multiBinary"; readonly n: number };

/** How many numbers one value takes in a typed array: a discrete one 1, a box the product of its shape. */
export function spaceSize(space: Space): number {
  switch (space.type) {
    case "box":
      return space.shape.reduce((product, length) => product * length, 1);
    case "discrete":
      return 1;
    case "multiDiscrete":
      return space.nvec.length;
    case "multiBinary":
      return space.n;
  }
}

/** The choices of each number of an action, in order: `[n]`, `nvec`, or 2 for each switch; null for a box. */
export function choicesOf(space: Space): readonly number[] | null {
  switch (space.type) {
    case "box":
      return null;
    case "discrete":
      return [space.n];
    case "multiDiscrete":
      return space.nvec;
    case "multiBinary":
      return Array.from({ length: space.n }, () => 2);
  }
}

/** A box with the same bounds everywhere. */
export function box(shape: readonly number[], low: number, high: number, dtype: "F32" | "U8" = "F32"): Space {
  const size = shape.reduce((product, length) => product * length, 1);
  return { type: "box", shape, low: new Array(size).fill(low), high: new Array(size).fill(high), dtype };
}

/** A box of one axis, from its bounds. */
export function bounded(low: readonly number[], high: readonly number[]): Space {
  return { type: "box", shape: [low.length], low, high, dtype: "F32" };
}
