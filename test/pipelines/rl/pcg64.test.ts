import { describe, expect, it } from "vitest";
import { createPcg64, PCG64_WORDS, seedWords } from "../../../src/pipelines/rl/pcg64.ts";

const seededWith = (seed: number) => {
  const random = createPcg64(new Uint32Array(PCG64_WORDS));
  random.seed(seed);
  return random;
};

describe("NumPy's generator", () => {
  it("hashes a seed as SeedSequence does", () => {
    const words = seedWords(42, 8);
    const longs = [0, 2, 4, 6].map((at) => (BigInt(words[at + 1]!) << 32n) | BigInt(words[at]!));
    expect(longs).toEqual([11465652750463011511n, 15382171918060459190n, 9018504550953525431n, 3703499796004394495n]);
  });

  it.each([
    [0, [0.6369616873214543, -0.02302132862361297, 4, 0, 0, 0.8132702392002724, 2597662998, 9, 1510880916]],
    [42, [0.7739560485559633, -0.006112156024794771, 5, 11, 0, 0.09417734788764953, 2789472116, 5, 2926867054]],
    [2 ** 40 + 5, [0.004739459374490829, -0.01274154175887885, 11, 7, 2, 0.4199600159213578, 3556398843, 9, 214237833]],
  ])("draws what default_rng(%d) draws", (seed, expected) => {
    const random = seededWith(seed);
    const drawn = [
      random.random(),
      random.uniform(-0.05, 0.05),
      random.integer(13),
      random.integer(13),
      random.integer(3),
      random.random(),
      random.integer(4_000_000_000),
      random.integer(10),
      random.integer(3_000_000_000),
    ];
    expect(drawn).toEqual(expected);
  });

  it("goes on from its words wherever they are put", () => {
    const words = new Uint32Array(PCG64_WORDS);
    const random = createPcg64(words);
    random.seed(7);
    random.integer(10);
    const other = createPcg64(words.slice());
    expect([other.integer(10), other.random()]).toEqual([random.integer(10), random.random()]);
  });
});
