/** @file Times steps in turn: in each round every contender runs for about the same time, so that a ratio pairs neighbours. */
import type { Contender } from "./contender.ts";
import { median } from "./statistics.ts";

const WARM_UP_MILLISECONDS = 300;
const ROUND_MILLISECONDS = 120;
const ROUNDS = 11;

export interface StepTimes {
  /** Median milliseconds of a step. */
  readonly milliseconds: number;
  /** Median over the rounds of this contender's time divided by the first contender's in the same round. */
  readonly ratio: number;
  /** Of a step, where the contender says. */
  readonly flops: number | null;
}

/** Times of each contender, in the order given; ratios are to the first. */
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
    ratio: median(rounds.map((times) => times[index]! / times[0]!)),
    flops: flops[index] ?? null,
  }));
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
