import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Dataset } from "../../../src/pipelines/data/dataset.ts";
import { encodeInputs } from "../../../src/pipelines/preprocess/encode.ts";
import { encodeDataset } from "../../../src/pipelines/preprocess/encodeDataset.ts";
import vectors from "../../vectors/preprocessing.json" with { type: "json" };
import { load, loadCsv } from "../data/load.support.ts";
import { apply, fitted, transform } from "./preprocess.support.ts";

const NAMES = ["age", "income", "constant", "kind"];
const rowsOf = (cells: readonly (readonly (number | null)[])[]) =>
  cells.map((row) => Object.fromEntries(row.map((cell, column) => [NAMES[column]!, cell])));
const all = (step: unknown) => ({ columns: Object.fromEntries(NAMES.map((name) => [name, step])) });

describe("preprocessing agrees with scikit-learn", () => {
  const SPECS = {
    "impute mean": all({ type: "impute", strategy: "mean" }),
    "impute median": all({ type: "impute", strategy: "median" }),
    "impute mode": all({ type: "impute", strategy: "mode" }),
    "impute constant": all({ type: "impute", strategy: "constant", value: -1.5 }),
    standardise: {},
    minMax: all([
      { type: "impute", strategy: "median" },
      { type: "minMax", low: -1, high: 1 },
    ]),
  } satisfies Record<keyof typeof vectors.transforms, unknown>;

  test.each(Object.keys(SPECS) as (keyof typeof SPECS)[])("%s", async (name) => {
    const preprocessing = fitted(await load({ rows: rowsOf(vectors.train) }), SPECS[name]);
    const features = transform(rowsOf(vectors.test), preprocessing);
    for (const [row, expected] of vectors.transforms[name].entries()) {
      for (const [column, value] of expected.entries())
        expect(features[row]![column]).toBeCloseTo(value!, value! > 100 ? 3 : 5);
    }
  });

  test("one-hot, strangers all zero", async () => {
    const rows = (cells: string[][]) => cells.map(([colour]) => ({ colour }));
    const preprocessing = fitted(await load({ rows: rows(vectors.oneHot.train) }));
    expect(transform(rows(vectors.oneHot.test), preprocessing)).toEqual(vectors.oneHot.expected);
  });
});

