import { describe, expect, it } from "vitest";
import { SCHEDULES } from "../../../src/pipelines/schedules/index.ts";
import { expectClose, VECTORS } from "../vectors.ts";

const { steps, stepsPerEpoch, cases } = VECTORS.schedules;
const byType = new Map(SCHEDULES.map((schedule) => [schedule.type, schedule]));

function factors(type: string, options: Readonly<Record<string, unknown>>): number[] {
  const schedule = byType.get(type)!;
  const parsed = schedule.options.parse(options);
  return Array.from({ length: steps }, (_, step) => schedule.factor({ step, steps, stepsPerEpoch }, parsed));
}

describe("schedules", () => {
  it.each(cases)("$type moves as PyTorch's does, step for step", ({ type, options, factors: wanted }) => {
    expectClose(factors(type, options), wanted, 1e-9);
  });

  it("leave the rate alone when constant", () => expect(new Set(factors("constant", {}))).toEqual(new Set([1])));

  it("warm up in a straight line, and then begin", () => {
    const warm = factors("cosine", { warmupSteps: 4 });
    expect(warm.slice(0, 5)).toEqual([0.25, 0.5, 0.75, 1, 1]);
    expect(warm.at(-1)!).toBeLessThan(0.05);
  });
});
