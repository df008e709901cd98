/** @file A model spec: what a host asks for, with every default filled in. Plain data, saved as it is in `model.json`. */

import type { PreprocessSpec } from "../preprocess/spec.ts";

/** The name of a registered definition, and its options beside it: `{"type": "mlp", "hidden": [64]}`. */
export type Configured = { readonly type: string } & Readonly<Record<string, unknown>>;

export interface ModelSpec {
  /** A registered pipeline: `classification`, `regression`, `multilabel`, or a plugin's. */
  readonly pipeline: string;
  /** What one row looks like before preprocessing; null until the data of the first training says. */
  readonly input: { readonly shape: readonly number[] } | null;
  readonly backbone: Configured;
  readonly head: Configured;
  /** Fitted on the training part of the first training's data. */
  readonly preprocess: PreprocessSpec;
  /** Decides the initial weights. */
  readonly seed: number;
}