describe("steps", () => {
  const single = async (values: readonly unknown[], step: unknown) =>
    fitted(await load({ rows: values.map((a) => ({ a })) }), { columns: { a: step } });
  const through = async (values: readonly unknown[], step: unknown, given: readonly unknown[] = values) =>
    transform(
      given.map((a) => ({ a })),
      await single(values, step),
    ).map((row) => (row.length === 1 ? row[0] : row));

  test("clip limits on both sides or one", async () => {
    expect(await through([-5, 0, 5], { type: "clip", low: -1, high: 2 })).toEqual([-1, 0, 2]);
    expect(await through([-5, 0, 5], { type: "clip", high: 2 })).toEqual([-5, 0, 2]);
  });

  test("clip takes its limits from quantiles of the training rows", async () => {
    const values = Array.from({ length: 101 }, (_, index) => index);
    expect(await through(values, { type: "clip", quantiles: [0.1, 0.9] }, [-50, 50, 500])).toEqual([10, 50, 90]);
  });

  test("clip makes infinite values usable", async () => {
    const steps = [{ type: "clip", low: 0, high: 10 }, "minMax"];
    expect(await through([0, 5, "Infinity"], steps, [5, "Infinity", "-Infinity"])).toEqual([0.5, 1, 0]);
  });

  test("log is sign(x)·ln(1 + |x|)", async () => {
    const [negative, zero, positive] = await through([-Math.E + 1, 0, Math.E - 1], "log");
    expect(negative).toBeCloseTo(-1, 6);
    expect(zero).toBeCloseTo(0, 12);
    expect(positive).toBeCloseTo(1, 6);
  });

  test("follow one another, each fitted on what the one before leaves", async () => {
    const values = [1, 10, 100, 1000].map((value) => value - 1);
    const features = (await through(values, ["log", "standardise"])) as number[];
    expect(features.reduce((sum, value) => sum + value, 0)).toBeCloseTo(0, 5);
    expect(features.reduce((sum, value) => sum + value * value, 0) / 4).toBeCloseTo(1, 5);
  });

  test("one-hot of numbers keeps the values seen", async () => {
    expect(await through([2, 1, 2], "oneHot", [1, 2, 3, null])).toEqual([
      [1, 0],
      [0, 1],
      [0, 0],
      [0, 0],
    ]); // prettier-ignore
  });

  test("a constant column becomes zero, and a new value stays finite", async () => {
    expect(await through([0.1, 0.1, 0.1], "standardise", [0.1, 1.1])).toEqual([
      expect.closeTo(0, 6),
      expect.closeTo(1, 5),
    ]);
    expect(await through([3, 3, 3], "minMax", [3, 4])).toEqual([0, 1]);
  });

  test("one row is enough", async () => {
    expect(await through([5], "standardise")).toEqual([0]);
  });

  test("missing categories become the mode or a constant when asked, else all zeros", async () => {
    const values = ["x", "y", "x"];
    expect(await through(values, "oneHot", [null])).toEqual([[0, 0]]);
    expect(await through(values, [{ type: "impute", strategy: "mode" }, "oneHot"], [null])).toEqual([[1, 0]]);
    expect(await through(values, [{ type: "impute", strategy: "constant", value: "none" }, "oneHot"], [null])).toEqual([
      [0, 0, 1],
    ]);
  });

  test("dates are numbers of days", async () => {
    expect(await through(["2024-01-01", "2024-01-03"], "minMax", ["2024-01-02"])).toEqual([0.5]);
  });

  test("dates may be sent as the training data wrote them", async () => {
    expect(await through(["30.01.2024", "01.02.2024"], "minMax", ["31.01.2024"])).toEqual([0.5]);
  });

  test("truth values are 0 and 1, sent in any form that says so", async () => {
    const { rows } = { rows: [{ a: "yes" }, { a: "no" }, { a: "yes" }] };
    const preprocessing = fitted(await load({ rows }));
    const sent = [true, false, 1, "no", "Yes", null].map((a) => ({ a }));
    expect(transform(sent, preprocessing).flat()).toEqual([1, 0, 1, 0, 1, 1]);
  });

  test("`preprocess` may be one step's name", async () => {
    const preprocessing = fitted(await load({ rows: [{ a: 2 }, { a: 4 }] }), "minMax");
    expect(transform([{ a: 3 }], preprocessing)).toEqual([[0.5]]);
  });
});

describe("categories beyond the limit", () => {
  const letters = "aaaaabbbbcccdde".split("").map((letter) => ({ letter }));

  test("share one bucket with unknown ones, the most frequent keep their own", async () => {
    const preprocessing = fitted(await load({ rows: letters }), { maxCategories: 2 });
    expect(preprocessing.columns[0]).toMatchObject({ categories: ["a", "b", "other"], unknownCode: 2 });
    expect(transform([{ letter: "b" }, { letter: "e" }, { letter: "zzz" }], preprocessing)).toEqual([
      [0, 1, 0],
      [0, 0, 1],
      [0, 0, 1],
    ]);
    expect(preprocessing.notes.join()).toMatch(/`letter`: 2 of 5/);
  });

  test("keep the bucket apart from a category of that name", async () => {
    const rows = ["other", "other", "x", "x", "y"].map((letter) => ({ letter }));
    const { categories } = fitted(await load({ rows }), { maxCategories: 2 }).columns[0]!;
    expect(categories).toEqual(["other", "x", "(other)"]);
  });
});

