import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createMachine, createReference, type Executor, type Tensor, trace } from "../../../src/engine/index.ts";
import { penalised, toward, towardSquare } from "../../../src/pipelines/optimizers/common.ts";
import { OPTIMIZERS } from "../../../src/pipelines/optimizers/index.ts";
import type { Optimizer } from "../../../src/pipelines/registry/define.ts";
import { compute, expectClose, f32, VECTORS } from "../vectors.ts";

const { shapes, start, gradients, cases } = VECTORS.optimizers;
const byType = new Map(OPTIMIZERS.map((optimizer) => [optimizer.type, optimizer]));

const machine = createMachine();
afterAll(() => machine.close());
const executors = [
  // States hold float32, whatever computes.
  { where: "the reference", executor: createReference(), tolerance: 1e-6 },
  { where: "the machine", executor: machine, tolerance: 1e-5 },
];

/** Both parameters after each step. */
function steps(executor: Executor, optimizer: Optimizer, options: Readonly<Record<string, unknown>>): number[][][] {
  const slots = optimizer.slots(options);
  const scalarsAt = optimizer.scalars(options);
  const leaves = shapes.map((shape, index) => ({ path: `p${index}`, type: { dtype: "F32", shape } as const }));
  const paths = leaves.flatMap(({ path, type }) =>
    [path, ...Object.keys(slots).map((slot) => `${slot}.${path}`)].map((name) => [name, type] as const),
  );
  const state = executor.createState(Object.fromEntries(paths));
  for (const [index, { path, type }] of leaves.entries()) {
    state.write(path, { ...type, data: Float64Array.from(start[index]!) });
    for (const [slot, initial] of Object.entries(slots)) {
      state.write(`${slot}.${path}`, { ...type, data: new Float64Array(start[index]!.length).fill(initial) });
    }
  }
  const traced = trace((t) => {
    const scalar = (name: string): [string, Tensor] => [name, t.input(name, { dtype: "F32", shape: [] })];
    const scalars = Object.fromEntries(Object.keys(scalarsAt(1, 1)).map(scalar));
    const updates = leaves.flatMap(({ path, type }) => {
      const parameter = t.state(path, type);
      const gradient = t.input(`gradient.${path}`, type);
      const kept = Object.fromEntries(Object.keys(slots).map((slot) => [slot, t.state(`${slot}.${path}`, type)]));
      const updated = optimizer.update({ parameter, gradient, slots: kept, scalars }, options);
      return [
        [path, updated.parameter] as const,
        ...Object.entries(updated.slots).map(([slot, value]) => [`${slot}.${path}`, value] as const),
      ];
    });
    return { outputs: {}, updates: Object.fromEntries(updates) };
  });
  const program = executor.compile(traced, state);
  return gradients.map((given, index) => {
    for (const [place, values] of given.entries()) (program.inputs[`gradient.p${place}`] as Float32Array).set(values);
    for (const [name, value] of Object.entries(scalarsAt(index + 1, Number(options.learningRate)))) {
      program.inputs[name]![0] = value;
    }
    program.run();
    return leaves.map(({ path }) => Array.from(state.read(path).data, Number));
  });
}

describe("optimizers", () => {
  it("all have a vector with their defaults", () => {
    const plain = cases.filter(({ type, options }) => type === "sgd" || Object.keys(options).length === 0);
    expect([...new Set(plain.map(({ type }) => type))].sort()).toEqual([...byType.keys()].sort());
  });

  describe.each(executors)("on $where", ({ executor, tolerance }) => {
    describe.each(cases)("$type $options", ({ type, options, first, last }) => {
      const optimizer = byType.get(type)!;
      let after: number[][][];
      beforeAll(() => {
        after = steps(executor, optimizer, optimizer.options.parse(options));
      });
      it("makes PyTorch's first step", () => expectClose(after[0]!.flat(), first.flat(), tolerance));
      it("is where PyTorch is after twenty", () => expectClose(after.at(-1)!.flat(), last.flat(), tolerance));
    });
  });

  it("answers the same scalars when asked from the middle, as a resumed training does", () => {
    const nadam = byType.get("nadam")!;
    const options = nadam.options.parse({});
    const [walked, fresh] = [nadam.scalars(options), nadam.scalars(options)];
    for (let step = 1; step < 57; step++) walked(step, 0.1);
    expect(fresh(57, 0.1)).toEqual(walked(57, 0.1));
  });

  it.each([0, 1e-3, 1])("lets no average fade into the subnormal numbers, where processors crawl, from %s", (first) => {
    const state = machine.createState({ mean: { dtype: "F32", shape: [5] }, square: { dtype: "F32", shape: [5] } });
    const traced = trace((t) => {
      const [mean, square] = ["mean", "square"].map((path) => t.state(path, { dtype: "F32", shape: [5] }));
      const gradient = t.input("gradient", { dtype: "F32", shape: [5] });
      const updates = { mean: toward(mean!, gradient, 0.1), square: towardSquare(square!, gradient, 0.9) };
      return { outputs: {}, updates };
    });
    const program = machine.compile(traced, state);
    for (let step = 0; step < 2000; step++) {
      program.inputs.gradient!.fill((step === 0 ? first : 0) as never);
      program.run();
    }
    const faded = ["mean", "square"].flatMap((path) => Array.from(state.read(path).data, Number));
    expect(faded.filter((value) => value !== 0 && Math.abs(value) < 2 ** -126)).toEqual([]);
    expect(Math.max(...faded.map(Math.abs))).toBeLessThan(1e-30);
    if (first === 0) expect(faded).toEqual(Array(10).fill(0));
  });

  it("adds the gradients of L1 and L2 penalties", () => {
    const { penalty } = compute((t) => ({
      penalty: penalised(f32(t, [0, 0, 0]), f32(t, [-2, 0, 3]), { l1: 0.1, l2: 0.01 }),
    }));
    expectClose(penalty!, [-0.12, 0, 0.13], 1e-7);
  });
});
