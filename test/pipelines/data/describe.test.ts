import { expect, describe as group, test } from "vitest";
import { describe } from "../../../src/pipelines/data/describe.ts";
import { load, loadCsv } from "./load.support.ts";

const columnNamed = async (reference: object, name: string) =>
  describe(await load(reference)).columns.find((column) => column.name === name)!;

group("a description tells", () => {
  test("count, range, mean and standard deviation of numbers", async () => {
    const rows = [2, 4, 4, 4, 5, 5, 7, 9, null].map((a, b) => ({ a, b }));
    expect(await columnNamed({ rows }, "a")).toEqual({
      name: "a",
      kind: "number",
      missing: 1,
      unique: 5,
      min: 2,
      max: 9,
      mean: 5,
      std: 2,
    });
  });

  test("the most frequent values of categories", async () => {
    const rows = ["x", "y", "x", null].map((a) => ({ a, b: 1 }));
    expect(await columnNamed({ rows }, "a")).toEqual({
      name: "a",
      kind: "category",
      missing: 1,
      unique: 2,
      top: [
        { value: "x", count: 2 },
        { value: "y", count: 1 },
      ],
    });
  });

  test("how the classes are balanced", async () => {
    expect(describe(await load({ builtin: "wine" })).classes).toEqual([
      { name: "class_1", count: 71 },
      { name: "class_0", count: 59 },
      { name: "class_2", count: 48 },
    ]);
  });

  test("numeric classes by their numbers", async () => {
    const { classes } = describe(await load({ builtin: "digits" }));
    expect(classes).toHaveLength(10);
    expect(classes![0]).toEqual({ name: "3", count: 183 });
  });

  test("no classes of a measured target", async () => {
    expect(describe(await load({ builtin: "diabetes" })).classes).toBeUndefined();
  });

  test("no problems where there are none", async () => {
    expect(describe(await load({ builtin: "breast-cancer" })).problems).toEqual([]);
  });
});

group("a description warns in words of", () => {
  const rows = Array.from({ length: 30 }, (_, row) => row);
  test.each<[string, string, RegExp]>([
    [
      "constant columns",
      `a,y\n${rows.map((row) => `7,${row % 2}`).join("\n")}\n`,
      /`a` has the same value in every row/,
    ],
    [
      "columns that repeat others",
      `a,b,y\n${rows.map((row) => `${row % 5},${row % 5},${row % 2}`).join("\n")}\n`,
      /`b` repeats column `a`/,
    ],
    [
      "columns that count the rows",
      `id,y\n${rows.map((row) => `${row + 1},${row % 2}`).join("\n")}\n`,
      /`id` counts the rows/,
    ],
    [
      "columns with many missing values",
      `a,y\n${rows.map((row) => `${row % 3 ? "" : row},${row % 2}`).join("\n")}\n`,
      /`a` is missing in 67 %/,
    ],
    [
      "missing targets",
      `a,y\n${rows.map((row) => `${row % 4},${row % 5 ? 1 : ""}`).join("\n")}\n`,
      /target `y` is missing in 6 of 30 rows/,
    ],
    ["a single class", `a,y\n${rows.map((row) => `${row % 4},x`).join("\n")}\n`, /one class only, `x`/],
    [
      "classes seen once",
      `a,y\n${rows.map((row) => `${row % 4},${row === 9 ? "rare" : "x"}`).join("\n")}\n`,
      /class `rare` occurs once/,
    ],
    [
      "unbalanced classes",
      `a,y\n${rows.map((row) => `${row % 4},${row < 2 ? "p" : "n"}`).join("\n")}\n`,
      /`n` 28 times, `p` 2 times/,
    ],
    [
      "a target of too many numbers for classes",
      `a,y\n${Array.from({ length: 300 }, (_, row) => `${row % 4},${row * 7}`).join("\n")}\n`,
      /`y` is a number column with 300 different values: fit for the pipeline `regression`/,
    ],
    [
      "infinite values",
      `a,y\n${rows.map((row) => `${row === 3 ? "inf" : row % 4},${row % 2}`).join("\n")}\n`,
      /`a` holds 1 infinite value$/,
    ],
    [
      "bad rows",
      `a,y\n${rows.map((row) => `${row % 4},${row % 2}`).join("\n")}\n1\n`,
      /1 row could not be read and was left out; first: line 32/,
    ],
  ])("%s", async (_what, text, problem) => {
    const { problems } = describe(await loadCsv(text, { target: "y", header: true }));
    expect(problems).toContainEqual(expect.stringMatching(problem));
  });
});
