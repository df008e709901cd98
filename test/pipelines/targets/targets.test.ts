import { describe, expect, test } from "vitest";
import { createReference, trace } from "../../../src/engine/index.ts";
import { allRows } from "../../../src/pipelines/data/dataset.ts";
import {
  encodeTarget,
  fitTarget,
  standardiseTarget,
  type TargetOptions,
  unitsOf,
} from "../../../src/pipelines/targets/index.ts";
import { load } from "../data/load.support.ts";

const rowsWith = (targets: readonly unknown[]) => load({ rows: targets.map((y, x) => ({ x, y })), target: "y" });

async function fitted(targets: readonly unknown[], kind: "classes" | "labels" | "values", options: TargetOptions = {}) {
  const dataset = await rowsWith(targets);
  const encoding = fitTarget(kind, dataset, allRows(dataset.rows), options);
  return { encoding, encoded: [...(encodeTarget(dataset, encoding).data as Float32Array)] };
}

describe("classes", () => {
  test.each([
    ["words by code unit", ["b", "a", "B", "a"], ["B", "a", "b"], [2, 1, 0, 1]],
    ["numbers by size", [10, 9, 2, 10], ["2", "9", "10"], [2, 1, 0, 2]],
    ["truth values", [true, false, true], ["false", "true"], [1, 0, 1]],
    ["truth values in the source's words", ["yes", "no", "yes"], ["no", "yes"], [1, 0, 1]],
  ])("are %s", async (_what, targets, classes, encoded) => {
    expect(await fitted(targets, "classes")).toEqual({
      encoding: { kind: "classes", columns: ["y"], classes },
      encoded,
    });
  });

  test("that the spec names are kept in its order, seen or not", async () => {
    const { encoding, encoded } = await fitted(["b", "a"], "classes", { classes: ["c", "b", "a"] });
    expect([encoding, encoded]).toEqual([{ kind: "classes", columns: ["y"], classes: ["c", "b", "a"] }, [1, 2]]);
  });

  test("outside those that the model knows are refused by row and name", async () => {
    const { encoding } = await fitted(["a", "b"], "classes");
    const other = await rowsWith(["a", "b", "c"]);
    expect(() => encodeTarget(other, encoding)).toThrow(
      expect.objectContaining({
        reason: "DATA_INVALID",
        violations: [{ path: "data.y[2]", message: "unknown class", expected: "one of a, b", got: "c" }],
      }),
    );
  });

  test("are found under the target's name in another dataset, whatever that is", async () => {
    const { encoding } = await fitted(["a", "b"], "classes");
    const other = await load({ rows: [{ x: 1, label: "b" }], target: "label" });
    expect([...(encodeTarget(other, encoding).data as Int32Array)]).toEqual([1]);
  });

  test.each([
    ["one class only", ["a", "a"], /at least 2 classes, got only `a`/],
    ["measured numbers", Array.from({ length: 50 }, (_, row) => row / 7), /use|classes, got 50 different values/],
    ["missing targets", ["a", null, "b"], /missing in 1 of 3 rows/],
  ])("are refused for %s", async (_what, targets, message) => {
    await expect(fitted(targets, "classes")).rejects.toThrow(message);
  });

  test("are refused when no target is named, with the columns there are", async () => {
    const dataset = await load({ rows: [{ a: 1, b: 2 }] });
    expect(() => fitTarget("classes", dataset, allRows(1))).toThrow(
      expect.objectContaining({ reason: "DATA_INVALID", hint: "name one of its columns: a, b" }),
    );
  });
});

describe("labels", () => {
  test("come from tags in one column", async () => {
    expect(await fitted(["b;a", "c", ["a", "c"], []], "labels")).toEqual({
      encoding: { kind: "labels", columns: ["y"], source: "tags", labels: ["a", "b", "c"] },
      encoded: [1, 1, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0],
    });
  });

  test("come from several columns of 0 and 1", async () => {
    const dataset = await load({
      rows: [
        { x: 1, p: 0, q: true },
        { x: 2, p: 1, q: false },
      ],
      target: ["p", "q"],
    });
    const encoding = fitTarget("labels", dataset, allRows(2));
    expect(encoding).toEqual({ kind: "labels", columns: ["p", "q"], source: "columns", labels: ["p", "q"] });
    expect([...(encodeTarget(dataset, encoding).data as Float32Array)]).toEqual([0, 1, 1, 0]);
  });

  test("come from a tensor of 0 and 1", async () => {
    const dataset = await load({
      x: [[1], [2]],
      y: [
        [0, 1, 1],
        [1, 0, 0],
      ],
    }); // prettier-ignore
    const encoding = fitTarget("labels", dataset, allRows(2));
    expect(encoding).toMatchObject({ source: "tensor", labels: ["0", "1", "2"] });
    expect(encodeTarget(dataset, encoding)).toEqual({
      dtype: "F32",
      shape: [2, 3],
      data: Float32Array.of(0, 1, 1, 1, 0, 0),
    });
  });

  test("other than 0 and 1 are refused by row", async () => {
    const dataset = await load({
      x: [[1], [2]],
      y: [
        [0, 1],
        [1, 2],
      ],
    }); // prettier-ignore
    expect(() => fitTarget("labels", dataset, allRows(2))).toThrow(/expected 0 or 1, got 2 in row 2/);
  });

  test("that the model does not know are refused by row", async () => {
    const { encoding } = await fitted(["a;b", "b"], "labels");
    const other = await rowsWith(["a", "b;z"]);
    expect(() => encodeTarget(other, encoding)).toThrow(/row 2: `z`/);
  });
});

