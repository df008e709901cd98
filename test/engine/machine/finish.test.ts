/** @file Products that are summed in parts, and those that finish their own result: the reference's numbers, the same bits on any number of threads. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sequence } from "../../../bench/engine.ts";
import { createMachine, createReference, type Executor, type Tensor, trace } from "../../../src/engine/index.ts";
import { helpersUp } from "../support/helpers-up.ts";

const [machine, three, reference] = [
  createMachine(),
  createMachine({ threads: 3, oversubscribe: true }),
  createReference(),
];
beforeAll(helpersUp);
afterAll(() => {
  for (const each of [machine, three]) each.close();
});

/** The product of a [rows, depth] (or its transpose) and b [depth, columns], finished by `build` with c of its size and a row d. */
function run(executor: Executor, sizes: readonly number[], isTurned: boolean, build: Finish) {
  const [rows, columns, depth] = sizes as [number, number, number];
  const traced = trace((t) => {
    const of = (name: string, ...shape: number[]) => t.input(name, { dtype: "F32", shape });
    const a = isTurned ? of("a", depth, rows).transpose() : of("a", rows, depth);
    const y = build(a.matmul(of("b", depth, columns)), of("c", rows, columns), of("d", columns));
    return { outputs: { y } };
  });
  const program = executor.compile(traced, executor.createState({}));
  const next = sequence(11);
  for (const view of Object.values(program.inputs) as Float32Array[])
    view.set(Float32Array.from(view, () => next() - 0.5));
  program.run();
  return { y: Array.from(program.outputs.y as Float32Array), plan: program.explain() };
}

type Finish = (product: Tensor, c: Tensor, d: Tensor) => Tensor;

const FINISHES: readonly (readonly [string, Finish])[] = [
  ["a bias", (p, _c, d) => p.add(d)],
  ["a bias and the way around", (p, c, d) => c.add(p.add(d))],
  ["a factor", (p, c) => c.mul(p)],
  ["a bias and relu", (p, _c, d) => p.add(d).relu()],
];

function expectNear(got: readonly number[], wanted: readonly number[]): void {
  expect(Math.max(...got.map((value, i) => Math.abs(value - wanted[i]!)))).toBeLessThan(1e-4);
}

describe("a product finished by", () => {
  test.each(FINISHES)("%s is one instruction, and right at awkward sizes", (_name, build) => {
    for (const sizes of [
      [4, 2, 3],
      [9, 7, 5],
      [130, 261, 450],
    ]) {
      const got = run(machine, sizes, false, build);
      expectNear(got.y, run(reference, sizes, false, build).y);
      expect(got.plan).toMatch(/^1 instructions/);
      expect(run(three, sizes, false, build).y).toEqual(got.y);
    }
  });
});

describe("a deep product of a transposed left operand", () => {
  test.each([512, 1023, 1601])("is summed in parts at a depth of %i", (depth) => {
    const sizes = [65, 33, depth];
    const plain: Finish = (p) => p;
    const got = run(machine, sizes, true, plain);
    expect(got.plan).toContain("parts");
    expectNear(got.y, run(reference, sizes, true, plain).y);
    expect(run(three, sizes, true, plain).y).toEqual(got.y);
  });
});
