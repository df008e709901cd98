/** @file Worlds of numbered states whose rules are a table of what may follow: one number drawn a step, as Gymnasium's toy texts do it. */
import type { Pcg64 } from "../pcg64.ts";
import type { Rules, Stage } from "../vectorise.ts";

/** What may follow an action, and how likely; likelihoods of one action sum to 1. */
export interface Outcome {
  readonly probability: number;
  readonly next: number;
  readonly reward: number;
  readonly terminated: boolean;
}

export interface Transitions {
  readonly states: number;
  readonly actions: number;
  /** Likelihood of each state to be the first. */
  readonly first: readonly number[];
  outcomes(state: number, action: number): readonly Outcome[];
  /** Which actions change anything, for the mask. */
  readonly allowed?: (state: number, action: number) => boolean;
  /** What an environment does beside its table. */
  readonly beside?: (stage: Stage) => Beside;
}

export interface Beside {
  /** After a first state was drawn. */
  begin(copy: number): void;
  /** @returns the state that really follows. */
  change(copy: number, before: number, next: number): number;
  readonly state: readonly Uint8Array[];
}

/** The running sums of likelihoods, added in order as `numpy.cumsum` adds them. */
function runningSums(probabilities: readonly number[]): Float64Array {
  let sum = 0;
  return Float64Array.from(probabilities, (probability) => {
    sum += probability;
    return sum;
  });
}

/** The first place whose running sum is above a drawn number; the first of all when rounding left none. */
function drawFrom(sums: Float64Array, random: Pcg64): number {
  const drawn = random.random();
  for (let index = 0; index < sums.length; index++) if (sums[index]! > drawn) return index;
  return 0;
}

/** The rules of a world whose observation is its state's number. */
export function transitionRules({ states, actions, first, outcomes, allowed, beside }: Transitions): Rules {
  const table = Array.from({ length: states * actions }, (_, index) => {
    const following = outcomes(Math.floor(index / actions), index % actions);
    return { following, sums: runningSums(following.map(({ probability }) => probability)) };
  });
  const firstSums = runningSums(first);
  const useful = Uint8Array.from({ length: allowed === undefined ? 0 : table.length }, (_, index) =>
    allowed?.(Math.floor(index / actions), index % actions) ? 1 : 0,
  );
  return {
    observationSpace: { type: "discrete", n: states },
    actionSpace: { type: "discrete", n: actions },
    masks: allowed !== undefined,
    create(stage) {
      const { count, random, observations, terminated, mask } = stage;
      const state = new Int32Array(count);
      const more = beside?.(stage);
      const put = (copy: number, next: number): void => {
        state[copy] = next;
        observations[copy] = next;
        if (allowed === undefined) return;
        for (let action = 0; action < actions; action++)
          mask[copy * actions + action] = useful[next * actions + action]!;
      };
      return {
        state: [state, ...(more?.state ?? [])],
        begin(copy) {
          put(copy, drawFrom(firstSums, random[copy]!));
          more?.begin(copy);
        },
        move(copy, chosen) {
          const before = state[copy]!;
          const { following, sums } = table[before * actions + chosen[copy]!]!;
          const { next, reward, terminated: ends } = following[drawFrom(sums, random[copy]!)]!;
          put(copy, more === undefined ? next : more.change(copy, before, next));
          if (ends) terminated[copy] = 1;
          return reward;
        },
      };
    },
  };
}
