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

  it.each(VECTORS.plateau.cases)("plateau drops when PyTorch's does: $options", ({ options, factors: wanted }) => {
    const plateau = byType.get("plateau")!;
    const parsed = plateau.options.parse(options);
    let memory: unknown;
    const dropped = VECTORS.plateau.values.map((value) => {
      memory = JSON.parse(JSON.stringify(plateau.remember!(memory, value, parsed)));
      return plateau.factor({ step: 0, steps, stepsPerEpoch, memory }, parsed);
    });
    expectClose(dropped, wanted, 1e-12);
  });

  it.each([1, 2, 3])("stay within their bounds in a training of %i steps", (few) => {
    for (const { type, factor, options } of SCHEDULES) {
      const parsed = options.parse(type === "multiStep" ? { epochs: [1] } : {});
      for (let step = 0; step <= few; step++) {
        const value = factor({ step, steps: few, stepsPerEpoch: 1 }, parsed);
        expect(value, `${type}, step ${step}`).toBeGreaterThanOrEqual(0);
        expect(value, `${type}, step ${step}`).toBeLessThanOrEqual(1);
      }
    }
  });

  it("leave the rate alone when constant", () => expect(new Set(factors("constant", {}))).toEqual(new Set([1])));

  it("warm up in a straight line, and then begin", () => {
    const warm = factors("cosine", { warmupSteps: 4 });
    expect(warm.slice(0, 5)).toEqual([0.25, 0.5, 0.75, 1, 1]);
    expect(warm.at(-1)!).toBeLessThan(0.05);
  });
});