describe("fitting", () => {
  test("looks at the training rows only", async () => {
    const dataset = await load({
      rows: [
        { a: 0, c: "x" },
        { a: 2, c: "y" },
        { a: 1e6, c: "z" },
      ],
    });
    const { columns } = fitted(dataset, {}, Int32Array.of(0, 1));
    expect(columns[0]!.steps[1]).toEqual({ type: "standardise", center: [1], scale: [1] });
    expect(columns[1]!.categories).toEqual(["x", "y"]);
  });

  test("leaves out the target, dropped columns, free text and empty columns, and says why", async () => {
    const rows = Array.from({ length: 60 }, (_, row) => ({
      a: row,
      b: row,
      said: `sentence ${row}`,
      none: null,
      y: row % 2,
    }));
    const { columns, dropped } = fitted(await load({ rows, target: "y" }), { drop: ["b"] });
    expect(columns.map(({ name }) => name)).toEqual(["a"]);
    expect(dropped).toEqual([
      { name: "b", why: "dropped by `preprocess.drop`" },
      { name: "said", why: "text with 60 different values" },
      { name: "none", why: "no value in any training row" },
    ]);
  });

  test("is plain JSON", async () => {
    const preprocessing = fitted(await loadCsv("a,when,c,ok\n1,2024-01-02,x,yes\n2,2024-01-03,y,no\n"));
    expect(JSON.parse(JSON.stringify(preprocessing))).toEqual(preprocessing);
  });

  test("of an image keeps its shape, one mean for all pixels", async () => {
    const dataset = await load({ builtin: { type: "digits", shape: "image" } });
    const preprocessing = fitted(dataset);
    expect(preprocessing.featureShape).toEqual([1, 8, 8]);
    expect(preprocessing.columns[0]!.steps).toEqual([
      { type: "standardise", center: [expect.closeTo(4.884, 3)], scale: [expect.closeTo(1 / 6.0168, 4)] },
    ]);
  });

  test.each([
    [
      "a column that is not there",
      { columns: { agee: "log" } },
      { reason: "INVALID_PARAMS", hint: "did you mean `age`?" },
    ],
    ["dropping a column that is not there", { drop: ["toString"] }, { reason: "INVALID_PARAMS" }],
    [
      "a step that a kind cannot take",
      { columns: { colour: "log" } },
      { reason: "INVALID_PARAMS", message: expect.stringContaining("category column") },
    ],
    [
      "the mean of categories",
      { columns: { colour: [{ type: "impute", strategy: "mean" }, "oneHot"] } },
      { reason: "INVALID_PARAMS" },
    ],
    ["steps after one-hot", { columns: { colour: ["oneHot", "none"] } }, { reason: "INVALID_PARAMS" }],
    ["no column to be left", { drop: ["age", "colour"] }, { reason: "DATA_INVALID" }],
  ])("refuses %s", async (_what, spec, fault) => {
    const dataset = await load({
      rows: [
        { age: 1, colour: "red" },
        { age: 2, colour: "blue" },
      ],
    });
    expect(() => fitted(dataset, spec)).toThrow(expect.objectContaining(fault));
  });

  test("refuses infinite values by column and row, with the step that helps", async () => {
    const dataset = await loadCsv("a,b\n1,1\ninf,2\n");
    expect(() => fitted(dataset)).toThrow(
      expect.objectContaining({
        reason: "DATA_INVALID",
        message: "column `a`, row 2: Infinity",
        hint: expect.stringContaining("clip"),
      }),
    );
  });

  test("keeps columns named like inherited properties", async () => {
    const preprocessing = fitted(
      await load({ rows: [JSON.parse('{"constructor": 1, "__proto__": 2}'), { constructor: 3 }] }),
    );
    expect(transform([JSON.parse('{"constructor": 3, "__proto__": 2}')], preprocessing)).toEqual([[1, 0]]);
  });
});

