/** @file PPO on episodes that begin and end one by one: their steps are gathered until they make a rollout. */

import { estimateAdvantages } from "../advantages.ts";
import type { FreeLearner, Segment } from "../algorithm.ts";
import { maskWidth } from "../distributions.ts";
import { newRewardScaler, scaleRewards } from "../normalise.ts";
import { memoryWidths } from "../policy.ts";
import type { Rollout } from "../rollout.ts";
import { spaceSize } from "../spaces.ts";
import { type ActsAlone, openFreeActing } from "./freeActing.ts";
import type { PpoOptions } from "./ppoOptions.ts";

type Options = Pick<PpoOptions, "numSteps" | "gamma" | "gaeLambda" | "normaliseRewards" | "clipRewards">;

interface Surroundings extends ActsAlone {
  readonly rollout: Rollout;
  readonly copies: number;
  readonly options: Options;
  isBusy(): boolean;
  /** There is a rollout to learn, of so many steps. */
  begin(steps: number): void;
}

export interface Free extends FreeLearner {
  /** Puts what has waited into the rollout, once that is free. */
  fill(): void;
  release(): void;
}

export function createFree(around: Surroundings): Free {
  const { policy, rollout, copies, options } = around;
  const width = spaceSize(policy.observation);
  const size = spaceSize(policy.action);
  const choices = policy.masked ? maskWidth(policy.action) : 0;
  const memories = memoryWidths(policy);
  const acting = openFreeActing(around);
  /** With a memory, the steps of a segment stay together: they take one copy's place in the rollout. */
  const time = policy.memory === null ? 1 : options.numSteps;
  const places = (copies * options.numSteps) / time;
  const scaler = options.normaliseRewards ? newRewardScaler(1) : null;
  const waiting: { readonly segment: Segment; readonly advantages: Float32Array; taken: number }[] = [];
  let filled = 0;
  let steps = 0;

  /** Rewards of a segment as they are learned, and its advantages. */
  function judged(segment: Segment): Float32Array {
    const { length, values, lastValue } = segment;
    const rewards = Float32Array.from(segment.rewards);
    if (scaler !== null) {
      scaler.returns.fill(0);
      for (let step = 0; step < length; step++) {
        const { gamma, clipRewards } = options;
        scaleRewards(scaler, rewards.subarray(step, step + 1), new Uint8Array(1), { gamma, clip: clipRewards });
      }
    }
    const advantages = new Float32Array(length);
    const [none, all] = [new Uint8Array(length), new Float32Array(length).fill(1)];
    estimateAdvantages(
      { rewards, values: Float32Array.from(values), terminated: none, truncated: none, bootstraps: all, counts: all },
      [lastValue],
      advantages,
      { gamma: options.gamma, gaeLambda: options.gaeLambda, count: 1 },
    );
    return advantages;
  }

  function put(row: number, { segment, advantages }: (typeof waiting)[number], step: number, isStart: boolean): void {
    for (let at = 0; at < width; at++)
      rollout.observations[row * width + at] = segment.observations[step * width + at]!;
    for (let at = 0; at < size; at++) rollout.actions[row * size + at] = segment.actions[step * size + at]!;
    for (let at = 0; at < choices; at++) rollout.mask![row * choices + at] = segment.mask?.[step * choices + at] ?? 1;
    rollout.logProbs[row] = segment.logProbs[step]!;
    rollout.values[row] = segment.values[step]!;
    rollout.advantages[row] = advantages[step]!;
    rollout.returns[row] = advantages[step]! + segment.values[step]!;
    rollout.counts[row] = 1;
    rollout.starts[row] = Number(isStart);
    steps++;
  }

  /** The first step of a part, and those that fit beside it. With a memory a part begins where a segment does. */
  function place(each: (typeof waiting)[number]): void {
    const { segment } = each;
    if (policy.memory === null) {
      put(filled++, each, each.taken++, false);
      return;
    }
    const copy = filled++;
    for (let step = 0; step < time; step++) {
      const row = step * copies + copy;
      if (step < segment.length) put(row, each, step, step === 0 && segment.isStart);
      else rollout.counts[row] = 0;
    }
    for (const [index, memory] of rollout.memory.entries()) {
      for (let at = 0; at < memories[index]!; at++) memory[copy * memories[index]! + at] = segment.memory[index]![at]!;
    }
    each.taken = segment.length;
  }

  function fill(): void {
    while (!around.isBusy() && waiting.length > 0) {
      const next = waiting[0]!;
      place(next);
      if (next.taken >= next.segment.length) waiting.shift();
      if (filled < places) continue;
      around.begin(steps);
      filled = 0;
      steps = 0;
    }
  }

  return {
    decide: acting.decide,
    take(segment) {
      waiting.push({ segment, advantages: judged(segment), taken: 0 });
      fill();
    },
    fill,
    release: acting.release,
  };
}
