/** @file PyTorch's numbers (`scripts/vectors/learning.py`), and graphs run in float64 to compare with them. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { createReference, type Tensor, type Tracer, trace } from "../../src/engine/index.ts";

interface Case {
  readonly type: string;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface TensorVector {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

export interface TrainingVector {
  readonly backbone: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
  readonly initial: Readonly<Record<string, TensorVector>>;
  readonly final: Readonly<Record<string, TensorVector>>;
  readonly losses: readonly number[];
  readonly probabilities: readonly number[];
}

export interface Vectors {
  readonly points: readonly number[];
  readonly activations: Readonly<Record<string, { y: readonly number[]; dx: readonly number[] }>>;
  readonly losses: {
    readonly shape: readonly [number, number];
    readonly raw: readonly number[];
    readonly classes: readonly number[];
    readonly labels: readonly number[];
    readonly values: readonly number[];
    readonly cases: readonly (Case & {
      target: "classes" | "labels" | "values";
      loss: number;
      dx: readonly number[];
    })[];
  };
  readonly optimizers: {
    readonly shapes: readonly (readonly number[])[];
    readonly start: readonly (readonly number[])[];
    readonly gradients: readonly (readonly (readonly number[])[])[];
    readonly cases: readonly (Case & { first: readonly (readonly number[])[]; last: readonly (readonly number[])[] })[];
  };
  readonly schedules: {
    readonly steps: number;
    readonly stepsPerEpoch: number;
    readonly cases: readonly (Case & { factors: readonly number[] })[];
  };
  readonly plateau: {
    readonly values: readonly number[];
    readonly cases: readonly Pick<Case & { factors: readonly number[] }, "options" | "factors">[];
  };
  readonly trainings: {
    readonly x: readonly number[];
    readonly y: readonly number[];
    readonly batchSize: number;
    readonly epochs: number;
    readonly cases: Readonly<Record<string, TrainingVector>>;
  };
}

export const VECTORS = JSON.parse(
  readFileSync(new URL("../vectors/learning.json", import.meta.url), "utf8"),
) as Vectors;

/** Runs a graph of constants in float64; results by name. */
export function compute(build: (t: Tracer) => Readonly<Record<string, Tensor>>): Record<string, number[]> {
  const executor = createReference();
  const program = executor.compile(
    trace((t) => ({ outputs: build(t) })),
    executor.createState({}),
  );
  program.run();
  return Object.fromEntries(Object.entries(program.outputs).map(([name, view]) => [name, Array.from(view, Number)]));
}

export function f32(t: Tracer, values: readonly number[], shape: readonly number[] = [values.length]): Tensor {
  return t.constant({ dtype: "F32", shape, data: Float64Array.from(values) });
}

/** Each number as close as float64 arithmetic in another order leaves it. */
export function expectClose(got: readonly number[], wanted: readonly number[], tolerance = 1e-10): void {
  expect(got.length).toBe(wanted.length);
  for (const [index, value] of wanted.entries()) {
    const off = Math.abs(got[index]! - value) / Math.max(1, Math.abs(value));
    expect(off, `element ${index}: ${got[index]}, should be ${value}`).toBeLessThan(tolerance);
  }
}
