import { describe, expect, it } from "vitest";
import { createReference } from "../../../src/engine/index.ts";
import { evaluate } from "../../../src/pipelines/index.ts";
import { faultOf } from "../../support/fault.ts";
import { learn, load, lossCurve, matrix, registry } from "./rig.ts";

const x = Array.from({ length: 12 }, (_, row) => [Math.sin(row), Math.cos(3 * row)]);
const y = { dtype: "I32", shape: [12], data: Int32Array.from(x, ([first]) => Number(first! > 0)) } as const;
const weights = Array.from({ length: 12 }, (_, row) => row % 3);
const weighted = await load({ x: matrix(x), y, sampleWeight: weights });
/** The rows of weight 1 once, those of weight 2 twice, those of weight 0 never. */
const repeated = weights.flatMap((weight, row) => new Array<number>(weight).fill(row));
const spelled = await load({
  x: matrix(repeated.map((row) => x[row]!)),
  y: { dtype: "I32", shape: [12], data: Int32Array.from(repeated, (row) => y.data[row]!) },
});
const executor = createReference();
const wishes = { executor, spec: { preprocess: "none" }, train: { epochs: 5, batchSize: 12, optimizer: "sgd" } };

describe("sample weights", () => {
  it("count as so many rows in training", () => {
    const [a, b] = [weighted, spelled].map((dataset) => lossCurve(learn({ ...wishes, dataset }).events));
    for (const [epoch, loss] of a!.entries()) expect(loss).toBeCloseTo(b![epoch]!, 6);
  });

  it("count as so many rows in evaluation", () => {
    const { record } = learn({ ...wishes, dataset: spelled }).result;
    const [a, b] = [weighted, spelled].map((dataset) => evaluate({ registry, executor, record }, dataset).metrics);
    for (const name of ["loss", "accuracy", "f1"]) expect(a![name], name).toBeCloseTo(b![name]!, 6);
  });

  it("can be a column of a table, which is then no input", async () => {
    const rows = x.map(([a, b], row) => ({ a, b, label: y.data[row] === 1 ? "up" : "down", worth: weights[row] }));
    const table = await load({ rows, target: "label", sampleWeight: "worth" });
    const { record } = learn({ ...wishes, dataset: table }).result;
    expect(record.preprocessing!.columns.map(({ name }) => name)).toEqual(["a", "b"]);
  });

  it.each([
    ["a column that is not there", "wroth", "worth"],
    ["the target", "label", "a column of its own"],
    ["a negative one", "bad", ">= 0"],
  ])("are refused: %s", async (_what, sampleWeight, expected) => {
    const rows = [
      { a: 1, label: 0, worth: 1, bad: 1 },
      { a: 2, label: 1, worth: 1, bad: -1 },
    ];
    const fault = await load({ rows, target: "label", sampleWeight }).then(
      () => undefined,
      (thrown: Error) =>
        faultOf(() => {
          throw thrown;
        }),
    );
    expect(fault!.reason).toBe("DATA_INVALID");
    expect(JSON.stringify([fault!.violations, fault!.hint])).toContain(expected);
  });
});
