/** @file Which way a quantity gets better, known from its name. */

/** Quantities that are better when larger; all others are errors of some kind. */
const LARGER_IS_BETTER = /accuracy|precision|recall|f1|auc|r2/i;

export function betterOf(monitor: string, mode: "min" | "max" | undefined): "min" | "max" {
  return mode ?? (LARGER_IS_BETTER.test(monitor) ? "max" : "min");
}
