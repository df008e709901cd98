/** @file The cases of test/vectors/layers.json, which `scripts/vectors/layers.py` writes, and the layers that they are of. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { type DType, type Shape, Tensor } from "../../../src/engine/index.ts";
import { attention } from "../../../src/pipelines/layers/attention.ts";
import { batchNorm } from "../../../src/pipelines/layers/batchNorm.ts";
import { conv, convTranspose } from "../../../src/pipelines/layers/conv.ts";
import { dense } from "../../../src/pipelines/layers/dense.ts";
import { embedding } from "../../../src/pipelines/layers/embedding.ts";
import { groupNorm, instanceNorm, layerNorm, rmsNorm } from "../../../src/pipelines/layers/norm.ts";
import { adaptivePool, averagePool, globalPool, maxPool } from "../../../src/pipelines/layers/pooling.ts";
import { sinusoidalPositions } from "../../../src/pipelines/layers/positions.ts";
import { type RecurrentOptions, recurrent } from "../../../src/pipelines/layers/recurrent.ts";
import type { Scope } from "../../../src/pipelines/layers/scope.ts";
import { transformerBlock } from "../../../src/pipelines/layers/transformer.ts";

/** One layer with options, and what PyTorch makes of it. */
export interface Case {
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
export interface Stored {
  readonly shape: Shape;
  readonly values: readonly number[];
}

// biome-ignore lint/suspicious/noExplicitAny: the options of each case are those of its layer
type Layer = (scope: Scope, x: Tensor, options: any) => Tensor | Record<string, Tensor>;
export const LAYERS = {
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
  recurrent(scope: Scope, x: Tensor, options: RecurrentOptions & { hidden0?: Tensor; cell0?: Tensor }) {
    const { hidden0, cell0, ...rest } = options;
    const initial = hidden0 && cell0 && [[hidden0, cell0]];
    const { outputs, last } = recurrent(scope, x, { ...rest, ...(initial && { initial }) });
    const states = last.flatMap((memories, run) => memories.map((value, i) => [`last.${run}.${i}`, value] as const));
    return { y: outputs, ...Object.fromEntries(states) };
  },
  rmsNorm,
  sinusoidalPositions,
  transformerBlock,
} as const satisfies Record<string, Layer>;

export const { cases } = JSON.parse(readFileSync(new URL("../../vectors/layers.json", import.meta.url), "utf8")) as {
  cases: readonly Case[];
};

/** @param tolerance relative to the largest of the wanted numbers; where all are zero but for rounding, to a hundredth */
export function expectWithin(
  got: readonly number[] | undefined,
  { values }: Stored,
  tolerance: number,
  what: string,
): void {
  expect(got?.length, what).toBe(values.length);
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-2);
  for (const [index, value] of values.entries()) {
    const off = Math.abs(got![index]! - value) / largest;
    expect(off, `${what}, element ${index}: ${got![index]}, should be ${value}`).toBeLessThan(tolerance);
  }
}

/** The tensors that a case's layer makes, by name, from inputs of the case's names. */
export function applied({ layer, options }: Case, scope: Scope, inputs: Readonly<Record<string, Tensor>>) {
  const { x, ...others } = inputs;
  const result = (LAYERS[layer] as Layer)(scope, x!, { ...options, ...others });
  return result instanceof Tensor ? { y: result } : result;
}
