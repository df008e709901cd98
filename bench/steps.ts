/** @file Times steps in turn: in each round every contender runs for about the same time, so that a ratio pairs neighbours. */
import type { Contender } from "./contender.ts";
import { median } from "./statistics.ts";

const WARM_UP_MILLISECONDS = 300;
const ROUND_MILLISECONDS = 120;
const ROUNDS = 11;

export interface StepTimes {
  /** Median milliseconds of a step. */
  readonly milliseconds: number;
  /** Of each round. */
  readonly rounds: readonly number[];
  /** Of a step, where the contender says. */
  readonly flops: number | null;
}

/** Times of each contender, in the order given. */
export async function timeSteps(caseName: string, contenders: readonly Contender[]): Promise<StepTimes[]> {
  const steps: number[] = [];
  for (const contender of contenders) steps.push(await warmUp(contender, caseName));
  const rounds: number[][] = [];
  const flops: (number | null)[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const times: number[] = [];
    for (const [index, contender] of contenders.entries()) {
      const timed = await contender.time(caseName, steps[index]!);
      times.push(timed.milliseconds);
      flops[index] = timed.flops ?? null;
    }
    rounds.push(times);
  }
  return contenders.map((_, index) => ({
    milliseconds: median(rounds.map((times) => times[index]!)),
    rounds: rounds.map((times) => times[index]!),
    flops: flops[index] ?? null,
  }));
}

/** How many times longer `other` takes than `own`: the median over the rounds, each of which pairs neighbours. */
export function ratioTo(own: StepTimes, other: StepTimes): number {
  return median(own.rounds.map((milliseconds, round) => other.rounds[round]! / milliseconds));
}

/** Runs a contender until it is warm; returns how many steps make a round. */
async function warmUp(contender: Contender, caseName: string): Promise<number> {
  let steps = 1;
  for (const until = performance.now() + WARM_UP_MILLISECONDS; performance.now() < until; ) {
    const { milliseconds } = await contender.time(caseName, steps);
    steps = Math.max(1, Math.min(100_000, Math.round(ROUND_MILLISECONDS / milliseconds)));
  }
  return steps;
}
