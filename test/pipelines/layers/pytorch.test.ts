import { afterAll, describe, expect, it } from "vitest";
import {
  createMachine,
  createReference,
  type Executor,
  gradients,
  type NdArray,
  type Shape,
  type Tensor,
  trace,
} from "../../../src/engine/index.ts";

import { createScope } from "../../../src/pipelines/layers/scope.ts";
import { reals } from "../formula.ts";
import { applied, type Case, cases, expectWithin, LAYERS } from "./cases.ts";

/** Everything that a case stores, as this executor computes it. */
function computed(executor: Executor, each: Case) {
  const { training, inputs, outputs: wanted } = each;
  const shapes: Record<string, Shape> = {};
  const traced = trace((t) => {
    const { scope, declarations } = createScope(t, { training });
    const given = Object.fromEntries(
      Object.entries(inputs).map(([name, { dtype, shape, values }]): [string, Tensor] => {
        if (values === undefined) return [name, t.input(name, { dtype: "F32", shape })];
        return [name, t.constant({ dtype, shape, data: Int32Array.from(values) } as NdArray)];
      }),
    );
    const outputs = applied(each, scope, given);
    const loss = Object.entries(outputs)
      .map(([name, value]) => {
        const shape = wanted[name]?.shape ?? [];
        return value.mul(t.constant({ dtype: "F32", shape, data: reals(`gradient.${name}`, shape) })).sum();
      })
      .reduce((total, term) => total.add(term));

    const leaves = [...declarations.leaves.values()];
    for (const { path, type } of leaves) shapes[path] = type.shape;
    const of = Object.fromEntries([
      ...Object.entries(given).filter(([, tensor]) => tensor.dtype === "F32"),
      ...leaves.filter(({ trainable }) => trainable).map(({ path, tensor }) => [path, tensor] as const),
    ]);
    const found = gradients(loss, Object.values(of));
    const prefixed = (kind: string, tensors: Record<string, Tensor>) =>
      Object.entries(tensors).map(([name, tensor]) => [`${kind} ${name}`, tensor]);
    return {
      outputs: Object.fromEntries([
        ...prefixed("outputs", outputs),
        ...prefixed("gradients", Object.fromEntries(Object.keys(of).map((path, i) => [path, found[i]!]))),
        ...prefixed("updates", Object.fromEntries(declarations.updates)),
      ]),
    };
  });

  const state = executor.createState(
    Object.fromEntries(Object.entries(shapes).map(([path, shape]) => [path, { dtype: "F32", shape }])),
  );
  for (const [path, shape] of Object.entries(shapes)) {
    const values = reals(path, shape);
    // Running statistics are positive there, for the variance's sake.
    const data = path.startsWith("running") ? values.map(Math.abs) : values;
    state.write(path, { dtype: "F32", shape, data: Float32Array.from(data) });
  }
  const program = executor.compile(traced, state);
  for (const [name, view] of Object.entries(program.inputs))
    (view as Float32Array).set(reals(name, inputs[name]!.shape));
  program.run();
  const values = Object.fromEntries(
    Object.entries(program.outputs).map(([name, view]) => [name, Array.from(view, Number)]),
  );
  program.release();
  state.release();
  return values;
}

const machine = createMachine();
afterAll(() => machine.close());
const executors = [
  { name: "the reference", executor: createReference(), tolerance: 1e-6 },
  { name: "the machine", executor: machine, tolerance: 1e-4 },
];

describe.each(executors)("against PyTorch on $name", ({ executor, tolerance }) => {
  it.each(cases.map((each) => [`${each.layer}: ${each.name}`, each] as const))("%s", (_, each) => {
    const got = computed(executor, each);
    for (const kind of ["outputs", "gradients", "updates"] as const) {
      const names = Object.keys(got).filter((name) => name.startsWith(kind));
      expect(names.sort()).toEqual(
        Object.keys(each[kind])
          .map((name) => `${kind} ${name}`)
          .sort(),
      );
      for (const [name, stored] of Object.entries(each[kind])) {
        expectWithin(got[`${kind} ${name}`], stored, tolerance, `${kind} ${name}`);
      }
    }
  });
});

it("has a vector for every layer it knows", () => {
  expect([...new Set(cases.map(({ layer }) => layer))].sort()).toEqual(Object.keys(LAYERS).sort());
});
