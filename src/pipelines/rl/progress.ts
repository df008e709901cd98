/** @file Where a learner stands, as plain JSON, and what of a learner is only read off that. */
import type { Learner } from "./algorithm.ts";

export interface Progress {
  /** Environment steps seen, and updates made. */
  steps: number;
  updates: number;
  horizon: Learner["horizon"];
}

/** A part of a whole, 0 to 1. */
export const partOfWhole = (done: number, whole: number): number => Math.min(1, Math.max(0, done / whole));

/** How far a training is after so many steps, 0 to 1; where nobody says how long it is, 0. */
export function shareDone(horizon: Learner["horizon"], steps: number): number {
  return horizon === null ? 0 : partOfWhole(steps - horizon.from, Math.max(1, horizon.to - horizon.from));
}

/** A learner, but for what its progress says. */
export type LearnerParts = Omit<Learner, keyof Progress | "pending"> & { readonly isPending: () => boolean };

/** @param progress read, and its horizon written, whenever the learner is asked */
export function learnerOf(progress: Progress, { isPending, ...parts }: LearnerParts): Learner {
  return {
    ...parts,
    get steps() {
      return progress.steps;
    },
    get updates() {
      return progress.updates;
    },
    get horizon() {
      return progress.horizon;
    },
    set horizon(next) {
      progress.horizon = next;
    },
    get pending() {
      return isPending();
    },
  };
}