describe("a dataset and the same rows sent for prediction give the same features", () => {
  test("whatever the columns hold", async () => {
    const row = fc.record({
      number: fc.option(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 })),
      colour: fc.option(fc.constantFrom("red", "blue", "green")),
      ok: fc.option(fc.boolean()),
      when: fc.option(
        fc
          .date({ min: new Date("1990-01-01"), max: new Date("2030-01-01"), noInvalidDate: true })
          .map((date) => date.toISOString().slice(0, 10)),
      ),
      place: fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 })),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 2, maxLength: 12 }), async (rows) => {
        const dataset = await load({ rows });
        const preprocessing = fitted(dataset);
        expect(transform(rows, preprocessing)).toEqual(apply(encodeDataset(dataset, preprocessing), preprocessing));
      }),
      { numRuns: 60 },
    );
  });
});

describe("what a host sends for prediction", () => {
  const flowers = (): Promise<Dataset> => load({ builtin: "iris" });
  const flower = { sepal_length: 5.1, sepal_width: 3.5, petal_length: 1.4, petal_width: 0.2 };

  test("as objects, as arrays in the columns' order and as a tensor is the same", async () => {
    const preprocessing = fitted(await flowers());
    const tensor = { dtype: "F64", shape: [1, 4], data: Float64Array.of(5.1, 3.5, 1.4, 0.2) } as const;
    const expected = transform([flower], preprocessing);
    expect(transform([[5.1, 3.5, 1.4, 0.2]], preprocessing)).toEqual(expected);
    expect(transform(tensor, preprocessing)).toEqual(expected);
  });

  test("may hold other keys, which are noted and left out", async () => {
    const notes: string[] = [];
    encodeInputs(
      [
        { ...flower, species: "?" },
        { ...flower, species: "?" },
      ],
      fitted(await flowers()),
      (note) => notes.push(note),
    );
    expect(notes).toEqual(["key `species` is no input of this model and was left out"]);
  });

  test("must hold every column of the model; each one that lacks is named", async () => {
    const preprocessing = fitted(await flowers());
    const { petal_width: _, ...rest } = flower;
    expect(() => transform([flower, rest], preprocessing)).toThrow(
      expect.objectContaining({
        reason: "DATA_INVALID",
        violations: [expect.objectContaining({ path: "inputs[1].petal_width" })],
      }),
    );
  });

  test("is refused with column, expected and got where a value is of another kind", async () => {
    expect(() => transform([{ ...flower, sepal_width: "wide" }], fitted(preloaded))).toThrow(
      expect.objectContaining({
        violations: [{ path: "inputs[0].sepal_width", message: "not a number", expected: "number", got: '"wide"' }],
      }),
    );
  });

  test.each([
    [[[0, 1, 2]], "[batch, 4]", "[1, 3]"],
    [[5.1, 3.5, 1.4, 0.2], "[batch, 4]", "[4]"],
    [[[[1, 2, 3, 4]]], "[batch, 4]", "[1, 1, 4]"],
    [{ dtype: "F32", shape: [2, 63], data: new Float32Array(126) }, "[batch, 4]", "[2, 63]"],
  ])("of the wrong shape is refused with both shapes: %j", (inputs, expected, got) => {
    expect(() => transform(inputs as never, fitted(preloaded))).toThrow(
      expect.objectContaining({ reason: "SHAPE_MISMATCH", message: `inputs: expected ${expected}, got ${got}` }),
    );
  });

  test("of a tensor model is checked against its shape, or flat", async () => {
    const preprocessing = fitted(await load({ builtin: { type: "digits", shape: "image" } }));
    expect(transform([Array.from({ length: 64 }, () => 1)], preprocessing)[0]).toHaveLength(64);
    expect(() => transform([[1, 2]], preprocessing)).toThrow("inputs: expected [batch, 1, 8, 8], got [1, 2]");
  });

  test("may be no rows at all", () => {
    expect(transform([], fitted(preloaded))).toEqual([]);
    expect(transform({ dtype: "F32", shape: [0], data: new Float32Array() }, fitted(preloaded))).toEqual([]);
  });

  test("may be no rows of a model that takes categories, too", async () => {
    const mixed = fitted(
      await load({
        rows: [
          { size: 1, colour: "red", kind: "a" },
          { size: 2, colour: "blue", kind: "b" },
        ],
        target: "kind",
      }),
    );
    expect(transform({ dtype: "F32", shape: [0], data: new Float32Array() }, mixed)).toEqual([]);
  });

  test("may lack values, which are imputed", () => {
    const preprocessing = fitted(preloaded);
    expect(transform([{ ...flower, sepal_width: null }], preprocessing)[0]![1]).toBeCloseTo(0, 5);
    expect(transform([[5.1, null, 1.4, "NaN"]], preprocessing)[0]![3]).toBeCloseTo(0, 5);
  });

  test("is refused when no float32 can hold it", () => {
    expect(() => transform([{ ...flower, sepal_width: 1e39 }], fitted(preloaded))).toThrow(
      expect.objectContaining({ reason: "NON_FINITE" }),
    );
    expect(() => transform([[1, 2, 3, "Infinity"]], fitted(preloaded))).toThrow(
      expect.objectContaining({ reason: "NON_FINITE" }),
    );
  });

  test("as a tensor to a model with categories is refused with the columns' names", async () => {
    const preprocessing = fitted(
      await load({
        rows: [
          { a: 1, colour: "red" },
          { a: 2, colour: "blue" },
        ],
      }),
    );
    const tensor = { dtype: "F32", shape: [1, 2], data: Float32Array.of(1, 2) } as const;
    expect(() => transform(tensor, preprocessing)).toThrow(
      expect.objectContaining({ reason: "DATA_INVALID", message: expect.stringContaining("a, colour") }),
    );
    expect(transform([[2, "red"]], preprocessing)).toEqual(transform([{ a: 2, colour: "red" }], preprocessing));
  });
});

