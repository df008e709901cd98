/** @file Rows of token numbers that are none: refused wherever rows come in, with the row. */
import { expect, it } from "vitest";
import { createMachine } from "../../../src/engine/index.ts";
import { evaluate, inspect, predict } from "../../../src/pipelines/index.ts";
import { faultOf } from "../../support/fault.ts";
import { learn, load, matrix, registry } from "../training/rig.ts";

const ROWS = [
  [1, 2, 3],
  [3, 2, 0],
  [2, 2, 1],
  [3, 1, 1],
];
const y = { dtype: "I32", shape: [4], data: Int32Array.from([0, 1, 0, 1]) } as const;
const withRow = (row: number, tokens: number[]) => load({ x: matrix(ROWS.with(row, tokens)), y });
const spec = (more: object = {}) => ({ backbone: { type: "gru", vocabulary: 4, hidden: 4, ...more } });
const train = { epochs: 1 };

it.each([
  ["too large", [3, 4, 0], "4"],
  ["negative", [3, -1, 0], "-1"],
  ["broken", [3, 0.5, 0], "0.5"],
])("a token that is %s is refused in training", async (_, tokens, got) => {
  const dataset = await withRow(2, tokens);
  expect(faultOf(() => learn({ dataset, spec: spec(), train }))).toMatchObject({
    reason: "DATA_INVALID",
    violations: [{ path: "data[2]", got }],
  });
});

it("and in evaluation and prediction", async () => {
  const dataset = await withRow(0, [1, 2, 3]);
  const executor = createMachine();
  const { record } = learn({ dataset, executor: createMachine(), spec: spec(), train }).result;
  const context = { registry, executor, record };
  const other = await withRow(1, [9, 0, 0]);
  expect(faultOf(() => evaluate(context, other)).violations).toMatchObject([{ path: "data[1]", got: "9" }]);
  const inputs = matrix([
    [1, 1, 1],
    [1, 1, 7],
  ]);
  expect(faultOf(() => predict(context, inputs)).violations).toMatchObject([{ path: "inputs[1]", got: "7" }]);
});

it("padding may be a number of its own", async () => {
  const dataset = await withRow(0, [1, 9, 9]);
  expect(learn({ dataset, spec: spec({ padding: 9 }), train }).result.outcome).toBe("completed");
});

const sequences = (lengths: number[], count = lengths.length) =>
  load({
    x: { dtype: "F32", shape: [count, 3, 2], data: Float32Array.from({ length: 6 * count }, (_, i) => Math.sin(i)) },
    y: { dtype: "I32", shape: [count], data: Int32Array.from({ length: count }, (_, row) => row % 2) },
    lengths: { dtype: "F32", shape: [count], data: Float32Array.from(lengths) },
  });
const counting = { backbone: { type: "gru", lengths: "lengths", hidden: 4 } };

it.each([
  ["beyond the row", 4, "4"],
  ["of nothing", 0, "0"],
  ["that is broken", 1.5, "1.5"],
])("a length %s is refused in training", async (_, length, got) => {
  const dataset = await sequences([3, 1, length, 2]);
  expect(faultOf(() => learn({ dataset, spec: counting, train }))).toMatchObject({
    reason: "DATA_INVALID",
    violations: [{ path: "data[2]", expected: "a whole number from 1 to 3", got }],
  });
});

it("and in evaluation, prediction and inspection, whose rows may be filled with anything", async () => {
  const executor = createMachine();
  const { record } = learn({ dataset: await sequences([3, 1, 2, 2]), executor, spec: counting, train }).result;
  const context = { registry, executor, record };
  const other = await sequences([3, 9, 1, 1]);
  expect(faultOf(() => evaluate(context, other)).violations).toMatchObject([{ path: "data[1]", got: "9" }]);
  const row = (inputs: number[][], lengths: number) => ({ inputs, lengths });
  const wrong = [
    row(
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      3,
    ),
    row(
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      5,
    ),
  ];
  expect(faultOf(() => predict(context, wrong)).violations).toMatchObject([{ path: "inputs[1]", got: "5" }]);
  const look = { what: ["activations"], layers: undefined, data: undefined, bins: 0, values: false } as const;
  expect(faultOf(() => inspect(context, { ...look, inputs: wrong })).violations).toMatchObject([{ path: "inputs[1]" }]);
  const filled = (value: number) =>
    predict(context, [
      row(
        [
          [1, 2],
          [value, value],
          [value, value],
        ],
        1,
      ),
    ]).probabilities;
  expect(filled(7)).toEqual(filled(-3));
});
