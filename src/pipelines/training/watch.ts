/** @file Early stopping: watches one quantity and says when it got better, and when to give up. */
import type { TrainOptions } from "./options.ts";
import type { WatchState } from "./training.ts";

type EarlyStopping = NonNullable<TrainOptions["earlyStopping"]>;

export const UNWATCHED: WatchState = { best: null, bestEpoch: 0, waited: 0 };

/** Quantities that are better when larger; all others are errors of some kind. */
const LARGER_IS_BETTER = /accuracy|precision|recall|f1|auc|r2/i;

/**
 * @param value of the watched quantity after `epoch`, counted from 1; a NaN never counts as better.
 */
export function watch(
  state: WatchState,
  value: number,
  epoch: number,
  { monitor, mode, minDelta, patience }: EarlyStopping,
): { state: WatchState; isBetter: boolean; isOver: boolean } {
  const sign = (mode ?? (LARGER_IS_BETTER.test(monitor) ? "max" : "min")) === "max" ? 1 : -1;
  const isBetter = !Number.isNaN(value) && (state.best === null || sign * (value - state.best) > minDelta);
  if (isBetter) return { state: { best: value, bestEpoch: epoch, waited: 0 }, isBetter, isOver: false };
  const waited = state.waited + 1;
  return { state: { ...state, waited }, isBetter, isOver: waited >= patience };
}
