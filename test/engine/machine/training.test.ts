/** @file Whole trainings on the machine: true to the reference, the same for any number of threads, flat in memory, stoppable. */
import { afterAll, describe, expect, test } from "vitest";
import { createMachine, createReference, Fault, type MachineOptions, trace } from "../../../src/engine/index.ts";
import { NETWORKS, type Network, perceptron } from "../../../src/pipelines/networks.ts";
import { trainNetwork } from "../../../src/pipelines/runNetwork.ts";
import { helpersUp } from "../support/helpers-up.ts";

const small = NETWORKS["mlp-small"];
/** Large enough that its products are shared among threads. */
const large = perceptron(128, 1, 256, 256, 10);
const train = (network: Network, options: MachineOptions = {}) => trainNetwork(network, createMachine(options));

function losses(options: MachineOptions, steps: number): number[] {
  const training = train(small, options);
  const seen = Array.from({ length: steps }, () => {
    training.step();
    return training.loss();
  });
  training.close();
  return seen;
}

/** All weights and moments after some steps. */
async function bitsAfter(options: MachineOptions, steps: number): Promise<Int32Array[]> {
  const training = train(large, options);
  await helpersUp();
  for (let step = 0; step < steps; step++) training.step();
  const tensors = Object.keys(training.state.types).map((path) => training.state.read(path).data);
  const bits = tensors.map((data) => new Int32Array((data as Float32Array).buffer.slice(0)));
  training.close();
  return bits;
}

describe("a training on the machine", () => {
  test("has the reference's first 50 losses within 1e-4", () => {
    const training = trainNetwork(small, createReference());
    const got = losses({}, 50);
    for (const loss of got) {
      training.step();
      expect(Math.abs(loss - training.loss()) / training.loss()).toBeLessThan(1e-4);
    }
    expect(got[49]).toBeLessThan(got[0]!);
  });

  test("gives the same bits on one, two and four threads", async () => {
    const one = await bitsAfter({ threads: 1 }, 40);
    for (const threads of [2, 4]) expect(await bitsAfter({ threads, oversubscribe: true }, 40)).toEqual(one);
  });

  test("learns without relaxed SIMD too, within rounding of it", () => {
    const plain = losses({ relaxedSimd: false }, 20);
    for (const [step, loss] of losses({}, 20).entries()) expect(loss).toBeCloseTo(plain[step]!, 4);
  });

  test("gives the same bits with kernels for vectors of 256 bits", async () => {
    expect(await bitsAfter({ wideSimd: true }, 40)).toEqual(await bitsAfter({ wideSimd: false }, 40));
  });

  test("uses no more memory after 10,000 steps than after 100", () => {
    const training = train(small);
    for (let step = 0; step < 100; step++) training.step();
    const before = process.memoryUsage();
    for (let step = 0; step < 10_000; step++) training.step();
    const after = process.memoryUsage();
    training.close();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(1e6);
    expect(after.heapUsed - before.heapUsed).toBeLessThan(8e6);
  });
});

describe("an interrupted run", () => {
  const word = new Int32Array(new SharedArrayBuffer(4));
  const training = train(large, { interrupt: word });
  afterAll(() => training.close());

  test("returns false and leaves the state as it was, and the next run goes on from there", () => {
    training.step();
    const path = Object.keys(training.state.types)[0]!;
    const before = training.state.read(path).data;
    word[0] = 1;
    expect(training.program.run()).toBe(false);
    expect(training.state.read(path).data).toEqual(before);
    word[0] = 0;
    expect(training.program.run()).toBe(true);
    expect(training.state.read(path).data).not.toEqual(before);
  });
});

describe("programs on one executor", () => {
  test("share an arena: a larger program compiled later does not disturb a smaller one", () => {
    const machine = createMachine();
    const state = machine.createState({});
    const build = (rows: number) => {
      const traced = trace((t) => {
        const x = t.input("x", { dtype: "F32", shape: [rows, 8] });
        return { outputs: { y: x.matmul(x.transpose()).matmul(x).sum() } };
      });
      const program = machine.compile(traced, state);
      (program.inputs.x as Float32Array).fill(0.5);
      return program;
    };
    const run = (program: ReturnType<typeof build>) => {
      program.run();
      return (program.outputs.y as Float32Array)[0];
    };
    const little = build(16);
    expect(run(little)).toBe(16 * 16 * 8 * 8 * 0.5 ** 3);
    const big = build(512);
    expect(run(big)).toBe(512 * 512 * 8 * 8 * 0.5 ** 3);
    expect(run(little)).toBe(16 * 16 * 8 * 8 * 0.5 ** 3);
    machine.close();
  });
});

describe("memory", () => {
  test("a program that does not fit is refused with its forecast, and the machine goes on", () => {
    const machine = createMachine({ memoryLimitBytes: 8 * 2 ** 20 });
    const state = machine.createState({});
    const compile = (size: number) =>
      machine.compile(
        trace((t) => {
          const x = t.input("x", { dtype: "F32", shape: [size, size] });
          return { outputs: { y: x.matmul(x).matmul(x).sum() } };
        }),
        state,
      );
    const refusal = catchFault(() => compile(2048));
    expect(refusal.reason).toBe("OUT_OF_MEMORY");
    expect(refusal.message).toMatch(/needs \d+ MiB, and .* of 8.0 MiB are free/);
    expect(refusal.hint).toContain("batch");
    expect(compile(64).run()).toBe(true);
    machine.close();
  });

  test("is given back when programs and states are released", () => {
    const machine = createMachine({ memoryLimitBytes: 16 * 2 ** 20 });
    for (let round = 0; round < 50; round++) {
      const training = trainNetwork(large, { ...machine, close() {} });
      training.step();
      training.close();
    }
    machine.close();
  });
});

function catchFault(action: () => unknown): Fault {
  try {
    action();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}
