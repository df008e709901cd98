import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { encodeNpy } from "../../../src/pipelines/files/npy.ts";
import vectors from "../../vectors/npy.json" with { type: "json" };
import { cellsOf, columnOf, load, temporaryFolder, writeTemporary } from "./load.support.ts";

const ROWS = [
  { size: 1.5, colour: "red", when: "2024-01-02", ok: true, place: [1, 2] },
  { size: null, colour: "blue", when: "2024-01-03", ok: false, place: [3, 4] },
  { size: "NaN", colour: "red", ok: true, place: [5, 6], late: 7 },
];

describe("one table is the same dataset", () => {
  test("as rows, as a JSON array, as JSON columns and as NDJSON", async () => {
    const names = ["size", "colour", "when", "ok", "place", "late"];
    const columns = Object.fromEntries(
      names.map((name) => [name, ROWS.map((row) => (row as Record<string, unknown>)[name] ?? null)]),
    );
    const lines = ROWS.map((row) => JSON.stringify(row)).join("\n");
    const hashes = await Promise.all(
      [
        { rows: ROWS, target: "ok" },
        { json: { path: writeTemporary("a.json", JSON.stringify(ROWS)), target: "ok" } },
        { json: { path: writeTemporary("b.json", JSON.stringify({ columns })), target: "ok" } },
        { ndjson: { path: writeTemporary("c.ndjson", `\ufeff${lines}\r\n\n`), target: "ok" } },
      ].map(async (reference) => (await load(reference)).hash),
    );
    expect(new Set(hashes)).toHaveLength(1);
  });

  test("with another target it is another dataset", async () => {
    expect((await load({ rows: ROWS, target: "ok" })).hash).not.toBe((await load({ rows: ROWS, target: "size" })).hash);
  });
});

describe("rows in a request", () => {
  test("have their kinds inferred, keys that a row lacks are missing", async () => {
    const dataset = await load({ rows: ROWS, target: "ok" });
    expect(dataset.report.kinds).toEqual({
      size: "number",
      colour: "category",
      when: "date",
      ok: "boolean",
      place: "tensor",
      late: "number",
    });
    expect(cellsOf(columnOf(dataset, "size"))).toEqual([1.5, null, null]);
    expect(cellsOf(columnOf(dataset, "late"))).toEqual([null, null, 7]);
    expect(columnOf(dataset, "place")).toMatchObject({ shape: [2], values: Float32Array.of(1, 2, 3, 4, 5, 6) });
  });

  test("may hold lists of tags, joined by semicolons; no tags are no missing value", async () => {
    const { columns } = await load({ rows: [{ tags: ["a", "b"] }, { tags: [] }, { tags: ["b"] }] });
    expect(cellsOf(columns[0]!)).toEqual(["a;b", "", "b"]);
  });

  test("that are no objects are refused by number", async () => {
    await expect(load({ rows: [{ a: 1 }, [2]] })).rejects.toMatchObject({
      reason: "DATA_INVALID",
      violations: [{ path: "rows[1]", got: "[2]" }],
    });
  });

  test("with nested objects are refused by column and row", async () => {
    await expect(load({ rows: [{ a: 1 }, { a: { b: 2 } }] })).rejects.toMatchObject({
      reason: "DATA_INVALID",
      message: expect.stringMatching(/column `a`, row 2/),
    });
  });

  test("with arrays of another shape further on are refused with both shapes", async () => {
    const rows = [...Array.from({ length: 1001 }, () => ({ a: [1, 2] })), { a: [1, 2, 3] }];
    await expect(load({ rows })).rejects.toMatchObject({
      message: expect.stringMatching(/row 1002: expected an array of shape \[2\], got shape \[3\]/),
    });
  });

  test("keep to their own keys when those are called like inherited ones", async () => {
    const rows = [JSON.parse('{"__proto__": 1, "toString": 2}'), { valueOf: 3 }];
    const { columns } = await load({ rows });
    expect(columns.map((column) => [column.name, cellsOf(column)])).toEqual([
      ["__proto__", [1, null]],
      ["toString", [2, null]],
      ["valueOf", [null, 3]],
    ]);
  });

  test("of which there are none are refused", async () => {
    await expect(load({ rows: [] })).rejects.toMatchObject({ reason: "DATA_INVALID" });
  });
});

describe("JSON files", () => {
  test("with columns of different lengths are refused by column", async () => {
    const path = writeTemporary("a.json", '{"columns": {"a": [1, 2], "b": [1]}}');
    await expect(load({ json: { path } })).rejects.toMatchObject({
      violations: [{ path: "columns.b", expected: "2 values", got: "1 values" }],
    });
  });

  test.each(["{", "3", "null", '{"a": 1}', ""])("that hold %j are refused", async (text) => {
    await expect(load({ json: { path: writeTemporary("a.json", text) } })).rejects.toMatchObject({
      reason: "DATA_INVALID",
    });
  });

  test("of one object a line leave out lines that are none, and quote them", async () => {
    const path = writeTemporary("a.ndjson", '{"a": 1}\n{"a": \n[1]\n{"a": 2}\n');
    const { rows, report } = await load({ ndjson: { path } });
    expect(rows).toBe(2);
    expect(report.badRows).toEqual({
      count: 2,
      first: [
        { line: 2, problem: "not a JSON object", text: '{"a":' },
        { line: 3, problem: "not a JSON object", text: "[1]" },
      ],
    });
  });
});

