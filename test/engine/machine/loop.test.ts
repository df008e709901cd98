/** @file Loops on the machine: recurrence without its steps written out, true to the reference and to itself. */
import { describe, expect, test } from "vitest";
import { createMachine, createReference, gradients, scan, type Tensor, trace } from "../../../src/engine/index.ts";
import { createGenerator, largestDifference, materialize, run } from "../support/samples.ts";

const draw = createGenerator(5);
const reals = (...shape: number[]) => materialize({ dtype: "F32", shape, low: -1, high: 1 }, draw);

/** h' = tanh(h · w + x), stacking h' and x · h: elements of 4 · width floats, and of 4. */
function recurrence([h, xs, w]: readonly Tensor[], reverse = false) {
  return scan({ carry: [h!], over: [xs!], given: [w!], reverse }, ([state], [x], [weights]) => {
    const next = state!.matmul(weights!).add(x!).tanh();
    return { carry: [next], outputs: [next, x!.mul(state!).sum(1)] };
  });
}

/** Everything that a training wants of it. */
function all(inputs: readonly Tensor[], reverse = false): Record<string, Tensor> {
  const { carry, outputs } = recurrence(inputs, reverse);
  const [last, [states, sums]] = [carry[0]!, outputs as [Tensor, Tensor]];
  const loss = last
    .square()
    .sum()
    .add(states.mul(sums.exp().reshape([...sums.shape, 1])).sum());
  const slopes = gradients(loss, inputs.slice(0, 3));
  return { last, states, sums, ...Object.fromEntries(slopes.map((slope, i) => [`d${i}`, slope])) };
}

const inputsOf = (width: number, length: number) => [reals(4, width), reals(length, 4, width), reals(width, width)];

describe("a loop on the machine", () => {
  // Elements of 16 floats end on a cache line; those of 12 don't, and are made elsewhere.
  test.each([
    [4, false],
    [3, false],
    [3, true],
    [4, true],
  ])("computes what the reference does, forward and backward (width %s, reverse %s)", (width, reverse) => {
    const inputs = inputsOf(width, 7);
    const expected = run(createReference(), inputs, (tensors) => all(tensors, reverse));
    const machine = createMachine();
    const got = run(machine, inputs, (tensors) => all(tensors, reverse));
    machine.close();
    for (const [name, values] of Object.entries(expected)) {
      expect(largestDifference(got[name]!, values), name).toBeLessThan(1e-4);
    }
  });

  test("gives its carries as they were when there are no steps", () => {
    const machine = createMachine();
    const inputs = inputsOf(4, 0);
    const { last } = run(machine, inputs, (tensors) => ({ last: recurrence(tensors).carry[0]! }));
    machine.close();
    expect(last).toEqual([...inputs[0]!.data]);
  });

  test("exchanges carries without losing one", () => {
    const machine = createMachine();
    const { a, b, seen } = run(machine, [reals(3, 16)], ([xs]) => {
      const carry = [1, 2].map((value) => xs.constant(value).broadcastTo([16]));
      const { carry: last, outputs } = scan({ carry, over: [xs] }, ([x, y]) => ({ carry: [y!, x!], outputs: [x!] }));
      return { a: last[0]!.max(), b: last[1]!.max(), seen: outputs[0]!.max([1]) };
    });
    machine.close();
    expect({ a, b, seen }).toEqual({ a: [2], b: [1], seen: [1, 2, 1] });
  });

  test("may stand in another's step, and may follow it", () => {
    const nested = ([xs]: readonly Tensor[]) => {
      const outer = scan({ carry: [xs!.constant(0)], over: [xs!] }, ([sum], [row]) => {
        const inner = scan({ carry: [sum!], over: [row!] }, ([total], [x]) => ({ carry: [total!.mul(0.5).add(x!)] }));
        return { carry: inner.carry, outputs: inner.carry };
      });
      return { sums: outer.outputs[0]! };
    };
    const inputs = [reals(3, 5)];
    const machine = createMachine();
    const got = run(machine, inputs, nested).sums!;
    machine.close();
    expect(largestDifference(got, run(createReference(), inputs, nested).sums!)).toBeLessThan(1e-6);
  });

  test("gives the same bits on one thread and on three", async () => {
    const inputs = [reals(64, 96), reals(10, 64, 96), reals(96, 96)];
    const bits = async (threads: number) => {
      const machine = createMachine({ threads });
      // Helpers need a moment to come up, and only then take part.
      await new Promise((resolve) => setTimeout(resolve, 200));
      const values = run(machine, inputs, ([h, xs, w]) => {
        const { outputs } = scan({ carry: [h], over: [xs], given: [w] }, ([state], [x], [weights]) => {
          const next = state!.matmul(weights!).add(x!).tanh();
          return { carry: [next], outputs: [next] };
        });
        const [dw] = gradients(outputs[0]!.square().sum(), [w]);
        return { states: outputs[0]!, dw: dw! };
      });
      machine.close();
      return values;
    };
    expect(await bits(3)).toEqual(await bits(1));
  });

  test("changes no state when it is stopped, and begins anew after that", () => {
    const interrupt = new Int32Array(new SharedArrayBuffer(4));
    const machine = createMachine({ interrupt });
    const state = machine.createState({ sum: { dtype: "F32", shape: [] } });
    const program = machine.compile(
      trace((t) => {
        const sum = t.state("sum", { dtype: "F32", shape: [] });
        const xs = t.input("xs", { dtype: "F32", shape: [2000, 64, 64] });
        const { carry } = scan({ carry: [sum], over: [xs] }, ([total], [x]) => ({
          carry: [total!.add(x!.sin().sum())],
        }));
        return { outputs: {}, updates: { sum: carry[0]! } };
      }),
      state,
    );
    (program.inputs.xs as Float32Array).fill(Math.PI / 2);
    interrupt[0] = 1;
    expect(program.run()).toBe(false);
    expect(state.read("sum").data[0]).toBe(0);
    interrupt[0] = 0;
    expect(program.run()).toBe(true);
    expect(state.read("sum").data[0]).toBe(2000 * 64 * 64);
    machine.close();
  });

  test("is no more instructions for more steps", () => {
    const count = (length: number) => {
      const machine = createMachine();
      const types = [
        [4, 4],
        [length, 4, 4],
        [4, 4],
      ].map((shape) => ({ dtype: "F32" as const, shape }));
      const traced = trace((t) => ({ outputs: all(types.map((type, i) => t.input(`${i}`, type))) }));
      const lines = machine.compile(traced, machine.createState({})).explain().split("\n").length;
      machine.close();
      return lines;
    };
    expect(count(500)).toBe(count(5));
  });
});
