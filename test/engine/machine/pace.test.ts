/** @file How many threads runs take: what the cost allows, then what has shown itself to be quickest. */
import { describe, expect, it } from "vitest";
import { createPace, type Pace } from "../../../src/engine/executors/machine/pace.ts";

const MILLISECOND = 1e6;

/** Runs for about so many milliseconds, each taking what `timeOn` says of its number of threads. @returns how long on which number */
function runFor(milliseconds: number, pace: Pace, timeOn: (threads: number) => number): Map<number, number> {
  const spent = new Map<number, number>();
  for (let passed = 0; passed < milliseconds; ) {
    const { threads, isTrial } = pace;
    const took = timeOn(threads);
    spent.set(threads, (spent.get(threads) ?? 0) + took);
    passed += took;
    if (isTrial) pace.took(took);
    else pace.passed();
  }
  return spent;
}

const shareOf = (threads: number, spent: Map<number, number>) =>
  (spent.get(threads) ?? 0) / [...spent.values()].reduce((sum, each) => sum + each, 0);

describe("the number of threads", () => {
  it("begins with what the cost is worth, and never exceeds it", () => {
    expect(createPace(0.05 * MILLISECOND, 8, 8).threads).toBe(1);
    expect(createPace(0.45 * MILLISECOND, 8, 8).threads).toBe(4);
    expect(createPace(100 * MILLISECOND, 8, 8).threads).toBe(8);
  });

  it("stays at one, untimed, where the work is small", () => {
    const pace = createPace(0.05 * MILLISECOND, 8, 8);
    expect(runFor(2000, pace, () => 0.05)).toEqual(new Map([[1, expect.any(Number)]]));
  });

  it("stays where more threads are quicker", () => {
    const pace = createPace(10 * MILLISECOND, 2, 2);
    expect(
      shareOf(
        2,
        runFor(20_000, pace, (threads) => 10 / threads),
      ),
    ).toBeGreaterThan(0.95);
  });

  it("falls to one where threads gain next to nothing", () => {
    const pace = createPace(10 * MILLISECOND, 2, 2);
    expect(
      shareOf(
        1,
        runFor(20_000, pace, (threads) => (threads === 1 ? 10 : 9.8)),
      ),
    ).toBeGreaterThan(0.9);
  });

  it("falls to the cores there are where eight threads take turns on two", () => {
    const pace = createPace(100 * MILLISECOND, 8, 2);
    const timeOn = (threads: number) => 100 / Math.min(threads, 2) + 5 * Math.max(0, threads - 2);
    expect(shareOf(2, runFor(200_000, pace, timeOn))).toBeGreaterThan(0.9);
  });

  it("finds out within a while that the cores are free again", () => {
    const pace = createPace(10 * MILLISECOND, 2, 2);
    runFor(2000, pace, (threads) => 10 * threads);
    expect(
      shareOf(
        2,
        runFor(20_000, pace, (threads) => 10 / threads),
      ),
    ).toBeGreaterThan(0.8);
  });

  it("takes no single slow run for the rule", () => {
    const pace = createPace(10 * MILLISECOND, 2, 2);
    let runs = 0;
    const timeOn = (threads: number) => (threads === 2 && ++runs % 50 === 40 ? 100 : 10 / threads);
    expect(shareOf(2, runFor(50_000, pace, timeOn))).toBeGreaterThan(0.9);
  });
});