describe("values", () => {
  test("keep their units when encoded; the graph standardises and restores them", async () => {
    const { encoding, encoded } = await fitted([10, 20, 30, 40], "values");
    expect(encoding).toEqual({ kind: "values", columns: ["y"], width: 1, center: [25], scale: [1 / Math.sqrt(125)] });
    expect(encoded).toEqual([10, 20, 30, 40]);

    const traced = trace((t) => {
      const values = t.input("values", { dtype: "F32", shape: [4, 1] });
      const learned = standardiseTarget(t, values, encoding);
      return { outputs: { learned, restored: unitsOf(t, encoding).value(learned) } };
    });
    const executor = createReference();
    const program = executor.compile(traced, executor.createState({}));
    program.inputs.values!.set(encoded as never);
    program.run();
    expect([...(program.outputs.restored as Float64Array)].map((value) => Math.round(value * 1e4) / 1e4)).toEqual(
      encoded,
    );
    expect([...(program.outputs.learned as Float64Array)].reduce((sum, value) => sum + value ** 2, 0) / 4).toBeCloseTo(
      1,
      5,
    );
  });

  test("are learned as they are when the spec says so", async () => {
    expect((await fitted([10, 20], "values", { standardise: false })).encoding).toMatchObject({
      center: [0],
      scale: [1],
    });
  });

  test("that are constant stay finite", async () => {
    expect((await fitted([7, 7, 7], "values")).encoding).toMatchObject({ center: [7], scale: [1] });
  });

  test("may be several a row, from columns or a tensor", async () => {
    const columns = await load({
      rows: [
        { x: 1, p: 1, q: 2 },
        { x: 2, p: 3, q: 4 },
      ],
      target: ["p", "q"],
    });
    const tensor = await load({
      x: [[1], [2]],
      y: [
        [1, 2],
        [3, 4],
      ],
    }); // prettier-ignore
    for (const dataset of [columns, tensor]) {
      expect(encodeTarget(dataset, fitTarget("values", dataset, allRows(2)))).toEqual({
        dtype: "F32",
        shape: [2, 2],
        data: Float32Array.of(1, 2, 3, 4),
      });
    }
  });

  test("that are words are refused with the pipeline that takes them", async () => {
    await expect(fitted(["low", "high"], "values")).rejects.toMatchObject({
      reason: "DATA_INVALID",
      hint: expect.stringContaining("`classification`"),
    });
  });

  test("that are infinite are refused by row", async () => {
    await expect(fitted([1, "Infinity", 2], "values")).rejects.toThrow(/Infinity in row 2/);
  });
});

describe("sequences", () => {
  const x = [[1], [2]];
  const encoded = async (y: unknown, options: TargetOptions = {}) => {
    const dataset = await load({ x, y } as never);
    const encoding = fitTarget("sequence", dataset, allRows(2), options);
    return { encoding, encoded: [...(encodeTarget(dataset, encoding).data as Int32Array)] };
  };

  test("are classes by element, −1 where nothing counts", async () => {
    const found = await encoded([
      [5, 7, 5],
      [7, -1, Number.NaN],
    ]);
    expect(found.encoding).toMatchObject({ classes: ["5", "7"], length: 3, unit: "elements", ends: false });
    expect(found.encoded).toEqual([0, 1, 0, 1, -1, -1]);
  });

  test("leave the padding class out, wherever it stands", async () => {
    const found = await encoded(
      [
        [5, 0, 7],
        [7, 0, 0],
      ],
      { padding: "0" },
    );
    expect(found.encoding.classes).toEqual(["5", "7"]);
    expect(found.encoded).toEqual([0, -1, 1, 1, -1, -1]);
  });

  test("end where the column of lengths says", async () => {
    const y = [
      [1, 2, 1],
      [2, 2, 2],
    ];
    const dataset = await load({ x, y, lengths: [3, 1] } as never);
    const encoding = fitTarget("sequence", dataset, allRows(2), { lengths: "lengths" });
    expect([...(encodeTarget(dataset, encoding).data as Int32Array)]).toEqual([0, 1, 0, 1, -1, -1]);
  });

  test("are the characters of texts, and an end after them where they are written", async () => {
    const dataset = await load({
      rows: [
        { q: "x", a: "ba" },
        { q: "y", a: "😀" },
      ],
      target: "a",
      types: { a: "text" },
    });
    const encoding = fitTarget("sequence", dataset, allRows(2), { ends: true });
    expect(encoding).toMatchObject({ classes: ["a", "b", "😀"], length: 3, unit: "characters" });
    expect([...(encodeTarget(dataset, encoding).data as Int32Array)]).toEqual([1, 0, 3, 2, 3, -1]);
  });
});

describe("several tasks", () => {
  test("lie side by side, class indices as numbers", async () => {
    const dataset = await load({
      rows: [
        { x: 1, kind: "b", size: 4 },
        { x: 2, kind: "a", size: 6 },
      ],
      target: ["kind", "size"],
    });
    const kind = fitTarget("classes", dataset, allRows(2), {}, ["kind"]);
    const size = fitTarget("values", dataset, allRows(2), {}, ["size"]);
    const encoding = { kind: "tasks", columns: ["kind", "size"], tasks: { kind, size } } as const;
    expect(encodeTarget(dataset, encoding)).toEqual({ dtype: "F32", shape: [2, 2], data: Float32Array.of(1, 4, 0, 6) });
  });
});