describe("tensors", () => {
  const x = { dtype: "F32", shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) } as const;

  test("become the columns inputs and target", async () => {
    const dataset = await load({ x, y: { dtype: "I64", shape: [3], data: BigInt64Array.of(0n, 2n, 1n) } });
    expect(dataset).toMatchObject({
      rows: 3,
      target: "target",
      report: { kinds: { inputs: "tensor", target: "number" } },
    });
    expect(columnOf(dataset, "inputs").shape).toEqual([2]);
    expect(cellsOf(columnOf(dataset, "target"))).toEqual([0, 2, 1]);
  });

  test("may be nested arrays, and class names may be strings", async () => {
    const dataset = await load({
      x: [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      y: ["cat", "dog", "cat"],
    }); // prettier-ignore
    expect(columnOf(dataset, "inputs").values).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6));
    expect(columnOf(dataset, "target").categories).toEqual(["cat", "dog"]);
  });

  test("of half precision keep their extremes", async () => {
    const half = (bits: number[]) => ({ dtype: "F16", shape: [bits.length, 1], data: Uint16Array.from(bits) });
    const { columns } = await load({ x: half([0x7bff, 0x0001, 0x8000, 0x7c00, 0x3c01]) });
    expect([...columns[0]!.values]).toEqual([65504, 2 ** -24, -0, Infinity, 1 + 2 ** -10]);
    const brain = { dtype: "BF16", shape: [3, 1], data: Uint16Array.of(0x7f7f, 0x0001, 0xc000) };
    expect([...(await load({ x: brain })).columns[0]!.values]).toEqual([2 ** 127 * (2 - 2 ** -7), 2 ** -133, -2]);
  });

  test.each([
    ["of different row counts", { x, y: [1, 2] }, /x has 3 rows and y has 2/],
    ["without a batch axis", { x: { dtype: "F32", shape: [], data: Float32Array.of(1) } }, /`x` is a scalar/],
    ["with fewer elements than their shape", { x: { ...x, shape: [3, 3] } }, /needs 9 elements, got 6/],
    ["whose rows differ", { x: [[1, 2], [3]] }, /array of shape \[2, 2\]/],
    [
      "whose rows differ in depth",
      {
        x: [
          [1, 2],
          [[3], 4],
        ],
      },
      /array of shape \[2, 2\]/,
    ],
    ["of strings", { x: [["a"]] }, /holds strings/],
    ["of objects", { x: [[{}]] }, /expected numbers/],
  ])("%s are refused", async (_what, reference, message) => {
    await expect(load(reference)).rejects.toThrow(message);
  });

  test("without rows are refused", async () => {
    await expect(load({ x: { dtype: "F32", shape: [0, 4], data: new Float32Array() } })).rejects.toMatchObject({
      reason: "DATA_INVALID",
    });
  });
});

describe(".npy pairs", () => {
  test("are read like tensors, strings as class names", async () => {
    const folder = temporaryFolder();
    const [x, y] = [join(folder, "x.npy"), join(folder, "y.npy")];
    writeFileSync(x, encodeNpy({ dtype: "F64", shape: [3, 2], data: Float64Array.of(1, 2, 3, 4, 5, 6) }));
    writeFileSync(y, Buffer.from(vectors.strings.file, "base64"));
    const dataset = await load({ npy: { x, y } });
    expect(columnOf(dataset, "inputs").values).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6));
    expect(columnOf(dataset, "target").categories).toEqual(["setosa", "grün", ""]);
  });
});

describe("builtin sets", () => {
  test.each([
    ["digits", 1797, "target"],
    ["iris", 150, "species"],
    ["wine", 178, "cultivar"],
    ["breast-cancer", 569, "diagnosis"],
    ["diabetes", 442, "progression"],
  ])("%s has %d rows and the target %s", async (builtin, rows, target) => {
    expect(await load({ builtin })).toMatchObject({ name: builtin, rows, target, report: { source: "builtin" } });
  });

  test("take options beside their type", async () => {
    const { columns } = await load({ builtin: { type: "digits", shape: "image", scale: "unit" } });
    expect(columns[0]!.shape).toEqual([1, 8, 8]);
    expect(Math.max(...columns[0]!.values)).toBe(1);
  });

  test("of an unknown name are refused with the nearest", async () => {
    await expect(load({ builtin: "irsi" })).rejects.toMatchObject({
      reason: "INVALID_PARAMS",
      hint: "did you mean `iris`?",
    });
  });

  test("are read whatever folders the host may name", async () => {
    expect((await load({ builtin: "iris" }, { roots: ["/nowhere"] })).rows).toBe(150);
  });
});

describe("a data reference", () => {
  test("to a handle gives what is under it", async () => {
    const iris = await load({ builtin: "iris" });
    expect(await load({ handle: "d_1" }, { handles: { d_1: iris } })).toBe(iris);
    await expect(load({ handle: "toString" }, { handles: {} })).rejects.toMatchObject({ reason: "NOT_FOUND" });
  });

  test.each([[{}], [{ cvs: {} }], [null], ["iris"], [[1, 2]]])(
    "%j is refused, and the forms are named",
    async (reference) => {
      await expect(load(reference)).rejects.toMatchObject({
        reason: "INVALID_PARAMS",
        violations: [{ expected: expect.stringContaining("builtin, csv") }],
      });
    },
  );

  test("outside the allowed folders is denied", async () => {
    const path = writeTemporary("a.csv", "a,b\n1,2\n");
    await expect(load({ csv: { path } }, { roots: [temporaryFolder()] })).rejects.toMatchObject({
      reason: "PATH_DENIED",
    });
  });

  test("loads into shared memory, so that threads need no copy", async () => {
    const dataset = structuredClone(await load({ builtin: "iris" }));
    for (const { values } of dataset.columns) expect(values.buffer).toBeInstanceOf(SharedArrayBuffer);
  });
});
