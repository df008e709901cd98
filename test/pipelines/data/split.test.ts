import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { splitRows } from "../../../src/pipelines/data/split.ts";
import { columnOf, load } from "./load.support.ts";

const numbered = (rows: number) =>
  load({ rows: Array.from({ length: rows }, (_, row) => ({ a: row, group: row % 10 === 0 ? "rare" : "common" })) });

describe("a split", () => {
  test("puts every row into exactly one part, at least one in each", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 60 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        fc.nat(),
        async (rows, share, seed) => {
          const { train, held } = splitRows(await numbered(rows), share, seed);
          expect([...train, ...held].sort((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, row) => row));
          expect(train.length * held.length).toBeGreaterThan(0);
        },
      ),
      { numRuns: 50 },
    );
  });

  test("is the same for the same seed, and another for another", async () => {
    const dataset = await numbered(100);
    expect(splitRows(dataset, 0.3, 5)).toEqual(splitRows(dataset, 0.3, 5));
    expect(splitRows(dataset, 0.3, 5)).not.toEqual(splitRows(dataset, 0.3, 6));
  });

  test("by a column gives every value its share", async () => {
    const dataset = await numbered(100);
    const { held } = splitRows(dataset, 0.2, 1, "group");
    const { values, categories } = columnOf(dataset, "group");
    expect([...held].filter((row) => categories![values[row]!] === "rare")).toHaveLength(2);
    expect(held).toHaveLength(20);
  });

  test("by a column leaves a row of every value for training", async () => {
    const rows = Array.from({ length: 40 }, (_, row) => ({ a: row, group: row < 3 ? `alone ${row}` : "common" }));
    const dataset = await load({ rows });
    for (let seed = 0; seed < 20; seed++) {
      const { train, held } = splitRows(dataset, 0.5, seed, "group");
      expect(train.filter((row) => row < 3)).toHaveLength(3);
      expect(held).toHaveLength(20);
    }
  });

  test("of one row is refused", async () => {
    expect(() => splitRows({ ...dataset1, rows: 1 }, 0.5, 0)).toThrow(
      expect.objectContaining({ reason: "DATA_INVALID" }),
    );
  });

  test.each([0, 1, -0.1, 1.5, Number.NaN])("with a share of %d is refused", async (share) => {
    expect(() => splitRows(dataset1, share, 0)).toThrow(expect.objectContaining({ reason: "INVALID_PARAMS" }));
  });
});

const dataset1 = await numbered(10);
