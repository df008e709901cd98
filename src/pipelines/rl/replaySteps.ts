/** @file Transitions over several steps (Sutton 1988): rewards are summed up, and what is seen next is seen n steps later. */
import type { NdArray } from "../../engine/index.ts";
import type { Replay } from "./replay.ts";

export interface Steps {
  /** What a copy saw and did, from row `copy` of both; kept until n steps have passed or the episode is over. */
  begin(copy: number, observations: ArrayLike<number>, actions: ArrayLike<number>): void;
  /** What came of it. @param next of all copies, after the step, before a reset. */
  end(copy: number, came: Came): void;
  /** Forgets what is under way, where an episode begins anew unasked. */
  drop(copy: number): void;
  save(): Record<string, NdArray>;
  restore(tensors: Readonly<Record<string, NdArray>>): void;
}

export interface Came {
  readonly reward: number;
  readonly terminated: boolean;
  readonly truncated: boolean;
  readonly next: ArrayLike<number>;
  readonly mask: ArrayLike<number> | null;
}

export interface StepsShape {
  readonly count: number;
  /** n */
  readonly steps: number;
  readonly gamma: number;
  readonly observation: number;
  readonly action: number;
}

/** What a copy did in its last steps, in the order they were done: slot (first + k) mod n. */
export function createSteps(replay: Replay, { count, steps, gamma, observation, action }: StepsShape): Steps {
  const observations = new Float32Array(count * steps * observation);
  const actions = new Float32Array(count * steps * action);
  const rewards = new Float64Array(count * steps);
  const first = new Int32Array(count);
  const pending = new Int32Array(count);
  const kept = { observations, actions, rewards, first, pending };
  const slot = (copy: number, k: number): number => copy * steps + ((first[copy]! + k) % steps);

  /** The oldest step leaves, seen from where its copy is now. */
  function emit(copy: number, { next, mask, terminated }: Came): void {
    const length = pending[copy]!;
    let sum = 0;
    for (let k = length - 1; k >= 0; k--) sum = rewards[slot(copy, k)]! + gamma * sum;
    const at = slot(copy, 0);
    replay.add({
      observation: observations,
      observationAt: at,
      action: actions,
      actionAt: at,
      reward: sum,
      discount: terminated ? 0 : gamma ** length,
      next,
      nextAt: copy,
      mask,
    });
    first[copy] = (first[copy]! + 1) % steps;
    pending[copy] = length - 1;
  }

  return {
    begin(copy, seen, done) {
      const at = slot(copy, pending[copy]!);
      for (let index = 0; index < observation; index++) {
        observations[at * observation + index] = seen[copy * observation + index]!;
      }
      for (let index = 0; index < action; index++) actions[at * action + index] = done[copy * action + index]!;
      pending[copy]!++;
    },
    end(copy, came) {
      if (pending[copy] === 0) return;
      rewards[slot(copy, pending[copy]! - 1)] = came.reward;
      if (came.terminated || came.truncated) while (pending[copy]! > 0) emit(copy, came);
      else if (pending[copy] === steps) emit(copy, came);
    },
    drop(copy) {
      pending[copy] = 0;
    },
    save: () =>
      Object.fromEntries(
        Object.entries(kept).map(([name, array]): [string, NdArray] => {
          const dtype = array instanceof Int32Array ? "I32" : array instanceof Float64Array ? "F64" : "F32";
          return [name, { dtype, shape: [array.length], data: array.slice() }];
        }),
      ),
    restore(tensors) {
      for (const [name, array] of Object.entries(kept)) array.set(tensors[name]!.data as never);
    },
  };
}
