/** @file Short ways to write an op's sample inputs. */
import type { Shape } from "../shape.ts";
import type { SampleInput } from "./op.ts";

/** Real numbers, uniform in [low, high). */
export function reals(shape: Shape, low = -2, high = 2): SampleInput {
  return { dtype: "F32", shape, low, high };
}

/** Integers from low to high − 1. */
export function integers(shape: Shape, low = -9, high = 10): SampleInput {
  return { dtype: "I32", shape, low, high };
}

export function booleans(shape: Shape): SampleInput {
  return { dtype: "BOOL", shape };
}
