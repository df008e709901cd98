/** @file Watching one quantity: says when it got better, and when to give up. */
import { betterOf } from "../metrics/direction.ts";
import type { Watching } from "./options.ts";
import type { WatchState } from "./training.ts";

export const UNWATCHED: WatchState = { best: null, bestEpoch: 0, waited: 0 };

/**
 * @param value of the watched quantity after `epoch`, counted from 1; a NaN never counts as better.
 */
export function watch(
  state: WatchState,
  value: number,
  epoch: number,
  { monitor, mode, minDelta, patience }: Watching,
): { state: WatchState; isBetter: boolean; isOver: boolean } {
  const sign = betterOf(monitor, mode) === "max" ? 1 : -1;
  const isBetter = !Number.isNaN(value) && (state.best === null || sign * (value - state.best) > minDelta);
  if (isBetter) return { state: { best: value, bestEpoch: epoch, waited: 0 }, isBetter, isOver: false };
  const waited = state.waited + 1;
  return { state: { ...state, waited }, isBetter, isOver: waited >= patience };
}
