/** @file Long short-term memories on the machine: true to themselves whatever computes them, and exact in their gates. */
import { describe, expect, test } from "vitest";
import { createMachine, gradients, type MachineOptions, type NdArray, type Tensor } from "../../../src/engine/index.ts";
import { helpersUp } from "../support/helpers-up.ts";
import { createGenerator, materialize, run } from "../support/samples.ts";

const reals = (draw: () => number, ...shape: number[]) => materialize({ dtype: "F32", shape, low: -1, high: 1 }, draw);

/** Sequences, weights, a bias and first states, of 10 features and 12 hidden units. */
function inputsOf(time: number, batch: number): NdArray[] {
  const draw = createGenerator(9);
  const weights = [reals(draw, 10, 48), reals(draw, 12, 48), reals(draw, 48)];
  return [reals(draw, time, batch, 10), ...weights, reals(draw, batch, 12), reals(draw, batch, 12)];
}

/** Everything that a training wants of it. */
function all(inputs: readonly Tensor[]): Record<string, Tensor> {
  const done = inputs[0]!.op("lstm", { reverse: false, masked: false }, ...inputs.slice(1));
  const [outputs, hidden, cell] = [done.part(0), done.part(1), done.part(2)];
  const loss = outputs.square().sum().add(hidden.mul(cell).sum());
  const slopes = gradients(loss, inputs);
  return { outputs, hidden, cell, ...Object.fromEntries(slopes.map((slope, i) => [`d${i}`, slope])) };
}

async function resultsOf(inputs: readonly NdArray[], options: MachineOptions): Promise<Record<string, number[]>> {
  const machine = createMachine({ oversubscribe: true, ...options });
  if (options.threads !== 1) await helpersUp();
  const results = run(machine, inputs, all);
  machine.close();
  return results;
}

describe("an LSTM", () => {
  test.each([24, 30])("of a batch of %d gives the same bits on one thread and on three", async (batch) => {
    const inputs = inputsOf(200, batch);
    expect(await resultsOf(inputs, { threads: 3 })).toEqual(await resultsOf(inputs, { threads: 1 }));
  });

  test("takes a row of a batch as it takes the row alone", async () => {
    const [sequences, ...others] = inputsOf(6, 16) as [NdArray, ...NdArray[]];
    const own = ({ data, shape }: NdArray, row: number): NdArray => {
      const width = shape.at(-1)!;
      const rows = Array.from({ length: data.length / width / 16 }, (_, t) => (t * 16 + row) * width);
      const values = rows.flatMap((at) => Array.from(data.subarray(at, at + width), Number));
      return { dtype: "F32", shape: [...shape.slice(0, -2), 1, width], data: Float64Array.from(values) };
    };
    const together = await resultsOf([sequences, ...others], { threads: 1 });
    for (const row of [0, 7, 13]) {
      const alone = [own(sequences, row), ...others.slice(0, 3), ...others.slice(3).map((state) => own(state, row))];
      const { hidden, cell } = await resultsOf(alone, { threads: 1 });
      expect([hidden, cell]).toEqual(
        [together.hidden!, together.cell!].map((all) => all.slice(row * 12, row * 12 + 12)),
      );
    }
  });

  test.each([true, false])("has gates within 4 units in the last place, fused or not (%s)", (relaxedSimd) => {
    const values = Float32Array.from({ length: 4096 }, (_, i) => (i % 2 === 0 ? 87 : 4) * (i / 2048 - 1));
    const ones = (...shape: number[]): NdArray => ({ dtype: "F32", shape, data: new Float64Array(16).fill(1) });
    const zeros = (...shape: number[]): NdArray => ({
      dtype: "F32",
      shape,
      data: new Float64Array(shape.reduce((size, axis) => size * axis, 1)),
    });
    const sequences: NdArray = { dtype: "F32", shape: [1, 4096, 1], data: Float64Array.from(values) };
    const machine = createMachine({ relaxedSimd });
    const inputs = [sequences, ones(1, 16), zeros(4, 16), zeros(16), zeros(4096, 4), zeros(4096, 4)];
    const { gates } = run(machine, inputs, ([x, ...others]) => ({
      gates: x.op("lstm", { reverse: false, masked: false }, ...others).part(5),
    }));
    machine.close();
    const spacing = (x: number) => 2 ** (Math.floor(Math.log2(Math.abs(x))) - 23);
    const wrong = Array.from(values).flatMap((x, row) =>
      [0, 8].flatMap((column) => {
        const wanted = column === 0 ? 1 / (1 + Math.exp(-x)) : Math.tanh(x);
        const got = gates![row * 16 + column]!;
        return wanted === got || Math.abs(got - wanted) <= 4 * spacing(wanted) ? [] : [{ x, column, got, wanted }];
      }),
    );
    expect(wrong).toEqual([]);
  });
});
