import { describe, expect, it } from "vitest";
import { createRandom, createWatchedRandom, permutation } from "../../src/pipelines/random.ts";

const draw = (count: number, of: () => number) => Array.from({ length: count }, of);
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("a random stream", () => {
  it("is the same for the same seed and name", () => {
    expect(draw(5, createRandom(7, "weights", "a").bits)).toEqual(draw(5, createRandom(7, "weights", "a").bits));
  });

  it.each([
    { changed: "seed", stream: createRandom(8, "weights", "a") },
    { changed: "name", stream: createRandom(7, "weights", "b") },
    { changed: "counter", stream: createRandom(7, "weights", "a", 0) },
  ])("is another for another $changed", ({ stream }) => {
    expect(stream.bits()).not.toBe(createRandom(7, "weights", "a").bits());
  });

  it("never changes between versions, since models are replayed from seeds", () => {
    expect(draw(3, createRandom(0, "x").bits)).toEqual([796591241, 1823792912, 4245672296]);
  });

  it("is uniform", () => {
    const random = createRandom(1, "uniform");
    const values = draw(20_000, random.uniform);
    expect(mean(values)).toBeCloseTo(0.5, 2);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...values)).toBeLessThan(1);
  });

  it("is normal where asked", () => {
    const values = draw(20_000, createRandom(1, "normal").normal);
    expect(mean(values)).toBeCloseTo(0, 1);
    expect(mean(values.map((value) => value ** 2))).toBeCloseTo(1, 1);
  });
});

describe("a watched stream", () => {
  it("looks up every so often, and ends when nobody waits any more", () => {
    const random = createWatchedRandom(
      () => {
        throw new Error("given up");
      },
      1,
      "x",
    );
    expect(() => draw(300_000, random.bits)).toThrow("given up");
  });

  it("gives the same numbers as one that nobody watches", () => {
    expect(draw(10, createWatchedRandom(() => {}, 1, "x").bits)).toEqual(draw(10, createRandom(1, "x").bits));
  });
});

describe("a permutation", () => {
  it("holds every number once", () => {
    const order = permutation(100, createRandom(3, "order"));
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, index) => index));
  });

  it("puts every number everywhere equally often", () => {
    const firsts = new Array<number>(6).fill(0);
    for (let seed = 0; seed < 6000; seed++) firsts[permutation(6, createRandom(seed, "order"))[0]!]!++;
    for (const count of firsts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
