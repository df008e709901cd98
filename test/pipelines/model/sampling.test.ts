import { describe, expect, it } from "vitest";
import { draw, samplingProbabilities } from "../../../src/pipelines/model/sampling.ts";

const LOGITS = [1, 3, 2, 0].map((x) => x * Math.LN2); // odds of 2 : 8 : 4 : 1
const fifteenths = (...odds: number[]) => odds.map((odd) => odd / odds.reduce((sum, each) => sum + each, 0));
const probabilities = (options: object) => [...samplingProbabilities(LOGITS, { temperature: 1, ...options })];
const expectAll = (got: number[], wanted: number[]) =>
  got.forEach((value, token) => {
    expect(value).toBeCloseTo(wanted[token]!, 12);
  });

describe("the probabilities that are drawn from", () => {
  it("are the softmax at temperature 1", () => expectAll(probabilities({}), fifteenths(2, 8, 4, 1)));
  it("are bolder below", () => expectAll(probabilities({ temperature: 0.5 }), fifteenths(4, 64, 16, 1)));
  it("are the likeliest alone at 0", () => expectAll(probabilities({ temperature: 0 }), [0, 1, 0, 0]));
  it("leave all but the k likeliest out", () => expectAll(probabilities({ topK: 2 }), fifteenths(0, 8, 4, 0)));
  it("keep the fewest that reach p together", () => {
    expectAll(probabilities({ topP: 0.6 }), fifteenths(0, 8, 4, 0));
    expectAll(probabilities({ topP: 0.01 }), [0, 1, 0, 0]);
  });
  it("take p of what k has left", () => expectAll(probabilities({ topK: 3, topP: 0.9 }), fifteenths(2, 8, 4, 0)));
});

describe("a draw", () => {
  const drawn = (uniform: number) => draw(Float64Array.from([0.25, 0, 0.5, 0.25]), uniform);
  it("takes the token whose share the number falls in", () => {
    expect([0, 0.2, 0.25, 0.7, 0.75, 0.999].map(drawn)).toEqual([0, 0, 2, 2, 3, 3]);
  });
  it("never takes one that cannot come, whatever rounding does", () => {
    expect(draw(Float64Array.from([0.5, 0.499999, 0]), 0.9999999)).toBe(1);
  });
});