describe("another dataset for a fitted model", () => {
  test("may hold its columns in another order, and others beside them", async () => {
    const preprocessing = fitted(await loadCsv("a,b\n1,10\n3,30\n"));
    const other = await loadCsv("c,b,a\nx,10,3\ny,30,1\n");
    expect([...encodeDataset(other, preprocessing)]).toEqual([3, 10, 1, 30]);
  });

  test("that lacks a column is refused, naming it", async () => {
    const preprocessing = fitted(await loadCsv("a,b\n1,10\n3,30\n"));
    const other = await loadCsv("a,c\n1,2\n");
    expect(() => encodeDataset(other, preprocessing)).toThrow(
      expect.objectContaining({ reason: "DATA_INVALID", violations: [expect.objectContaining({ path: "data.b" })] }),
    );
  });

  test("with words where the model learned numbers is refused by column and row", async () => {
    const preprocessing = fitted(await loadCsv("a,b\n1,10\n3,30\n"));
    const other = await loadCsv("a,b\n1,10\n2,many\n");
    expect(() => encodeDataset(other, preprocessing)).toThrow("column `b`, row 2: expected a number, got `many`");
  });

  test("as a table of numbers feeds a model of one tensor, and the other way round", async () => {
    const tensor = await load({
      x: [
        [1, 2],
        [3, 4],
      ],
      y: [0, 1],
    }); // prettier-ignore
    const table = await loadCsv("a,b,y\n1,2,0\n3,4,1\n", { target: "y" });
    expect([...encodeDataset(table, fitted(tensor))]).toEqual([1, 2, 3, 4]);
    expect([...encodeDataset(tensor, fitted(table))]).toEqual([1, 2, 3, 4]);
  });

  test("with other numbers of columns is refused with both shapes", async () => {
    const tensor = await load({
      x: [
        [1, 2],
        [3, 4],
      ],
      y: [0, 1],
    }); // prettier-ignore
    const table = await loadCsv("a,b,c,y\n1,2,5,0\n3,4,5,1\n", { target: "y" });
    expect(() => encodeDataset(table, fitted(tensor))).toThrow("inputs: expected [rows, 2], got [2, 3]");
  });
});

const preloaded = await load({ builtin: "iris" });
