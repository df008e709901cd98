/** @file Random programs, and the awkward ones by hand: whatever is fused, ordered or done in place, the answer is the reference's. */
import { describe, expect, test } from "vitest";
import { sequence } from "../../../bench/engine.ts";
import {
  concat,
  createMachine,
  createReference,
  type Executor,
  random,
  type State,
  type Tensor,
  type Traced,
  type Tracer,
  trace,
} from "../../../src/engine/index.ts";

const machine = createMachine();
const reference = createReference();

const matrix = (rows: number, columns: number) => ({ dtype: "F32", shape: [rows, columns] }) as const;

interface Run {
  readonly outputs: Record<string, number[]>;
  readonly states: Record<string, number[]>;
}

/** Three runs on fresh states with fixed contents: all outputs, and the states at the end. */
function runsOf(executor: Executor, traced: Traced): Run {
  const types = Object.fromEntries(
    Object.entries(traced.states).map(([path, { dtype, shape }]) => [path, { dtype, shape }]),
  );
  const state: State = executor.createState(types);
  const next = sequence(5);
  for (const [path, type] of Object.entries(types)) {
    const length = type.shape.reduce((product, size) => product * size, 1);
    state.write(path, { ...type, data: Float32Array.from({ length }, () => next() - 0.5) });
  }
  const program = executor.compile(traced, state);
  for (const view of Object.values(program.inputs))
    (view as Float32Array).set(Float32Array.from(view as Float32Array, () => next() - 0.5));
  const outputs: Record<string, number[]> = {};
  for (let run = 0; run < 3; run++) {
    program.run();
    for (const [name, view] of Object.entries(program.outputs))
      outputs[`${name}${run}`] = Array.from(view as Float32Array);
  }
  const states = Object.fromEntries(
    Object.keys(types).map((path) => [path, Array.from(state.read(path).data as Float32Array)]),
  );
  program.release();
  state.release();
  return { outputs, states };
}

function expectAgreement(traced: Traced): void {
  const wanted = runsOf(reference, traced);
  const got = runsOf(machine, traced);
  for (const kind of ["outputs", "states"] as const) {
    for (const [name, list] of Object.entries(wanted[kind])) {
      list.forEach((value, i) => {
        const difference = Math.abs(got[kind][name]![i]! - value) / Math.max(1, Math.abs(value));
        expect(difference, `${kind} ${name}[${i}]: ${got[kind][name]![i]} instead of ${value}`).toBeLessThan(1e-4);
      });
    }
  }
}

/** A program of random ops over a few sizes, with outputs and state updates picked at random. */
function randomProgram(seed: number): Traced {
  const next = sequence(seed * 7919 + 1);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!;
  return trace((t) => {
    const [rows, columns] = [pick([1, 3, 8, 20]), pick([1, 5, 16])];
    const type = matrix(rows, columns);
    const paths = ["a", "b", "c"];
    const pool: Tensor[] = [t.input("x", type), ...paths.map((path) => t.state(path, type))];
    const steps: ((x: Tensor, y: Tensor) => Tensor)[] = [
      (x, y) => x.add(y),
      (x, y) => x.sub(y.mul(0.5)),
      (x, y) => x.mul(y),
      (x) => x.tanh(),
      (x) => x.relu(),
      (x, y) => x.greater(y).where(x, y.neg()),
      (x) => x.sub(x.mean([0], { keepDims: true })),
      (x) => x.sub(x.max([1], { keepDims: true })).exp(),
      (x, y) => x.matmul(y.transpose()).tanh().matmul(y),
      (x) => x.permute([1, 0]).reshape([rows, columns]),
      (x) => x.reshape([columns, rows]).mul(2).permute([1, 0]),
      (x) => x.sum().broadcastTo([rows, columns]).mul(0.01),
      (x) =>
        x
          .reshape([rows * columns])
          .sigmoid()
          .reshape([rows, columns]),
      (x, y) => concat([x, y], 0).slice([rows, 0], [2 * rows, columns]),
      (x) => x.sum([1]).reshape([rows, 1]).mul(0.1).add(x),
    ];
    for (let step = 0; step < 14; step++) pool.push(pick(steps)(pick(pool), pick(pool)));
    const outputs = { p: pick(pool), q: pick(pool.slice(-4)), r: pool.at(-1)!.sum() };
    const updates = Object.fromEntries(
      paths.filter(() => next() < 0.8).map((path) => [path, pick(pool).tanh().mul(0.9)]),
    );
    if (next() < 0.3) updates.a = pick(pool);
    return { outputs, updates };
  });
}

describe("random programs", () => {
  test.each([0, 1, 2, 3])("block %i of 50 agrees with the reference", (block) => {
    for (let seed = block * 50; seed < block * 50 + 50; seed++) expectAgreement(randomProgram(seed));
  });
});

describe("state updates", () => {
  const type = matrix(4, 6);
  const cases: Readonly<Record<string, Parameters<typeof trace>[0]>> = {
    "swap two states": (t) => ({ outputs: {}, updates: { a: t.state("b", type), b: t.state("a", type) } }),
    "show a state as it was before the update": (t) => {
      const a = t.state("a", type);
      return { outputs: { before: a, half: a.mul(0.5) }, updates: { a: a.add(1) } };
    },
    "write one value to two states and an output": (t) => {
      const value = t.state("a", type).add(t.state("b", type)).mul(0.4);
      return { outputs: { value, again: value.reshape([24]) }, updates: { a: value, b: value } };
    },
    "use a new value in another update": (t) => {
      const a = t.state("a", type).mul(0.9);
      return { outputs: {}, updates: { a, b: t.state("b", type).mul(0.5).add(a.mul(0.5)) } };
    },
    "use an old value in an update that comes later": (t) => {
      const [a, b] = [t.state("a", type), t.state("b", type)];
      return { outputs: {}, updates: { a: a.add(b), b: b.sub(a) } };
    },
    "read the whole old state after its own element is written": (t) => {
      const a = t.state("a", type);
      return {
        outputs: { y: a.mul(2).matmul(a.transpose()).sum() },
        updates: { a: a.sub(a.mean()).mul(2).sub(a.mul(a)) },
      };
    },
    "take a product as a new state": (t) => {
      const a = t.state("square", matrix(5, 5));
      return { outputs: {}, updates: { square: a.matmul(a) } };
    },
    "leave a state alone": (t: Tracer) => ({
      outputs: { y: t.state("a", type).exp() },
      updates: { a: t.state("a", type) },
    }),
  };
  test.each(Object.keys(cases))("%s", (name) => expectAgreement(trace(cases[name]!)));
});

describe("random numbers", () => {
  test("are the reference's, bit for bit", () => {
    const draw = (executor: Executor) => {
      const traced = trace((t) => {
        const rng = t.input("rng", { dtype: "I32", shape: [4] });
        return { outputs: { y: random.uniform(rng, [1001]) } };
      });
      const program = executor.compile(traced, executor.createState({}));
      (program.inputs.rng as Int32Array).set([-5, 77, 123_456_789, -1]);
      program.run();
      return Float32Array.from(program.outputs.y as Float32Array);
    };
    expect(draw(machine)).toEqual(draw(reference));
  });
});
