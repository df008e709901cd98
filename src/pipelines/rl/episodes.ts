/** @file Episodes as they end: returns and lengths, counted from rewards alone, so that a host's environment is told of as ours. */

/** Over how many episodes a mean is told. */
export const RECENT = 100;

export interface Episodes {
  /** One step of all copies of a group. @param idle 1 where the step was no transition */
  step(from: number, rewards: ArrayLike<number>, terminated: ArrayLike<number>, truncated: ArrayLike<number>): void;
  /** An episode that was counted elsewhere. */
  add(total: number, length: number): void;
  /** Ended so far. */
  readonly count: number;
  /** Mean of the last 100 returns; NaN before the first. */
  readonly recentReturn: number;
  readonly recentLength: number;
  /** Mean of the last 100 returns without their signs: wins and losses do not make up for each other. */
  readonly recentSize: number;
  /** Whether there were 100 to take that of. */
  readonly isFull: boolean;
  /** What has ended since this was asked last: null for nothing. */
  take(): { readonly count: number; readonly meanReturn: number; readonly meanLength: number } | null;
  save(): unknown;
  restore(saved: unknown): void;
}

interface State {
  returns: number[];
  lengths: number[];
  recentReturns: number[];
  recentLengths: number[];
  count: number;
  fresh: { count: number; returns: number; lengths: number };
}

/** @param copies over all groups @param skips whether the step after an end is no transition */
export function createEpisodes(copies: number, skips: boolean): Episodes {
  const state: State = {
    returns: new Array<number>(copies).fill(0),
    lengths: new Array<number>(copies).fill(0),
    recentReturns: [],
    recentLengths: [],
    count: 0,
    fresh: { count: 0, returns: 0, lengths: 0 },
  };
  /** 1 where an episode has ended and the next one begins with the next step. */
  let over = new Array<number>(copies).fill(0);

  function add(total: number, length: number): void {
    const place = state.count % RECENT;
    state.recentReturns[place] = total;
    state.recentLengths[place] = length;
    state.count++;
    state.fresh.count++;
    state.fresh.returns += total;
    state.fresh.lengths += length;
  }

  function end(copy: number): void {
    add(state.returns[copy]!, state.lengths[copy]!);
    state.returns[copy] = 0;
    state.lengths[copy] = 0;
  }

  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

  return {
    step(from, rewards, terminated, truncated) {
      for (let index = 0; index < rewards.length; index++) {
        const copy = from + index;
        if (over[copy] === 1) {
          over[copy] = 0;
          continue;
        }
        state.returns[copy]! += rewards[index]!;
        state.lengths[copy]!++;
        if (terminated[index] !== 1 && truncated[index] !== 1) continue;
        end(copy);
        if (skips) over[copy] = 1;
      }
    },
    add,
    get count() {
      return state.count;
    },
    get recentReturn() {
      return mean(state.recentReturns);
    },
    get recentLength() {
      return mean(state.recentLengths);
    },
    get recentSize() {
      return mean(state.recentReturns.map(Math.abs));
    },
    get isFull() {
      return state.count >= RECENT;
    },
    take() {
      const { count, returns, lengths } = state.fresh;
      state.fresh = { count: 0, returns: 0, lengths: 0 };
      return count === 0 ? null : { count, meanReturn: returns / count, meanLength: lengths / count };
    },
    save() {
      const { fresh: _, ...kept } = state; // what is told when depends on the clock
      return structuredClone({ ...kept, over });
    },
    restore(saved) {
      const { over: savedOver, ...rest } = structuredClone(saved) as Omit<State, "fresh"> & { over: number[] };
      Object.assign(state, rest);
      over = savedOver;
    },
  };
}
