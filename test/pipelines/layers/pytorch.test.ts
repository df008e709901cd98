import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import {
  createMachine,
  createReference,
  type DType,
  type Executor,
  gradients,
  type NdArray,
  type Shape,
  type Tensor,
  trace,
} from "../../../src/engine/index.ts";
import { attention } from "../../../src/pipelines/layers/attention.ts";
import { batchNorm } from "../../../src/pipelines/layers/batchNorm.ts";
import { conv, convTranspose } from "../../../src/pipelines/layers/conv.ts";
import { dense } from "../../../src/pipelines/layers/dense.ts";
import { embedding } from "../../../src/pipelines/layers/embedding.ts";
import { groupNorm, instanceNorm, layerNorm, rmsNorm } from "../../../src/pipelines/layers/norm.ts";
import { adaptivePool, averagePool, globalPool, maxPool } from "../../../src/pipelines/layers/pooling.ts";
import { sinusoidalPositions } from "../../../src/pipelines/layers/positions.ts";
import { type RecurrentOptions, recurrent } from "../../../src/pipelines/layers/recurrent.ts";
import { createScope, type Scope } from "../../../src/pipelines/layers/scope.ts";
import { transformerBlock } from "../../../src/pipelines/layers/transformer.ts";
import { reals } from "../formula.ts";

/** One layer with options, and what PyTorch makes of it. `scripts/vectors/layers.py` writes these. */
interface Case {
  readonly name: string;
  readonly layer: keyof typeof LAYERS;
  readonly options: Readonly<Record<string, unknown>>;
  readonly training: boolean;
  /** Floats come from the formula by their names. */
  readonly inputs: Readonly<Record<string, { dtype: DType; shape: Shape; values?: readonly number[] }>>;
  readonly outputs: Readonly<Record<string, Stored>>;
  /** Of the sum of all outputs, each times numbers from the formula. */
  readonly gradients: Readonly<Record<string, Stored>>;
  readonly updates: Readonly<Record<string, Stored>>;
}
interface Stored {
  readonly shape: Shape;
  readonly values: readonly number[];
}

// biome-ignore lint/suspicious/noExplicitAny: the options of each case are those of its layer
type Layer = (scope: Scope, x: Tensor, options: any) => Tensor | Record<string, Tensor>;
const LAYERS = {
  adaptivePool,
  attention,
  averagePool,
  batchNorm,
  conv,
  convTranspose,
  dense,
  embedding,
  globalPool,
  groupNorm,
  instanceNorm,
  layerNorm,
  maxPool,
  recurrent(scope: Scope, x: Tensor, options: RecurrentOptions) {
    const { outputs, last } = recurrent(scope, x, options);
    const states = last.flatMap((memories, run) => memories.map((value, i) => [`last.${run}.${i}`, value] as const));
    return { y: outputs, ...Object.fromEntries(states) };
  },
  rmsNorm,
  sinusoidalPositions,
  transformerBlock,
} as const satisfies Record<string, Layer>;

const { cases } = JSON.parse(readFileSync(new URL("../../vectors/layers.json", import.meta.url), "utf8")) as {
  cases: readonly Case[];
};

/** Everything that a case stores, as this executor computes it. */
function computed(executor: Executor, { layer, options, training, inputs, outputs: wanted }: Case) {
  const shapes: Record<string, Shape> = {};
  const traced = trace((t) => {
    const { scope, declarations } = createScope(t, { training });
    const given = Object.fromEntries(
      Object.entries(inputs).map(([name, { dtype, shape, values }]): [string, Tensor] => {
        if (values === undefined) return [name, t.input(name, { dtype: "F32", shape })];
        return [name, t.constant({ dtype, shape, data: Int32Array.from(values) } as NdArray)];
      }),
    );
    const { x, ...others } = given;
    const result = (LAYERS[layer] as Layer)(scope, x!, { ...options, ...others });
    const outputs = "node" in result ? { y: result as Tensor } : (result as Record<string, Tensor>);
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

/** @param tolerance relative to the largest of the wanted numbers; where all are zero but for rounding, to a hundredth */
function expectWithin(got: readonly number[] | undefined, { values }: Stored, tolerance: number, what: string): void {
  expect(got?.length, what).toBe(values.length);
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-2);
  for (const [index, value] of values.entries()) {
    const off = Math.abs(got![index]! - value) / largest;
    expect(off, `${what}, element ${index}: ${got![index]}, should be ${value}`).toBeLessThan(tolerance);
  }
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
